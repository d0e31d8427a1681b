"""Check-node rules: how the parity checks of a code answer its variables, for a vector of frames at once.

A rule is a named tuple of its parameters, and its type selects what numba compiles. ``posterior`` holds one vector per
variable and ``answers`` one per edge of the code's graph, flat, of the type that ``dtype_of`` gives. Every rule is
layered: each check sees the answers of those before it. A check's degree is read from the graph, not assumed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from numba.extending import overload

from baselines.fec.vector import (
    WIDTH,
    fill,
    floor,
    load,
    magnitude,
    maximum,
    minimum,
    power_of_two,
    select,
    store,
    with_sign,
)


class Graph(NamedTuple):
    """Sparse parity-check matrix: row r touches the variables ``columns[rows[r]:rows[r + 1]]`` (both int32)."""

    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]


class OffsetMinSum(NamedTuple):
    """Offset min-sum in int8, ``scale`` steps per unit of LLR, clipped at ±``clip``.

    Answers lose ``offset`` and are capped at ``cap``: without the cap the posteriors of a frame that has converged
    saturate, and it falls apart again.
    """

    scale: float = 4
    clip: float = 63
    certain: float = 127
    offset: int = 2
    cap: int = 31


class NormalisedMinSum(NamedTuple):
    """Min-sum in float32 with answers scaled by ``factor``."""

    scale: float = 1
    clip: float = 1e4
    certain: float = 1e4
    factor: float = 0.75


class SumProduct(NamedTuple):
    """Belief propagation in float32, exact to rounding."""

    scale: float = 1
    clip: float = 1e4
    certain: float = 1e4


Rule = OffsetMinSum | NormalisedMinSum | SumProduct


def dtype_of(rule: Rule) -> np.dtype[np.int8] | np.dtype[np.float32]:
    """The type of a rule's messages."""
    return np.dtype(np.int8) if isinstance(rule, OffsetMinSum) else np.dtype(np.float32)


def sweep(rule, graph, posterior, answers, scratch):
    """One iteration: every check of the graph answers once. Jitted code only; ``scratch`` has twice as many vectors
    as the largest check has edges."""
    raise NotImplementedError


@overload(sweep)
def _sweep(rule, graph, posterior, answers, scratch):
    return _sum_product if rule.instance_class is SumProduct else _min_sum


def _largest(rule):
    """A vector of magnitudes that no message exceeds."""


@overload(_largest)
def _largest_of(rule):
    if rule.instance_class is OffsetMinSum:
        return lambda rule: fill(np.uint8(255))
    return lambda rule: fill(np.float32(np.inf))


def _weaken(rule, size):
    """What a rule makes of the smallest magnitude, since that overestimates the exact answer."""


@overload(_weaken)
def _weaken_by(rule, size):
    if rule.instance_class is OffsetMinSum:
        return lambda rule, size: minimum(size - fill(np.uint8(rule.offset)), fill(np.uint8(rule.cap)))
    return lambda rule, size: size * fill(np.float32(rule.factor))


def _min_sum(rule, graph, posterior, answers, scratch):
    lanes = WIDTH // answers.itemsize
    for row in range(graph.rows.size - 1):
        edges = range(graph.rows[row], graph.rows[row + 1])
        first = _largest(rule)
        second = _largest(rule)
        sign = fill(posterior.dtype.type(0))
        for edge in edges:
            at = graph.columns[edge] * lanes
            message = load(posterior, at) - load(answers, edge * lanes)
            store(posterior, at, message)
            sign = sign ^ message
            size = magnitude(message)
            second = minimum(second, maximum(first, size))
            first = minimum(first, size)
        to_first = _weaken(rule, second)
        to_others = _weaken(rule, first)
        for edge in edges:
            at = graph.columns[edge] * lanes
            message = load(posterior, at)
            size = select(magnitude(message) == first, to_first, to_others)
            answer = with_sign(size, sign ^ message)
            store(answers, edge * lanes, answer)
            store(posterior, at, message + answer)


@njit(nogil=True, cache=True)
def _exp_of_negative(x):
    """e^x for float32 lanes x <= 0, to 2e-7 relative: 2^n times a Taylor series in the rest."""
    steps = maximum(x, fill(np.float32(-80))) * fill(np.float32(1.4426950408889634))
    whole = floor(steps + fill(np.float32(0.5)))
    rest = (steps - whole) * fill(np.float32(0.6931471805599453))
    series = fill(np.float32(1))
    for term in (6.0, 5.0, 4.0, 3.0, 2.0, 1.0):
        series = fill(np.float32(1)) + series * rest * fill(np.float32(1 / term))
    return series * power_of_two(whole)


@njit(nogil=True, cache=True)
def _box_plus(a, b):
    """log((1 + e^(a+b)) / (e^a + e^b)), the LLR of the exclusive or of two bits."""
    zero = fill(np.float32(0))
    u = _exp_of_negative(zero - magnitude(a + b))
    w = _exp_of_negative(zero - magnitude(a - b))
    s = (u - w) / (fill(np.float32(2)) + u + w)
    square = s * s
    series = fill(np.float32(1 / 13))
    for term in (11.0, 9.0, 7.0, 5.0, 3.0, 1.0):
        series = fill(np.float32(1 / term)) + series * square
    correction = (s + s) * series  # log((1 + u) / (1 + w)) = 2 artanh(s)
    return with_sign(minimum(magnitude(a), magnitude(b)), a ^ b) + correction


def _sum_product(rule, graph, posterior, answers, scratch):
    """Answers from partial sums of the messages before and after each edge, which cancels nothing."""
    lanes = WIDTH // answers.itemsize
    for row in range(graph.rows.size - 1):
        start = graph.rows[row]
        degree = graph.rows[row + 1] - start
        certain = fill(np.float32(rule.certain))
        before = certain
        for i in range(degree):
            at = graph.columns[start + i] * lanes
            message = load(posterior, at) - load(answers, (start + i) * lanes)
            store(scratch, 2 * i * lanes, before)
            store(scratch, (2 * i + 1) * lanes, message)
            before = _box_plus(before, message)
        after = certain
        for i in range(degree - 1, -1, -1):
            message = load(scratch, (2 * i + 1) * lanes)
            answer = _box_plus(load(scratch, 2 * i * lanes), after)
            store(answers, (start + i) * lanes, answer)
            store(posterior, graph.columns[start + i] * lanes, message + answer)
            after = _box_plus(after, message)

"""Check-node rules: how the parity checks of a code answer its variables, for a vector of frames at once.

A rule is a named tuple of its parameters, and its type selects what numba compiles. Every rule is layered: each check
sees the answers of those before it. A check's degree is read from the graph, not assumed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from numba.extending import overload

from linksim.simd.elementary import exp, log
from linksim.simd.vector import (
    fill,
    lanes_of,
    load,
    magnitude,
    maximum,
    minimum,
    select,
    store,
    with_sign,
)


class Graph(NamedTuple):
    """Sparse parity-check matrix: row r touches the variables ``columns[rows[r]:rows[r + 1]]`` (both uint32)."""

    rows: npt.NDArray[np.uint32]
    columns: npt.NDArray[np.uint32]


class Memory(NamedTuple):
    """What one thread works in: flat arrays of the type that ``dtype_of`` gives for the rule.

    rows: a row of LLRs per lane, padded to whole vectors. spare: two square tiles of it. posterior: a vector per
    variable. answers: a vector per edge of the graph. scratch: two vectors per edge of the largest check. fresh: −1 in
    the lanes whose answers are void, since their frame has not been through a sweep. decisions: the hard decisions, a
    word of 32 or 64 bits per variable with a bit per lane. All but it are ``widened`` for vectors of 64 bytes.
    """

    rows: Any
    spare: Any
    posterior: Any
    answers: Any
    scratch: Any
    fresh: Any
    decisions: Any


class OffsetMinSum(NamedTuple):
    """Offset min-sum in int8, ``scale`` steps per unit of LLR, clipped at ±``clip``.

    Answers lose ``offset`` and are capped at ``cap``: without the cap the posteriors of a frame that has converged
    saturate, and it falls apart again. ``clip`` lies below ``cap``, so that a single check can correct any bit.
    """

    scale: float = 4
    clip: float = 30
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


def sweep(rule, graph, memory):
    """One iteration: every check of the graph answers once. For jitted code only."""
    raise NotImplementedError


@overload(sweep)
def _sweep(rule, graph, memory):
    return _sum_product if rule.instance_class is SumProduct else _min_sum


def _largest(rule, size):
    """What bounds the answers of a check on a single bit, a vector such as ``size``."""


@overload(_largest)
def _largest_of(rule, size):
    if rule.instance_class is OffsetMinSum:
        return lambda rule, size: fill(size, 255)
    return lambda rule, size: fill(size, rule.clip)


def _weaken(rule, size):
    """What a rule makes of the smallest magnitude, since that overestimates the exact answer."""


@overload(_weaken)
def _weaken_by(rule, size):
    if rule.instance_class is OffsetMinSum:
        return lambda rule, size: minimum(size - fill(size, rule.offset), fill(size, rule.cap))
    return lambda rule, size: size * fill(size, rule.factor)


def _min_sum(rule, graph, memory):
    posterior, answers = memory.posterior, memory.answers
    lanes = lanes_of(answers)
    nothing = fill(answers, 0)
    fresh = load(memory.fresh, 0) < nothing
    for row in range(graph.rows.size - 1):
        edges = range(graph.rows[row], graph.rows[row + 1])
        first = _largest(rule, magnitude(nothing))
        second = _largest(rule, magnitude(nothing))
        sign = nothing
        for edge in edges:
            at = graph.columns[edge] * lanes
            message = load(posterior, at) - select(fresh, nothing, load(answers, edge * lanes))
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


def _sum_product(rule, graph, memory):
    """With u = e^−|LLR| the exclusive or of two bits has (u + v) / (1 + uv), which loses no digits of either; the
    answer to an edge joins what comes before it and what comes after it."""
    posterior, answers, scratch = memory.posterior, memory.answers, memory.scratch
    lanes = lanes_of(answers)
    nothing = fill(answers, 0)  # as u: a bit without doubt
    fresh = load(memory.fresh, 0) < nothing
    for row in range(graph.rows.size - 1):
        start = graph.rows[row]
        degree = graph.rows[row + 1] - start
        before = nothing
        sign = nothing
        for i in range(degree):
            at = graph.columns[start + i] * lanes
            message = load(posterior, at) - select(fresh, nothing, load(answers, (start + i) * lanes))
            store(posterior, at, message)
            sign = sign ^ message
            u = exp(nothing - magnitude(message))
            store(scratch, 2 * i * lanes, u)
            store(scratch, (2 * i + 1) * lanes, before)
            before = _join(before, u)
        after = nothing
        for i in range(degree - 1, -1, -1):
            at = graph.columns[start + i] * lanes
            message = load(posterior, at)
            size = nothing - log(_join(load(scratch, (2 * i + 1) * lanes), after))
            answer = with_sign(size, sign ^ message)
            store(answers, (start + i) * lanes, answer)
            store(posterior, at, message + answer)
            after = _join(after, load(scratch, 2 * i * lanes))


@njit(nogil=True, cache=True)
def _join(u, v):
    return (u + v) / (fill(u, 1) + u * v)

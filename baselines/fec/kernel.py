"""Iterative decoding of many frames, a vector of them at a time; all of it without Python in the loop.

A frame's result depends on that frame only: it is written down at the iteration at which its syndrome first vanishes,
whatever the other lanes of its vector still need.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from baselines.fec.rules import sweep
from baselines.fec.vector import WIDTH, load, sign_bits

FIRST_STAGE = 8
"""Iterations after which the frames that have not converged are packed into vectors of their own and restarted."""


class Frames(NamedTuple):
    """Frames of a systematic code with k information bits, of which frame i uses the first ``lengths[i]``.

    llr: float32, end to end from ``llr_starts[i]``: the information bits in use, then the parity bits.
    bits: uint8, the decoded information bits, end to end from ``bit_starts[i]``. ok: bool, True if the syndrome
    vanished.
    """

    llr: npt.NDArray[np.float32]
    llr_starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    bits: npt.NDArray[np.uint8]
    bit_starts: npt.NDArray[np.int64]
    ok: npt.NDArray[np.bool_]


class Memory(NamedTuple):
    """What one thread works in: a vector per variable, per edge, twice per edge of the largest check; a row of n
    quantised LLRs; and the hard decisions, a word per variable with a bit per lane."""

    posterior: Any
    answers: Any
    scratch: Any
    row: Any
    decisions: npt.NDArray[np.uint32]


@njit(nogil=True, cache=True)
def decode(rule, graph, frames, first, last, k, iterations, memory):
    """Decode frames[first:last] into ``frames.bits`` and ``frames.ok``."""
    lanes = WIDTH // memory.answers.itemsize
    queue = np.arange(first, last)
    waiting = 0
    if iterations > FIRST_STAGE:
        for start in range(0, queue.size, lanes):
            group = queue[start : start + lanes]
            unfinished = _decode_group(rule, graph, frames, group, k, FIRST_STAGE, memory)
            for lane in range(group.size):
                if unfinished >> np.uint32(lane) & 1:
                    queue[waiting] = group[lane]
                    waiting += 1
        queue = queue[:waiting]
    for start in range(0, queue.size, lanes):
        group = queue[start : start + lanes]
        unfinished = _decode_group(rule, graph, frames, group, k, iterations, memory)
        _write(frames, group, unfinished, False, memory.decisions)


@njit(nogil=True, cache=True)
def _decode_group(rule, graph, frames, group, k, iterations, memory):
    """Decode up to a vector of frames, write those that converge and return the lanes of the others as bits."""
    blank = np.uint32(0)
    for lane in range(group.size):
        if _load_frame(rule, frames, group[lane], k, lane, memory):
            blank |= np.uint32(1) << np.uint32(lane)
    memory.answers[:] = 0
    unfinished = np.uint32((np.uint64(1) << np.uint64(group.size)) - np.uint64(1))
    for iteration in range(iterations + 1):
        if iteration:
            sweep(rule, graph, memory.posterior, memory.answers, memory.scratch)
        _decide(memory)
        failed = _unsatisfied(graph, memory.decisions, unfinished)
        converged = unfinished & ~failed
        _write(frames, group, converged & ~blank, True, memory.decisions)
        _write(frames, group, converged & blank, False, memory.decisions)
        unfinished = failed
        if not unfinished:
            break
    return unfinished


@njit(nogil=True, cache=True)
def _load_frame(rule, frames, frame, k, lane, memory):
    """Fill a lane with a frame's LLRs, unsent information bits being certain zeros; True if it says nothing at all."""
    posterior, row = memory.posterior, memory.row
    lanes = WIDTH // posterior.itemsize
    length = frames.lengths[frame]
    start = frames.llr_starts[frame]
    sent = length + row.size - k
    scale, clip = np.float32(rule.scale), np.float32(rule.clip)
    for i in range(sent):
        x = frames.llr[start + i] * scale
        x = np.float32(0) if x != x else min(max(x, -clip), clip)
        row[i] = row.dtype.type(np.rint(x) if row.itemsize == 1 else x)
    anything = False
    for i in range(length):
        posterior[i * lanes + lane] = row[i]
        anything |= row[i] != 0
    for i in range(length, k):
        posterior[i * lanes + lane] = rule.certain
    for i in range(k, row.size):
        posterior[i * lanes + lane] = row[length + i - k]
        anything |= row[length + i - k] != 0
    return not anything


@njit(nogil=True, cache=True)
def _decide(memory):
    lanes = WIDTH // memory.posterior.itemsize
    for i in range(memory.decisions.size):
        memory.decisions[i] = sign_bits(load(memory.posterior, i * lanes))


@njit(nogil=True, cache=True)
def _unsatisfied(graph, decisions, lanes):
    """Those of ``lanes`` (bits) whose decisions violate a check; looks no further once all of them do."""
    failed = np.uint32(0)
    for row in range(graph.rows.size - 1):
        parity = np.uint32(0)
        for edge in range(graph.rows[row], graph.rows[row + 1]):
            parity ^= decisions[graph.columns[edge]]
        failed |= parity
        if failed & lanes == lanes:
            break
    return failed & lanes


@njit(nogil=True, cache=True)
def _write(frames, group, lanes, ok, decisions):
    """Record the decisions of those frames of the group whose bit in ``lanes`` is set."""
    for lane in range(group.size):
        if lanes >> np.uint32(lane) & 1:
            frame = group[lane]
            start = frames.bit_starts[frame]
            for i in range(frames.lengths[frame]):
                frames.bits[start + i] = decisions[i] >> np.uint32(lane) & 1
            frames.ok[frame] = ok

"""Iterative decoding of many frames, a vector of them at a time; all of it without Python in the loop.

A frame's result depends on that frame only: it is written down at the iteration at which its syndrome first vanishes,
whatever the other lanes of its vector still need.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from baselines.fec.rules import sweep
from linksim.simd.vector import fill, interleave_high, interleave_low, lanes_of, load, select, sign_bits, store

REFILL = 4
"""New frames come in when one lane in so many is idle."""


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


@njit(nogil=True, cache=True)
def decode(rule, graph, frames, first, last, k, iterations, memory):
    """Decode frames[first:last] into ``frames.bits`` and ``frames.ok``, with at most ``iterations`` for each."""
    lanes = lanes_of(memory.rows)
    frame = np.full(lanes, last)  # the frame in each lane, ``last`` for none
    age = np.zeros(lanes, np.int64)  # the iterations it has had
    upcoming = first
    idle = lanes
    while True:
        if upcoming < last and idle * REFILL >= lanes:
            upcoming = _refill(rule, frames, upcoming, last, k, frame, age, memory)
        idle = _release(graph, frames, last, iterations, frame, age, memory)
        if upcoming < last and idle * REFILL >= lanes:
            continue
        if idle == lanes:
            return
        sweep(rule, graph, memory)
        age += 1
        memory.fresh.ravel()[:] = 0


@njit(nogil=True, cache=True)
def _refill(rule, frames, upcoming, last, k, frame, age, memory):
    """Put frames into the idle lanes while there are any; returns the frame that comes next."""
    lanes = lanes_of(memory.rows)
    rows, fresh = memory.rows.ravel(), memory.fresh.ravel()
    width = rows.size // lanes
    for lane in range(lanes):
        if frame[lane] == last and upcoming < last:
            _load_frame(rule, frames, upcoming, k, rows[lane * width : lane * width + memory.decisions.size])
            frame[lane] = upcoming
            age[lane] = 0
            fresh[lane] = -1
            upcoming += 1
    _transpose(memory, width)
    return upcoming


@njit(nogil=True, cache=True)
def _release(graph, frames, last, iterations, frame, age, memory):
    """Record the frames that have converged or had all their iterations; returns the number of idle lanes."""
    lanes = lanes_of(memory.rows)
    word = memory.decisions.dtype.type
    busy = word(0)
    for lane in range(lanes):
        if frame[lane] != last:
            busy |= word(1) << word(lane)
    _decide(memory)
    failed = _unsatisfied(graph, memory.decisions, busy)
    idle = 0
    for lane in range(lanes):
        ok = not failed >> word(lane) & word(1)
        if frame[lane] != last and (ok or age[lane] == iterations):
            start = frames.bit_starts[frame[lane]]
            bits = frames.bits[start : start + frames.lengths[frame[lane]]]
            _extract(memory.decisions, word(lane), bits)
            frames.ok[frame[lane]] &= ok
            frame[lane] = last
        idle += frame[lane] == last
    return idle


@njit(nogil=True, cache=True)
def _load_frame(rule, frames, frame, k, row):
    """Quantise a frame's LLRs to a row, unsent information bits being certain zeros; no LLR but 0 makes it fail."""
    length = frames.lengths[frame]
    llr = frames.llr[frames.llr_starts[frame] :]
    _quantise(rule, llr[:length], row)
    row[length:k] = rule.certain
    _quantise(rule, llr[length : length + row.size - k], row[k:])
    frames.ok[frame] = row[:length].any() or row[k:].any()


@njit(nogil=True, cache=True)
def _quantise(rule, llr, row):
    scale, clip = np.float32(rule.scale), np.float32(rule.clip)
    for i in range(llr.size):
        x = llr[i] * scale
        x = min(max(x, -clip), clip) if x == x else np.float32(0)
        row[i] = np.rint(x) if row.itemsize == 1 else x


@njit(nogil=True, cache=True)
def _transpose(memory, width):
    """Turn the rows of fresh lanes into a vector per variable, by perfect shuffles of square tiles."""
    rows, spare, posterior = memory.rows, memory.spare, memory.posterior
    lanes = lanes_of(rows)
    fresh = load(memory.fresh, 0) < fill(rows, 0)
    tile = lanes * lanes
    for first in range(0, width, lanes):
        _shuffle(rows, first, width, spare, 0)
        done, at = 2, 0
        while 2 * done < lanes:
            _shuffle(spare, at, lanes, spare, tile - at)
            done, at = 2 * done, tile - at
        _shuffle(spare, at, lanes, spare, tile - at)
        for i in range(lanes):
            old = load(posterior, (first + i) * lanes)
            store(posterior, (first + i) * lanes, select(fresh, load(spare, tile - at + i * lanes), old))


@njit(nogil=True, cache=True)
def _shuffle(source, start, stride, target, target_start):
    """One of the log2(lanes) rounds of a transposition: interleave the upper half of a tile's rows with the lower."""
    lanes = lanes_of(source)
    for i in range(lanes // 2):
        a = load(source, start + i * stride)
        b = load(source, start + (i + lanes // 2) * stride)
        store(target, target_start + 2 * i * lanes, interleave_low(a, b))
        store(target, target_start + (2 * i + 1) * lanes, interleave_high(a, b))


@njit(nogil=True, cache=True)
def _decide(memory):
    lanes = lanes_of(memory.posterior)
    for i in range(memory.decisions.size):
        memory.decisions[i] = sign_bits(load(memory.posterior, i * lanes))


@njit(nogil=True, cache=True)
def _unsatisfied(graph, decisions, lanes):
    """Those of ``lanes`` (bits) whose decisions violate a check; looks no further once all of them do."""
    failed = decisions.dtype.type(0)
    for row in range(graph.rows.size - 1):
        parity = decisions.dtype.type(0)
        for edge in range(graph.rows[row], graph.rows[row + 1]):
            parity ^= decisions[graph.columns[edge]]
        failed |= parity
        if failed & lanes == lanes:
            break
    return failed & lanes


@njit(nogil=True, cache=True)
def _extract(decisions, lane, bits):
    word = decisions.dtype.type
    for i in range(bits.size):
        bits[i] = decisions[i] >> (lane & word(8 * decisions.itemsize - 1)) & word(1)

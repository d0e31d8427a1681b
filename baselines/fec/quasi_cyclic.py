"""Quasi-cyclic codes: the parity-check matrix of a base matrix, and the systematic encoder of dual-diagonal ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from baselines.fec.base import Bits, Lengths
from baselines.fec.rules import Graph
from linksim.simd.vector import WIDTH, load, store

Base = npt.NDArray[np.int64]
"""Base matrix: shift s stands for the z×z identity cyclically shifted right by s, −1 for a zero block."""


def expand(base: Base, z: int) -> Graph:
    """The parity-check matrix of a base matrix."""
    columns, degrees = [], []
    for shifts in base:
        column = np.flatnonzero(shifts >= 0)
        columns.append((column * z + (np.arange(z)[:, None] + shifts[column]) % z).ravel())
        degrees += [column.size] * z
    return Graph(np.cumsum([0, *degrees]).astype(np.uint32), np.concatenate(columns).astype(np.uint32))


class QuasiCyclicEncoder:
    """Encoder of codes whose parity part is dual-diagonal but for its first column, as in IEEE 802.11n and 5G NR.

    It appends parity to ragged blocks, as ``ChannelCode.encode`` asks; information bits that a block lacks are zeros.

    base: (rows, columns) shifts. z: size of a block. core: how many rows the dual diagonal has, all by default; each
    row after them adds a parity block of its own.

    In the sum of the core's rows all parity blocks but the first cancel, which gives that block up to a shift; the
    others follow by back-substitution.
    """

    def __init__(self, base: Base, z: int, core: int | None = None) -> None:
        rows, columns = base.shape
        core = rows if core is None else core
        k = columns - rows
        first = base[:core, k]
        self.shift = int(first[0])
        self.middle = 1 + int(np.flatnonzero(first[1:-1] >= 0)[0])
        self.middle_shift = int(first[self.middle])
        expected = np.full((rows, rows), -1)
        expected[[0, self.middle, core - 1], 0] = self.shift, self.middle_shift, self.shift
        expected[np.arange(core - 1), np.arange(1, core)] = 0
        expected[np.arange(1, rows), np.arange(1, rows)] = 0
        expected[core:, :core] = base[core:, k : k + core]
        if not np.array_equal(base[:, k:], expected):
            raise ValueError("the parity part of this base matrix is not dual-diagonal")
        self.z, self.k, self.m, self.core = z, k * z, rows * z, core
        known = base[:, : k + core].copy()
        known[:core, k:] = -1
        row, column = np.nonzero(known >= 0)
        self.entries = np.stack([row, column, known[row, column]], axis=1)

    def encode(self, bits: Bits, lengths: Lengths) -> Bits:
        coded = np.empty(int(lengths.sum()) + self.m * lengths.size, np.uint8)
        shape = self.z, self.k, self.m, self.core
        _encode(bits, lengths, self.entries, shape, self.shift, self.middle, self.middle_shift, coded)
        return coded


@njit(nogil=True, cache=True)
def _encode(bits, lengths, entries, shape, shift, middle, middle_shift, coded):
    """Blocks of z bits are kept twice in a row, so that a cyclic shift is a plain run of vectors."""
    z, k, m, core = shape
    stride = -(-z // WIDTH) * WIDTH
    pitch = 2 * stride + WIDTH
    doubled = np.zeros((k // z + core) * pitch, np.uint8)
    first = np.zeros(pitch, np.uint8)
    sums = np.empty(m // z * stride, np.uint8)
    cored = np.searchsorted(entries[:, 0], core)
    start = at = 0
    for length in lengths:
        block = bits[start : start + length]
        _copy(block, coded[at:])
        for column in range(k // z):
            _double(block[column * z : (column + 1) * z], doubled[column * pitch :], z)
        sums[:] = 0
        _add_entries(sums, stride, doubled, pitch, entries[:cored])
        first[:] = 0
        for row in range(core):
            _add(first, 0, sums, row * stride, stride)
        _double(first[:z], first, z)
        parity = doubled[k // z * pitch :]
        _double(first[-middle_shift % z :][:z], parity, z)
        _add(sums, 0, parity, shift, stride)
        _add(sums, middle * stride, parity, middle_shift, stride)
        for row in range(core - 1):
            if row:
                _add(sums, row * stride, sums, (row - 1) * stride, stride)
            _double(sums[row * stride : row * stride + z], parity[(row + 1) * pitch :], z)
        _add_entries(sums, stride, doubled, pitch, entries[cored:])
        for row in range(core):
            _copy(parity[row * pitch : row * pitch + z], coded[at + length + row * z :])
        for row in range(core, m // z):
            _copy(sums[row * stride : row * stride + z], coded[at + length + row * z :])
        start += length
        at += length + m


@njit(nogil=True, cache=True)
def _add_entries(sums, stride, doubled, pitch, entries):
    for e in range(entries.shape[0]):
        _add(sums, entries[e, 0] * stride, doubled, entries[e, 1] * pitch + entries[e, 2], stride)


@njit(nogil=True, cache=True)
def _copy(block, target):
    """``target[: block.size] = block``, a vector at a time; the last one may overlap that before."""
    if block.size < WIDTH:
        for i in range(block.size):
            target[i] = block[i]
        return
    last = block.size - WIDTH
    for i in range(0, last, WIDTH):
        store(target, i, load(block, i))
    store(target, last, load(block, last))


@njit(nogil=True, cache=True)
def _double(block, target, z):
    """Write a block of up to z bits, filled up with zeros, twice."""
    for half in (target[:z], target[z : 2 * z]):
        _copy(block, half)
        for i in range(block.size, z):
            half[i] = 0


@njit(nogil=True, cache=True)
def _add(total, at, term, start, size):
    for i in range(0, size, WIDTH):
        store(total, at + i, load(total, at + i) ^ load(term, start + i))

"""Systematic encoder for dual-diagonal quasi-cyclic codes.

It appends parity to ragged blocks, as ``ChannelCode.encode`` asks; information bits that a block lacks are zeros.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from baselines.fec.base import Bits, Lengths
from linksim.simd.vector import WIDTH, load, store


class QuasiCyclicEncoder:
    """Encoder of codes whose parity part is dual-diagonal but for its first column, as in IEEE 802.11n.

    base: (rows, columns) shifts, −1 for a zero block. z: size of a block. In the sum of all block rows everything but
    the first parity block cancels, which gives that block; the others follow by back-substitution.
    """

    def __init__(self, base: npt.NDArray[np.int64], z: int) -> None:
        rows, columns = base.shape
        parity = base[:, columns - rows :]
        self.shift = int(parity[0, 0])
        self.middle = int(np.flatnonzero(parity[1:, 0] == 0)[0]) + 1
        expected = np.full((rows, rows), -1)
        expected[[0, self.middle, rows - 1], 0] = self.shift, 0, self.shift
        expected[np.arange(rows - 1), np.arange(1, rows)] = 0
        expected[np.arange(1, rows), np.arange(1, rows)] = 0
        if not np.array_equal(parity, expected):
            raise ValueError("the parity part of this base matrix is not dual-diagonal")
        self.z, self.k, self.m = z, (columns - rows) * z, rows * z
        row, column = np.nonzero(base[:, : columns - rows] >= 0)
        self.entries = np.stack([row, column, base[row, column]], axis=1)

    def encode(self, bits: Bits, lengths: Lengths) -> Bits:
        coded = np.empty(int(lengths.sum()) + self.m * lengths.size, np.uint8)
        _encode_quasi_cyclic(bits, lengths, self.entries, self.z, self.k, self.m, self.shift, self.middle, coded)
        return coded


@njit(nogil=True, cache=True)
def _encode_quasi_cyclic(bits, lengths, entries, z, k, m, shift, middle, coded):
    """Blocks of z bits are kept twice in a row, so that a cyclic shift is a plain run of vectors."""
    stride = -(-z // WIDTH) * WIDTH
    pitch = 2 * stride + WIDTH
    doubled = np.zeros(k // z * pitch, np.uint8)
    first = np.zeros(pitch, np.uint8)
    sums = np.empty(m // z * stride, np.uint8)
    start = at = 0
    for length in lengths:
        block = bits[start : start + length]
        _copy(block, coded[at:])
        for column in range(k // z):
            _double(block[column * z : (column + 1) * z], doubled[column * pitch :], z)
        sums[:] = 0
        for e in range(entries.shape[0]):
            _add(sums, entries[e, 0] * stride, doubled, entries[e, 1] * pitch + entries[e, 2], stride)
        first[:] = 0
        for row in range(m // z):
            _add(first, 0, sums, row * stride, stride)
        _double(first[:z], first, z)
        _add(sums, 0, first, shift, stride)
        _add(sums, middle * stride, first, 0, stride)
        parity = coded[at + length : at + length + m]
        _copy(first[:z], parity)
        for row in range(m // z - 1):
            if row:
                _add(sums, row * stride, sums, (row - 1) * stride, stride)
            _copy(sums[row * stride : row * stride + z], parity[(row + 1) * z :])
        start += length
        at += length + m


@njit(nogil=True, cache=True)
def _copy(block, target):
    """``target[: block.size] = block``, without the overlap test that costs more than the copy."""
    for i in range(block.size):
        target[i] = block[i]


@njit(nogil=True, cache=True)
def _double(block, target, z):
    """Write a block of up to z bits, filled up with zeros, twice."""
    for i in range(block.size):
        target[i] = target[z + i] = block[i]
    for i in range(block.size, z):
        target[i] = target[z + i] = 0


@njit(nogil=True, cache=True)
def _add(total, at, term, start, size):
    for i in range(0, size, WIDTH):
        store(total, at + i, load(total, at + i) ^ load(term, start + i))

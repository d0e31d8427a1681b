"""Systematic encoders: a fast one for dual-diagonal quasi-cyclic codes, and one for any parity-check matrix.

Both append parity to ragged blocks, as ``ChannelCode.encode`` asks; information bits that a block lacks are zeros.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from baselines.fec.base import Bits, Lengths
from baselines.fec.rules import Graph
from baselines.fec.vector import WIDTH, load, store


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


class DenseEncoder:
    """Encoder by a dense generator matrix, for any parity-check matrix of n columns.

    information, parity: the columns that carry the one and the other, ascending. Parity takes the last columns that
    are independent; redundant rows are allowed.
    """

    def __init__(self, graph: Graph, n: int) -> None:
        rows, self.parity = _eliminate(_pack(graph, n), n)
        self.information = np.setdiff1d(np.arange(n), self.parity)
        reduced = np.unpackbits(rows.view(np.uint8), axis=1, count=n, bitorder="little")
        self.generator = _pack_rows(reduced[:, self.information].T)

    def encode(self, bits: Bits, lengths: Lengths) -> Bits:
        coded = np.empty(int(lengths.sum()) + self.parity.size * lengths.size, np.uint8)
        _encode_dense(bits, lengths, self.generator, self.parity.size, coded)
        return coded


def _pack_rows(bits: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Each row of a 0/1 matrix as little-endian 64-bit words."""
    words = np.zeros((bits.shape[0], -(-bits.shape[1] // 64)), np.uint64)
    packed = np.packbits(bits, axis=1, bitorder="little")
    words.view(np.uint8)[:, : packed.shape[1]] = packed
    return words


def _pack(graph: Graph, n: int) -> npt.NDArray[np.uint64]:
    matrix = np.zeros((graph.rows.size - 1, n), np.uint8)
    matrix[np.repeat(np.arange(matrix.shape[0]), np.diff(graph.rows)), graph.columns] = 1
    return _pack_rows(matrix)


def _eliminate(matrix: npt.NDArray[np.uint64], n: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Reduced rows of a packed GF(2) matrix and the pivot column of each, ascending; destroys its argument."""
    pivots = np.full(matrix.shape[0], -1)
    _gauss_jordan(matrix, n, pivots)
    independent = np.flatnonzero(pivots >= 0)
    order = independent[np.argsort(pivots[independent])]
    return matrix[order], pivots[order]


@njit(nogil=True, cache=True)
def _gauss_jordan(matrix, n, pivots):
    """Make each pivot, searched from the last column on, the only 1 of its column; row i gets column pivots[i]."""
    found = 0
    for column in range(n - 1, -1, -1):
        word, shift = column >> 6, np.uint64(column & 63)
        row = found
        while row < matrix.shape[0] and not matrix[row, word] >> shift & np.uint64(1):
            row += 1
        if row == matrix.shape[0]:
            continue
        for w in range(matrix.shape[1]):
            matrix[found, w], matrix[row, w] = matrix[row, w], matrix[found, w]
        for other in range(matrix.shape[0]):
            if other != found and matrix[other, word] >> shift & np.uint64(1):
                for w in range(matrix.shape[1]):
                    matrix[other, w] ^= matrix[found, w]
        pivots[found] = column
        found += 1
        if found == matrix.shape[0]:
            break


@njit(nogil=True, cache=True)
def _encode_dense(bits, lengths, generator, m, coded):
    parity = np.empty(generator.shape[1], np.uint64)
    start = at = 0
    for length in lengths:
        parity[:] = 0
        for i in range(length):
            coded[at + i] = bits[start + i]
            if bits[start + i]:
                for w in range(parity.size):
                    parity[w] ^= generator[i, w]
        for i in range(m):
            coded[at + length + i] = parity[i >> 6] >> np.uint64(i & 63) & np.uint64(1)
        start += length
        at += length + m


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

"""Systematic encoder for any sparse parity-check matrix, by approximate triangulation.

T. J. Richardson and R. L. Urbanke, "Efficient encoding of low-density parity-check codes", IEEE Trans. Inf. Theory
47(2), 2001: rows and columns are ordered such that most of the parity follows one bit after another, each from a check
in which it is the only unknown. The few columns that stop this are unknowns of a small dense system.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from baselines.fec.base import Bits, Lengths
from baselines.fec.rules import Graph
from linksim.errors import LinksimError

MAX_DENSE = 8192
"""Unknowns of the dense system; the time of its solution grows with their cube."""
WORDS = 4
"""64-bit words of frames that are encoded at once, a frame in each bit."""

Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


class SparseEncoder:
    """Appends parity to ragged blocks, as ``ChannelCode.encode`` asks; redundant rows of the matrix are allowed.

    information, parity: the columns that carry them, ascending. Parity takes the last columns that are independent.

    Args:
        graph: the parity-check matrix.
        n: its number of columns.

    Raises:
        LinksimError: the matrix is too dense to be solved.
    """

    def __init__(self, graph: Graph, n: int) -> None:
        self.parity = _last_basis(graph, n)
        self.information = np.setdiff1d(np.arange(n), self.parity)
        self.system = _System(graph, n, self.parity)

    def encode(self, bits: Bits, lengths: Lengths) -> Bits:
        """Coded bits of blocks of ``lengths`` information bits, end to end (uint8)."""
        m = self.parity.size
        coded = np.empty(int(lengths.sum()) + m * lengths.size, np.uint8)
        starts = np.cumsum(lengths) - lengths
        for first in range(0, lengths.size, 64 * WORDS):
            frames = slice(first, first + 64 * WORDS)
            values = np.zeros((self.information.size + m, -(-lengths[frames].size // 64)), np.uint64)
            targets = starts[frames] + m * np.arange(first, first + lengths[frames].size)
            _spread(bits, starts[frames], lengths[frames], self.information, values)
            self.system.solve(values)
            _collect(bits, starts[frames], lengths[frames], targets, self.parity, values, coded)
        return coded


class _System:
    """The checks of a graph, solved for some of its columns.

    free: of these columns, those that the checks do not determine. unused: rows that follow from the others, as far as
    they concern these columns alone.
    """

    def __init__(self, graph: Graph, n: int, unknown: Places) -> None:
        self.graph, self.n = graph, n
        sorted_edges = np.argsort(graph.columns, kind="stable")
        row_of_edge = np.repeat(np.arange(graph.rows.size - 1), graph.rows[1:] - graph.rows[:-1])
        starts = np.searchsorted(graph.columns[sorted_edges], np.arange(n + 1))
        active = np.zeros(n, np.bool_)
        active[unknown] = True
        self.rows, self.columns, dense, rest = _triangulate(graph, starts, row_of_edge[sorted_edges], active)
        if dense.size > MAX_DENSE:
            raise LinksimError(
                f"the matrix is too dense to encode: {dense.size} columns do not triangulate, at most {MAX_DENSE}"
            )
        values = _units(n, dense)
        _substitute(graph, self.rows, self.columns, values)
        gap = _unpack(_sums(graph, rest, values), dense.size)
        order, pivots = _eliminate(_pack(gap), dense.size)
        self.checks, self.unused = rest[order[: pivots.size]], rest[order[pivots.size :]]
        self.dense, self.free = dense[pivots], np.delete(dense, pivots)
        both = _pack(np.hstack([gap[order[: pivots.size]][:, pivots], np.eye(pivots.size, dtype=np.uint8)]))
        _, places = _eliminate(both, pivots.size)
        self.inverse = _pack(_unpack(both, 2 * pivots.size)[np.argsort(places), pivots.size :])

    def solve(self, values: Words) -> None:
        """Set the unknown columns that are not free; values: (n, words), a frame in each bit."""
        values[self.dense] = 0
        _substitute(self.graph, self.rows, self.columns, values)
        values[self.dense] = _product(self.inverse.view(np.uint8), _sums(self.graph, self.checks, values))
        _substitute(self.graph, self.rows, self.columns, values)


def _last_basis(graph: Graph, n: int) -> Places:
    """As many columns as the rank, each independent of those of them that come after it."""
    last = np.arange(max(0, n - graph.rows.size + 1), n)
    system = _System(graph, n, last)
    if system.free.size:  # a dependent column is the first of some set of columns that sum to zero
        values = _units(n, system.free)
        system.solve(values)
        sets = _unpack(values, system.free.size).T[:, last]
        _, places = _eliminate(_pack(sets[:, ::-1]), last.size)
        kept = np.delete(last, last.size - 1 - places)
    else:
        kept = last
    added: list[int] = []
    seen: dict[int, int] = {}  # by its highest bit: the unused checks that an added column takes part in
    for stop in range(last[0] if system.unused.size else 0, 0, -64 * WORDS):
        candidates = np.arange(max(0, stop - 64 * WORDS), stop)
        values = _units(n, candidates)
        system.solve(values)
        sums = _pack(_unpack(_sums(graph, system.unused, values), candidates.size).T)
        for column, row in zip(candidates[::-1], sums[::-1], strict=True):
            rest = int.from_bytes(row.tobytes(), "little")
            while rest and rest.bit_length() in seen:
                rest ^= seen[rest.bit_length()]
            if rest:
                seen[rest.bit_length()] = rest
                added.append(int(column))
        if len(added) == system.unused.size:
            break
    return np.concatenate([np.array(added[::-1], np.int64), kept])


def _units(n: int, columns: Places) -> Words:
    """(n, words): frame j has a 1 in ``columns[j]`` alone."""
    values = np.zeros((n, max(1, -(-columns.size // 64))), np.uint64)
    frame = np.arange(columns.size)
    values[columns, frame >> 6] = np.uint64(1) << (frame & 63).astype(np.uint64)
    return values


def _pack(bits: npt.NDArray[np.uint8]) -> Words:
    """Each row of a 0/1 matrix as little-endian 64-bit words."""
    words = np.zeros((bits.shape[0], max(1, -(-bits.shape[1] // 64))), np.uint64)
    packed = np.packbits(bits, axis=1, bitorder="little")
    words.view(np.uint8)[:, : packed.shape[1]] = packed
    return words


def _unpack(words: Words, n: int) -> npt.NDArray[np.uint8]:
    return np.unpackbits(words.view(np.uint8), axis=1, count=n, bitorder="little")


def _eliminate(matrix: Words, n: int) -> tuple[Places, Places]:
    """Reduce the first n columns of a packed GF(2) matrix in place, pivots searched from the last column on.

    Returns:
        The original row of each reduced row, and the pivot columns of the first of them.
    """
    order, pivots = np.arange(matrix.shape[0]), np.empty(matrix.shape[0], np.int64)
    rank = _gauss_jordan(matrix, n, order, pivots)
    return order, pivots[:rank]


@njit(nogil=True, cache=True)
def _gauss_jordan(matrix, n, order, pivots):
    found = 0
    for column in range(n - 1, -1, -1):
        if found == matrix.shape[0]:
            break
        word, shift = column >> 6, np.uint64(column & 63)
        row = found
        while row < matrix.shape[0] and not matrix[row, word] >> shift & np.uint64(1):
            row += 1
        if row == matrix.shape[0]:
            continue
        order[found], order[row] = order[row], order[found]
        for w in range(matrix.shape[1]):
            matrix[found, w], matrix[row, w] = matrix[row, w], matrix[found, w]
        for other in range(matrix.shape[0]):
            if other != found and matrix[other, word] >> shift & np.uint64(1):
                for w in range(matrix.shape[1]):
                    matrix[other, w] ^= matrix[found, w]
        pivots[found] = column
        found += 1
    return found


@njit(nogil=True, cache=True)
def _triangulate(graph, starts, row_of_edge, active):
    """Order rows and active columns such that each row has one active column that earlier rows have not.

    Where no row has a single one left, the row with the fewest keeps the column of the lowest degree; its others
    become dense. Returns rows, their columns, dense columns, and the rows that are left.
    """
    m, weight = graph.rows.size - 1, np.diff(starts)
    degree = np.zeros(m, np.int64)
    for row in range(m):
        for edge in range(graph.rows[row], graph.rows[row + 1]):
            degree[row] += active[graph.columns[edge]]
    waiting = degree > 0
    ready = [row for row in range(m) if degree[row] == 1]
    rows = [0 for _ in range(0)]
    columns = [0 for _ in range(0)]
    dense = [0 for _ in range(0)]
    while True:
        if ready:
            chosen = ready.pop()
            if not waiting[chosen] or degree[chosen] != 1:
                continue
        else:
            chosen, least = -1, 1 << 60
            for row in range(m):
                if waiting[row] and 0 < degree[row] < least:
                    chosen, least = row, degree[row]
            if chosen < 0:
                break
        pivot = -1
        for edge in range(graph.rows[chosen], graph.rows[chosen + 1]):
            column = graph.columns[edge]
            if active[column] and (pivot < 0 or weight[column] < weight[pivot]):
                pivot = int(column)
        waiting[chosen] = False
        rows.append(chosen)
        columns.append(pivot)
        for edge in range(graph.rows[chosen], graph.rows[chosen + 1]):
            column = int(graph.columns[edge])
            if not active[column]:
                continue
            active[column] = False
            if column != pivot:
                dense.append(column)
            for other in row_of_edge[starts[column] : starts[column + 1]]:
                degree[other] -= 1
                if waiting[other] and degree[other] == 1:
                    ready.append(other)
    used = np.zeros(m, np.bool_)
    for row in rows:
        used[row] = True
    for column in range(active.size):
        if active[column]:  # in no row
            dense.append(column)
    return np.array(rows, np.int64), np.array(columns, np.int64), np.array(dense, np.int64), np.flatnonzero(~used)


@njit(nogil=True, cache=True)
def _substitute(graph, rows, columns, values):
    """Give each of ``columns`` the sum of the others in its row."""
    for i in range(rows.size):
        row, column = rows[i], columns[i]
        for w in range(values.shape[1]):
            values[column, w] = 0
        for edge in range(graph.rows[row], graph.rows[row + 1]):
            other = graph.columns[edge]
            if other != column:
                for w in range(values.shape[1]):
                    values[column, w] ^= values[other, w]


@njit(nogil=True, cache=True)
def _sums(graph, rows, values):
    """The sum of each of these rows."""
    sums = np.zeros((rows.size, values.shape[1]), np.uint64)
    for i in range(rows.size):
        for edge in range(graph.rows[rows[i]], graph.rows[rows[i] + 1]):
            for w in range(values.shape[1]):
                sums[i, w] ^= values[graph.columns[edge], w]
    return sums


@njit(nogil=True, cache=True)
def _product(matrix, values):
    """A GF(2) matrix, packed in bytes, times values of a row for each of its columns; eight columns at a time, whose
    256 sums stand in a table."""
    result = np.zeros((matrix.shape[0], values.shape[1]), np.uint64)
    table = np.zeros((256, values.shape[1]), np.uint64)
    for first in range(0, values.shape[0], 8):
        for bit in range(min(8, values.shape[0] - first)):
            for i in range(1 << bit):
                for w in range(values.shape[1]):
                    table[(1 << bit) + i, w] = table[i, w] ^ values[first + bit, w]
        for i in range(matrix.shape[0]):
            for w in range(values.shape[1]):
                result[i, w] ^= table[matrix[i, first >> 3], w]
    return result


@njit(nogil=True, cache=True)
def _spread(bits, starts, lengths, information, values):
    """Bit i of frame f goes to bit f of ``values[information[i]]``."""
    for f in range(lengths.size):
        for i in range(lengths[f]):
            values[information[i], f >> 6] |= np.uint64(bits[starts[f] + i]) << np.uint64(f & 63)


@njit(nogil=True, cache=True)
def _collect(bits, starts, lengths, targets, parity, values, coded):
    """Each frame's information bits, then its parity."""
    for f in range(lengths.size):
        coded[targets[f] : targets[f] + lengths[f]] = bits[starts[f] : starts[f] + lengths[f]]
        for i in range(parity.size):
            coded[targets[f] + lengths[f] + i] = values[parity[i], f >> 6] >> np.uint64(f & 63) & np.uint64(1)

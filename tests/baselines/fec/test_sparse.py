"""Oracle: plain Gaussian elimination, column by column from the last one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.fec import sparse
from baselines.fec.rules import Graph
from baselines.fec.sparse import SparseEncoder
from linksim.errors import LinksimError


def graph_of(matrix: np.ndarray) -> Graph:
    rows, columns = np.nonzero(matrix)
    starts = np.searchsorted(rows, np.arange(len(matrix) + 1))
    return Graph(starts.astype(np.uint32), columns.astype(np.uint32))


def regular(n: int, column_weight: int, row_weight: int, seed: int = 0) -> np.ndarray:
    """Gallager's ensemble, but for ones that meet and vanish."""
    sockets = np.random.default_rng(seed).permutation(np.repeat(np.arange(n), column_weight))
    matrix = np.zeros((n * column_weight // row_weight, n), np.uint8)
    for row, columns in zip(matrix, sockets.reshape(-1, row_weight), strict=True):
        np.add.at(row, columns, 1)
    return matrix % 2


def reference(matrix: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Parity columns, each independent of the chosen ones after it, and the reduced rows that give them."""
    reduced, parity = matrix.astype(bool), []
    for column in range(matrix.shape[1] - 1, -1, -1):
        row = len(parity)
        candidates = row + np.flatnonzero(reduced[row:, column])
        if candidates.size:
            reduced[[row, candidates[0]]] = reduced[[candidates[0], row]]
            others = np.flatnonzero(reduced[:, column])
            reduced[others[others != row]] ^= reduced[row]
            parity.append(column)
    return parity[::-1], reduced[: len(parity)][::-1]


def check(matrix: np.ndarray, frames: int = 70) -> None:
    encoder = SparseEncoder(graph_of(matrix), matrix.shape[1])
    parity, reduced = reference(matrix)
    assert encoder.parity.tolist() == parity
    information = np.setdiff1d(np.arange(matrix.shape[1]), parity)
    assert encoder.information.tolist() == information.tolist()
    if not information.size:
        return
    chance = np.random.default_rng(1)
    lengths = chance.integers(1, information.size + 1, frames)
    bits = chance.integers(0, 2, lengths.sum(), dtype=np.uint8)
    coded = encoder.encode(bits, lengths)
    ends = np.cumsum(lengths)
    coded_ends = ends + len(parity) * np.arange(1, frames + 1)
    for end, coded_end, length in zip(ends, coded_ends, lengths, strict=True):
        block = np.pad(bits[end - length : end], (0, information.size - length))
        got = coded[coded_end - length - len(parity) : coded_end]
        np.testing.assert_array_equal(got[:length], block[:length])
        np.testing.assert_array_equal(got[length:], reduced[:, information] @ block % 2)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 30), st.integers(1, 40), st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.6]), st.integers(0, 1 << 30))
def test_any_matrix_is_encoded_as_by_plain_elimination(m: int, n: int, density: float, seed: int) -> None:
    check((np.random.default_rng(seed).random((m, n)) < density).astype(np.uint8), frames=5)


@pytest.mark.parametrize(("n", "column_weight", "row_weight"), [(600, 3, 6), (240, 2, 4), (500, 4, 5), (128, 8, 16)])
def test_regular_codes_with_ragged_blocks(n: int, column_weight: int, row_weight: int) -> None:
    check(regular(n, column_weight, row_weight))


def test_more_frames_than_are_encoded_at_once() -> None:
    check(regular(96, 3, 6), frames=64 * sparse.WORDS + 3)


def test_more_rows_than_columns() -> None:
    matrix = regular(60, 3, 6)
    check(np.vstack([matrix, matrix[::-1], matrix ^ np.roll(matrix, 1, axis=0)]))


def test_a_large_sparse_matrix_leaves_a_small_dense_system() -> None:
    matrix = regular(6000, 3, 6)
    encoder = SparseEncoder(graph_of(matrix), 6000)
    assert 0 < encoder.system.dense.size < 0.1 * 3000
    bits = np.random.default_rng(0).integers(0, 2, 3 * encoder.information.size, dtype=np.uint8)
    lengths = np.full(3, encoder.information.size)
    words = np.zeros((3, 6000), np.uint8)
    coded = encoder.encode(bits, lengths).reshape(3, 6000)
    words[:, encoder.information], words[:, encoder.parity] = np.split(coded, [encoder.information.size], axis=1)
    assert not (matrix @ words.T % 2).any()


def test_a_matrix_that_is_too_dense_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparse, "MAX_DENSE", 10)
    dense = (np.random.default_rng(0).random((50, 100)) < 0.5).astype(np.uint8)
    with pytest.raises(LinksimError, match=r"too dense to encode: \d+ columns do not triangulate, at most 10"):
        SparseEncoder(graph_of(dense), 100)

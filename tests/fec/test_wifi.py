"""Oracles: the parity-check equations of the standard's tables, written out densely, and a GF(2) solve."""

import numpy as np
import pytest

from baselines.fec.wifi import LENGTHS, RATES, WifiLDPC
from linksim.errors import LinksimError

CODES = [(n, rate) for n in LENGTHS for rate in RATES]


def dense(code: WifiLDPC) -> np.ndarray:
    matrix = np.zeros((code.n - code.k, code.n), np.uint8)
    for row in range(matrix.shape[0]):
        matrix[row, code.graph.columns[code.graph.rows[row] : code.graph.rows[row + 1]]] = 1
    return matrix


def solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """x of matrix · x = right over GF(2) by textbook elimination; right holds one column per system."""
    work = np.concatenate([matrix, right], axis=1)
    size = matrix.shape[0]
    for column in range(size):
        pivot = column + int(np.argmax(work[column:, column]))
        assert work[pivot, column], "singular"
        work[[column, pivot]] = work[[pivot, column]]
        others = np.flatnonzero(work[:, column])
        work[others[others != column]] ^= work[column]
    return work[:, size:]


def random_bits(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, count, dtype=np.uint8)


@pytest.mark.parametrize(("n", "rate"), CODES)
def test_codewords_satisfy_every_check(n, rate):
    code = WifiLDPC(n, rate)
    numerator, denominator = map(int, rate.split("/"))
    assert code.k == n * numerator // denominator
    bits = random_bits(20 * code.k)
    codewords = code.encode(bits, np.full(20, code.k)).reshape(20, n)
    np.testing.assert_array_equal(codewords[:, : code.k].ravel(), bits)
    assert not (codewords.astype(int) @ dense(code).T % 2).any()


@pytest.mark.parametrize(("n", "rate"), [(648, "5/6"), (1296, "2/3"), (1944, "3/4"), (1944, "1/2")])
def test_parity_is_the_only_solution(n, rate):
    code = WifiLDPC(n, rate)
    matrix = dense(code)
    bits = random_bits(3 * code.k).reshape(3, code.k)
    parity = solve(matrix[:, code.k :], matrix[:, : code.k].astype(int) @ bits.T % 2).T
    coded = code.encode(bits.ravel(), np.full(3, code.k)).reshape(3, n)
    np.testing.assert_array_equal(coded[:, code.k :], parity)


def test_the_default_code_has_the_published_shape():
    code = WifiLDPC.from_spec("ldpc")
    assert (code.n, code.k) == (1944, 1458)
    degrees = np.diff(code.graph.rows.astype(int))
    assert code.graph.columns.size == 6885
    assert set(degrees) == {14, 15}


@pytest.mark.parametrize(
    ("spec", "n", "k"),
    [("ldpc", 1944, 1458), ("ldpc-1/2", 1944, 972), ("ldpc-648-1/2", 648, 324), ("ldpc-1296-5/6", 1296, 1080)],
)
def test_specs(spec, n, k):
    code = WifiLDPC.from_spec(spec)
    assert (code.n, code.k) == (n, k)


@pytest.mark.parametrize(
    "spec", ["ldpc-7/8", "ldpc-1000-1/2", "ldpc-1944", "ldpc-x-1/2", "ldpc-1944-1/2-3", "ldpcc", "ldpc-"]
)
def test_unknown_specs_are_named(spec):
    with pytest.raises(LinksimError, match=r"ldpc|802\.11n") as error:
        WifiLDPC.from_spec(spec)
    assert "\n" not in str(error.value)


def test_a_shortened_block_is_the_full_one_without_its_zeros():
    code = WifiLDPC(648, "1/2")
    lengths = np.array([1, 27, 28, 100, 323, 324])
    bits = random_bits(int(lengths.sum()))
    coded = code.encode(bits, lengths)
    assert coded.size == sum(code.coded_length(int(length)) for length in lengths)
    start = at = 0
    for length in lengths:
        padded = np.zeros(code.k, np.uint8)
        padded[:length] = bits[start : start + length]
        full = code.encode(padded, np.array([code.k]))
        sent = coded[at : at + code.coded_length(int(length))]
        np.testing.assert_array_equal(sent, np.concatenate([full[:length], full[code.k :]]))
        start, at = start + length, at + sent.size


@pytest.mark.parametrize("lengths", [[0], [325], [-1], [324, 400]])
def test_block_lengths_out_of_range_are_refused(lengths):
    code = WifiLDPC(648, "1/2")
    bits = np.zeros(max(0, sum(lengths)), np.uint8)
    with pytest.raises(LinksimError, match="takes 1 to 324"):
        code.encode(bits, np.array(lengths))


def test_sizes_that_do_not_fit_the_lengths_are_refused():
    code = WifiLDPC(648, "1/2")
    with pytest.raises(LinksimError, match="99 values for blocks that need 100"):
        code.encode(np.zeros(99, np.uint8), np.array([100]))
    with pytest.raises(LinksimError, match="648 values for blocks that need 424"):
        code.decode(np.zeros(648, np.float32), np.array([100]))


def test_no_blocks():
    code = WifiLDPC(648, "1/2")
    nothing = np.zeros(0, np.int64)
    assert code.encode(np.zeros(0, np.uint8), nothing).size == 0
    bits, ok = code.decode(np.zeros(0, np.float32), nothing)
    assert bits.size == 0
    assert ok.size == 0

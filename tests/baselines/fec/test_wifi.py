"""Oracles: the parity-check equations of the standard's tables, written out densely, a GF(2) solve, and digests of the
matrices as another copy of those tables gives them."""

import hashlib

import numpy as np
import pytest

from baselines.fec.wifi import LENGTHS, RATES, WifiLDPC
from linksim.errors import LinksimError

CODES = [(n, rate) for n in LENGTHS for rate in RATES]

# SHA-256 of each parity-check matrix, its bits packed row by row. They are of the tables of IEEE 802.11-2012, Annex F
# (Annex R of 802.11n-2009), taken from another copy than ieee80211n.json and written out by another program.
MATRICES = {
    (648, "1/2"): "4184952fb89db44398125af438b4bf1741d5aae8310758f89bea3630e589c323",
    (648, "2/3"): "2c5392a743c3271f35b9fcb8a1e62c839cee49784857d5e8af63e6b67c548be1",
    (648, "3/4"): "8fa45792095eee3e16e9e0350fc5c6b26cb45c4699892aebfa580de32184f1d4",
    (648, "5/6"): "91842cf49e703d2e5b572c7cd4185c382ef27f97c627d1943259587994751dbd",
    (1296, "1/2"): "d0572c7eb83b521946551558ea5477b9ca83f7f5dd008b8bbc2362bab1d6019c",
    (1296, "2/3"): "b431a170fa29a4bbb143f519b7ce5a8969d16ceeb73de972af1df67cb0c5b5a3",
    (1296, "3/4"): "e119ad20af1451bdfd16d0d3be0b43fdcaeb8e9b25b169b5616a5bd71598bb57",
    (1296, "5/6"): "bf543eef37c46703785be0b78d7fea4e2f6d5b479f2873463a98ac09f4e972b5",
    (1944, "1/2"): "553bf8d0a18b28377e705a6accd764eb38ec5131226e5353ae321461df13435c",
    (1944, "2/3"): "077eac700d98b544a45979cddb37b950fe554a3e670b826b2c53653cddf46dc5",
    (1944, "3/4"): "d208700ba4c9acc879f72767d5a3e0478a37c3a51ed6aa7a1093ba148780c42a",
    (1944, "5/6"): "e1cb3ea1ea57004be4096c4f61108161c274dfcd86ad20e82a692bce7c54a90f",
}


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
def test_matrices_are_those_of_the_standard(n, rate):
    packed = np.packbits(dense(WifiLDPC(n, rate)))
    assert hashlib.sha256(packed.tobytes()).hexdigest() == MATRICES[n, rate]


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

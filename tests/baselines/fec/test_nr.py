"""Oracle: Sionna's encoder and decoder of 5G NR on the same blocks."""

import math

import numpy as np
import pytest
import torch

from baselines.fec.nr import LIFTING_SETS, NRLDPC, RateMatched, base_matrix
from baselines.fec.quasi_cyclic import expand
from baselines.modulation import modulation
from linksim.errors import LinksimError


def received(code: NRLDPC, lengths: np.ndarray, snr_db: float):
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, int(lengths.sum()), dtype=np.uint8)
    coded = code.encode(bits, lengths)
    assert coded.size == sum(code.coded_length(int(length)) for length in lengths)
    symbols = modulation("qpsk").map(np.concatenate([coded, np.zeros(coded.size % 2, np.uint8)]))
    noise_var = 10 ** (-snr_db / 10)
    noise = rng.standard_normal((2, symbols.size)) * math.sqrt(noise_var / 2)
    llr = modulation("qpsk").demap((symbols + noise[0] + 1j * noise[1]).astype(np.complex64), noise_var)
    return bits, coded, llr[: coded.size]


@pytest.mark.parametrize(("k", "rate", "snr_db"), [(300, "3/4", 4.3), (200, "1/3", -1.2), (600, "9/10", 6.9)])
def test_codewords_and_block_errors_beside_sionnas(k, rate, snr_db):
    from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder

    code, blocks = NRLDPC.from_spec(f"nr-ldpc-{rate}"), 60
    bits, coded, llr = received(code, np.full(blocks, k), snr_db)
    encoder = LDPC5GEncoder(k, code.coded_length(k))
    theirs = encoder(torch.tensor(bits.reshape(blocks, k), dtype=torch.float32)).numpy()
    np.testing.assert_array_equal(coded.reshape(blocks, -1), theirs)
    decoded, ok = code.decode(llr, np.full(blocks, k))
    wrong = (decoded != bits).reshape(blocks, k).any(axis=1)
    sionna = LDPC5GDecoder(encoder, num_iter=20)(torch.tensor(-llr.reshape(blocks, -1))).numpy()
    wrong_there = (sionna != bits.reshape(blocks, k)).any(axis=1)
    assert wrong.sum() <= wrong_there.sum() + 3 * math.sqrt(wrong_there.sum() + 1)
    assert not (ok & wrong).any()
    assert wrong.mean() < 0.5


SIZES = [(12, 13), (12, 60), (39, 100), (100, 500), (193, 240), (292, 320), (293, 320), (560, 900), (561, 2000)]
SIZES += [(640, 3200), (641, 1000), (777, 850), (1001, 2000), (1500, 7500), (2048, 2400), (2640, 5000), (3824, 5709)]
SIZES += [(3824, 5707), (3840, 15360), (3841, 11000), (5000, 5420), (6528, 10000), (7040, 8000), (8448, 9126)]
SIZES += [(8448, 25344), (3500, 7000), (2400, 4800), (5600, 9000), (4500, 9000)]


@pytest.mark.parametrize(("k", "n"), SIZES)
def test_codewords_are_sionnas(k, n):
    from sionna.phy.fec.ldpc import LDPC5GEncoder

    blocks = np.random.default_rng(k).integers(0, 2, (3, k), dtype=np.uint8)
    encoder = LDPC5GEncoder(k, n)
    theirs = encoder(torch.tensor(blocks, dtype=torch.float32)).numpy()
    code = RateMatched(k, n)
    np.testing.assert_array_equal(code.encode(blocks), theirs)
    base, z = base_matrix(k, n)
    graph = expand(base, z)
    assert z == encoder.z
    np.testing.assert_array_equal(graph.rows, encoder.pcm.indptr)
    np.testing.assert_array_equal(graph.columns, encoder.pcm.tocsr().sorted_indices().indices)


def test_sizes_reach_every_set_of_lifting_sizes_of_both_base_graphs():
    reached = set()
    for k, n in SIZES:
        base, z = base_matrix(k, n)
        reached.add((len(base), next(i for i, sizes in enumerate(LIFTING_SETS) if z in sizes)))
    assert reached == {(rows, i) for rows in (46, 42) for i in range(8)}


@pytest.mark.parametrize(("k", "rate"), [(500, "30/1024"), (100, "1/10"), (3840, "1/6"), (8448, "3/10")])
def test_bits_are_repeated_below_the_rate_of_the_base_graph(k, rate):
    """38.212, 5.4.2.1: the circular buffer is read again from its start; its bits are Sionna's at the least rate."""
    from sionna.phy.fec.ldpc import LDPC5GEncoder

    code = NRLDPC.from_spec(f"nr-ldpc-{rate}")
    blocks, lengths = 8, np.full(8, k)
    bits, coded, llr = received(code, lengths, 5 + 10 * math.log10(code.rate))
    mother = 3 * k if k > 3840 else 5 * k
    buffer = LDPC5GEncoder(k, mother)(torch.tensor(bits.reshape(blocks, k), dtype=torch.float32)).numpy()
    rows = coded.reshape(blocks, -1)
    assert rows.shape[1] > mother
    np.testing.assert_array_equal(rows[:, :mother], buffer)
    period = RateMatched(k, rows.shape[1]).sent
    assert mother <= period < rows.shape[1]
    np.testing.assert_array_equal(rows[:, period:], np.tile(rows[:, :period], 8)[:, : rows.shape[1] - period])
    decoded, ok = code.decode(llr, lengths)
    np.testing.assert_array_equal(decoded, bits)
    assert ok.all()


def test_blocks_of_all_lengths_in_one_call():
    code = NRLDPC.from_spec("nr-ldpc-1/2")
    lengths = np.array([1, 12, 301, 5, 301, 293, 12])
    bits, _, llr = received(code, lengths, 12.0)
    decoded, ok = code.decode(llr, lengths)
    np.testing.assert_array_equal(decoded, bits)
    assert ok.all()
    part, _ = code.decode(llr[code.coded_length(1) :][: code.coded_length(12)], lengths[1:2])
    np.testing.assert_array_equal(part, bits[1:13])


def test_lengths():
    code = NRLDPC.from_spec("nr-ldpc-2/3")
    assert code.coded_length(1000) == 1500
    assert code.coded_length(1001) == 1502
    assert code.coded_length(3) == 18
    assert NRLDPC.from_spec("nr-ldpc").name == "nr-ldpc-3/4"
    with pytest.raises(LinksimError, match="takes 1 to 8448"):
        code.coded_length(8449)


@pytest.mark.parametrize(
    "spec",
    ["nr-ldpc-", "nr-ldpc-0/1", "nr-ldpc-1/0", "nr-ldpc-1/35", "nr-ldpc-1/1", "nr-ldpc-a/b", "nr-ldpc-2/3/4", "nr"],
)
def test_bad_specs(spec):
    with pytest.raises(LinksimError, match=r"nr-ldpc|5G NR"):
        NRLDPC.from_spec(spec)

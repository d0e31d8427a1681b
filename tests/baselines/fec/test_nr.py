"""Oracle: Sionna's encoder and decoder of 5G NR on the same blocks."""

import math

import numpy as np
import pytest
import torch

from baselines.fec.nr import NRLDPC
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
    ["nr-ldpc-", "nr-ldpc-0/1", "nr-ldpc-1/0", "nr-ldpc-1/5", "nr-ldpc-1/1", "nr-ldpc-a/b", "nr-ldpc-2/3/4", "nr"],
)
def test_bad_specs(spec):
    with pytest.raises(LinksimError, match=r"nr-ldpc|5G NR"):
        NRLDPC.from_spec(spec)

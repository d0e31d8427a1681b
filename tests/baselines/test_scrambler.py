"""The scrambler against the sequence that the standard prints."""

from __future__ import annotations

import numpy as np

from baselines.scrambler import scramble, sequence

STANDARD = (  # IEEE 802.11-2016, 17.3.5.5, all-ones state, leftmost first
    "00001110111100101100100100000010001001100010111010110110000011001101010011100111101101000010101011111010010100011011100"
    "01111111"
)


def test_the_sequence_is_the_standards() -> None:
    assert "".join(map(str, sequence())) == STANDARD


def test_a_constant_file_comes_out_balanced_and_its_crc_as_it_was() -> None:
    crc = np.random.default_rng(0).integers(0, 2, 32).astype(np.uint8)
    out = scramble(np.append(np.zeros(1270, np.uint8), crc))
    assert abs(out[:-32].mean() - 64 / 127) < 1e-9
    assert (out[-32:] == crc).all()


def test_files_that_begin_alike_do_not_sound_alike() -> None:
    """Each bit of a common header is 1 in half of the payloads, so that it cannot shift their common power."""
    rng = np.random.default_rng(1)
    header = rng.integers(0, 2, 160).astype(np.uint8)
    sent = [scramble(np.append(header, rng.integers(0, 2, 32).astype(np.uint8)))[:160] for _ in range(4000)]
    assert abs(np.mean(sent, axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(4000)

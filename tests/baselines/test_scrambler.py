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


def test_a_constant_payload_comes_out_balanced() -> None:
    assert abs(scramble(np.zeros(1270, np.uint8)).mean() - 64 / 127) < 1e-9

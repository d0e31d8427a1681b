"""The 802.11 scrambler, which keeps structured files from shifting the average power of a QAM.

The tables and headers at the start of a file are far from random bits; unscrambled they once gave a 64×64 JPEG an
average power of 0.89 over 16-QAM, half a decibel below the SNR that was set. They are also the same in every file: from
one and the same state, the headers of small BPG files gave all images together a power of 0.966. So each payload starts
from a state of its own, as each frame does in 802.11. Which one follows from its CRC-32, which is sent as it is.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from baselines.fec.base import Bits

CRC_BITS = 32
STATE = "crc32 mod 127"
"""How a payload's initial state is chosen, for the identity of a link's results."""


@cache
def sequence() -> Bits:
    """One period, 127 bits, of x⁷ + x⁴ + 1 from the all-ones state (IEEE 802.11-2016, 17.3.5.5)."""
    state = [1] * 7
    bits = []
    for _ in range(127):
        bits.append(state[6] ^ state[3])
        state = [bits[-1], *state[:6]]
    return np.array(bits, np.uint8)


def scramble(payload: Bits) -> Bits:
    """The bits of file and CRC-32, the file scrambled from the state that the CRC names; again gives them back.

    >>> file, crc = np.array([1, 1, 0], np.uint8), np.zeros(32, np.uint8)
    >>> scramble(scramble(np.append(file, crc)))[:3]
    array([1, 1, 0], dtype=uint8)
    """
    file, crc = payload[:-CRC_BITS], payload[-CRC_BITS:]
    start = int.from_bytes(np.packbits(crc).tobytes(), "big") % 127
    return np.concatenate([file ^ np.resize(np.roll(sequence(), -start), file.shape), crc])

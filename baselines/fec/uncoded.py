"""No channel code at all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from baselines.fec.base import LLR, Bits, ChannelCode, Lengths
from linksim.errors import LinksimError

BLOCK = 12_000
"""Bits that count as one block, for block error rates: a packet of 1,500 bytes."""


class Uncoded(ChannelCode):
    """No channel code: hard decisions, nothing detected (only the CRC-32 of an image tells)."""

    name = "uncoded"
    identity_name, version = "uncoded", 1
    k = BLOCK
    detects_errors = False

    @classmethod
    def from_spec(cls, spec: str) -> Uncoded:
        if spec != "uncoded":
            raise LinksimError(f"code {spec!r}: 'uncoded' takes no further part")
        return cls()

    def coded_length(self, length: int) -> int:
        return length

    def encode(self, bits: Bits, lengths: Lengths) -> Bits:
        return bits

    def decode(self, llr: LLR, lengths: Lengths) -> tuple[Bits, npt.NDArray[np.bool_]]:
        return (llr < 0).astype(np.uint8), np.ones(len(lengths), np.bool_)

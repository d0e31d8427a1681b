"""What a channel code is: information blocks to coded bits, and log-likelihood ratios back to blocks.

LLR = log p(b=0) − log p(b=1), natural logarithm: positive means 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from linksim.identity import Identified

Bits = npt.NDArray[np.uint8]
LLR = npt.NDArray[np.float32]
Lengths = npt.NDArray[np.int64]


class ChannelCode(Identified, ABC):
    """A block code that takes blocks of up to ``k`` information bits and pays for no padding.

    All arrays are flat and ragged: B blocks of ``lengths[i]`` information bits each, end to end, so that the blocks
    of many images go through in one call.
    """

    name: str = ""
    k: int = 0
    """Most information bits in one block."""
    detects_errors: bool = True
    """Whether ``decode`` can tell that a block is wrong."""

    @classmethod
    @abstractmethod
    def from_spec(cls, spec: str) -> ChannelCode:
        """The code for the text of a method's part, e.g. ``ldpc-3/4``, ``ldpc-648-1/2``, ``alist:PATH``; a
        LinksimError that names what is allowed otherwise."""

    @abstractmethod
    def coded_length(self, length: int) -> int:
        """Coded bits sent for a block of ``length`` information bits (1 <= length <= k)."""

    @abstractmethod
    def encode(self, bits: Bits, lengths: Lengths) -> Bits:
        """Coded bits of all blocks end to end (uint8 0/1)."""

    @abstractmethod
    def decode(self, llr: LLR, lengths: Lengths) -> tuple[Bits, npt.NDArray[np.bool_]]:
        """(information bits of all blocks end to end, flag per block). The flag is what a receiver can know
        (the syndrome); a code without one says True."""

    def split(self, bits: int) -> Lengths:
        """Lengths of the blocks that carry ``bits`` information bits: as few as possible, as even as possible."""
        blocks = -(-bits // self.k)
        short, longer = divmod(bits, blocks) if blocks else (0, 0)
        return np.array([short + 1] * longer + [short] * (blocks - longer), np.int64)

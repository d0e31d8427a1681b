"""5G NR LDPC (3GPP TS 38.212, 5.3.2 and 5.4.2.1): encoding and rate matching by Sionna, decoding by our own decoder.

A block of k bits becomes ⌈k / rate⌉ coded bits of the standard's code for just that size, redundancy version 0.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from baselines.fec.base import LLR, Bits, ChannelCode, Lengths
from baselines.fec.decoder import Decoder
from baselines.fec.rules import Graph
from linksim.errors import LinksimError

LEAST_RATE = Fraction(1, 3)
LARGEST_RATE = Fraction(948, 1024)
SHORTEST = 12
"""Bits of the standard's shortest block; a shorter one is sent with zeros appended."""

Index = npt.NDArray[np.int64]


class NRLDPC(ChannelCode):
    """5G NR LDPC, every block with the code of its own length: nr-ldpc-RATE, 1/3 <= RATE <= 948/1024."""

    k = 8448
    identity_name, version, libraries = "nr-ldpc", 1, ("sionna-no-rt",)

    def __init__(self, rate: Fraction) -> None:
        if not LEAST_RATE <= rate <= LARGEST_RATE:
            raise LinksimError(f"5G NR LDPC of rate {rate}: must be from {LEAST_RATE} to {LARGEST_RATE}")
        self.rate = rate
        self.name = f"nr-ldpc-{rate}"

    @classmethod
    def from_spec(cls, spec: str) -> NRLDPC:
        """The code of ``nr-ldpc`` (rate 3/4) or ``nr-ldpc-RATE``, the rate a fraction such as 2/3."""
        numerator, _, denominator = spec.removeprefix("nr-ldpc-").partition("/")
        if spec == "nr-ldpc":
            return cls(Fraction(3, 4))
        digits = numerator + denominator
        if not (digits.isascii() and numerator.isdecimal() and denominator.isdecimal() and len(digits) < 12):
            raise LinksimError(f"code {spec!r}: the form is nr-ldpc-RATE, e.g. nr-ldpc-2/3")
        return cls(Fraction(int(numerator), max(1, int(denominator))))

    def coded_length(self, length: int) -> int:
        if not 1 <= length <= self.k:
            raise LinksimError(f"block of {length} bits: {self.name} takes 1 to {self.k}")
        bits = max(length, SHORTEST)
        return min(int(-(-bits // self.rate)), 3 * bits)

    def encode(self, bits: Bits, lengths: Lengths) -> Bits:
        sizes = self._sizes(lengths)
        coded = np.empty(int(sizes.sum()), np.uint8)
        for length, _, information, sent in _groups(lengths, sizes):
            blocks = np.zeros((len(information), max(length, SHORTEST)), np.uint8)
            blocks[:, :length] = bits[information]
            coded[sent] = self._code(length).encode(blocks)
        return coded

    def decode(self, llr: LLR, lengths: Lengths) -> tuple[Bits, npt.NDArray[np.bool_]]:
        decoded = np.empty(int(np.sum(lengths)), np.uint8)
        ok = np.empty(len(lengths), np.bool_)
        for length, blocks, information, sent in _groups(lengths, self._sizes(lengths)):
            found, ok[blocks] = self._code(length).decode(llr[sent])
            decoded[information] = found[:, :length]
        return decoded, ok

    def _sizes(self, lengths: Lengths) -> Index:
        return np.array([self.coded_length(int(length)) for length in lengths], np.int64)

    def _code(self, length: int) -> _RateMatched:
        return _rate_matched(max(length, SHORTEST), self.coded_length(length))


def _groups(lengths: Lengths, sizes: Index) -> Iterator[tuple[int, Index, Index, Index]]:
    """For each length that occurs: it, its blocks, and where their information and their coded bits lie, (B, ·)."""
    lengths = np.asarray(lengths, np.int64)
    for length in np.unique(lengths):
        blocks = np.flatnonzero(lengths == length)
        information = (np.cumsum(lengths) - lengths)[blocks, None] + np.arange(length)
        sent = (np.cumsum(sizes) - sizes)[blocks, None] + np.arange(sizes[blocks[0]])
        yield int(length), blocks, information, sent


class _RateMatched:
    """The code for one (k, n).

    Base graph bits that are not sent: the first 2Z information bits and any core parity beyond n have an LLR of 0, the
    filler bits are certain zeros (our decoder's shortening). Extension parity that is not sent concerns nothing but its
    own check, so both are left out of the graph.
    """

    def __init__(self, k: int, n: int) -> None:
        from sionna.phy.fec.ldpc import LDPC5GEncoder

        self.encoder = LDPC5GEncoder(k, n, check_input=False)
        self.k, self.n, self.punctured = k, n, 2 * self.encoder.z
        checks = max(n - k + self.punctured, 4 * self.encoder.z)
        matrix = self.encoder.pcm[:checks, : self.encoder.k_ldpc + checks].tocsr().sorted_indices()
        graph = Graph(matrix.indptr.astype(np.uint32), matrix.indices.astype(np.uint32))
        self.decoder = Decoder(graph, self.encoder.k_ldpc + checks, self.encoder.k_ldpc)

    def encode(self, blocks: Bits) -> Bits:
        import torch

        with torch.inference_mode():
            coded = self.encoder(torch.from_numpy(blocks.astype(np.float32)))
        return np.asarray(coded.numpy(), np.uint8)

    def decode(self, llr: LLR) -> tuple[Bits, npt.NDArray[np.bool_]]:
        received = np.zeros((len(llr), self.k + self.decoder.n - self.decoder.k), np.float32)
        received[:, self.punctured : self.punctured + self.n] = llr
        bits, ok = self.decoder.decode(received.ravel(), np.full(len(llr), self.k))
        return bits.reshape(len(llr), self.k), ok


@functools.lru_cache(maxsize=64)
def _rate_matched(k: int, n: int) -> _RateMatched:
    return _RateMatched(k, n)

"""5G NR LDPC (3GPP TS 38.212, 5.3.2) and its rate matching (5.4.2.1).

A block of k bits becomes ⌈k / rate⌉ coded bits of the standard's code for just that size, redundancy version 0, without
CRC, segmentation and interleaving. ``nr_base_graphs.json`` holds the standard's tables of both base graphs.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from baselines.fec.base import LLR, Bits, ChannelCode, Lengths
from baselines.fec.decoder import Decoder
from baselines.fec.quasi_cyclic import Base, QuasiCyclicEncoder, expand
from baselines.fec.rules import Graph
from linksim.errors import LinksimError

LEAST_RATE = Fraction(30, 1024)
LARGEST_RATE = Fraction(948, 1024)
SHORTEST = 12
"""Bits of the standard's shortest block; a shorter one is sent with zeros appended."""
LONGEST = {1: 8448, 2: 3840}
"""Information bits of the longest block by the base graph."""
LIFTING_SETS = (
    (2, 4, 8, 16, 32, 64, 128, 256),
    (3, 6, 12, 24, 48, 96, 192, 384),
    (5, 10, 20, 40, 80, 160, 320),
    (7, 14, 28, 56, 112, 224),
    (9, 18, 36, 72, 144, 288),
    (11, 22, 44, 88, 176, 352),
    (13, 26, 52, 104, 208),
    (15, 30, 60, 120, 240),
)
"""Lifting sizes Z by the index of their set (table 5.3.2-1)."""
CORE = 4
"""Rows of a base graph whose parity part is dual-diagonal."""

Index = npt.NDArray[np.int64]


class NRLDPC(ChannelCode):
    """5G NR LDPC, every block with the code of its own length: nr-ldpc-RATE, 30/1024 <= RATE <= 948/1024."""

    identity_name, version = "nr-ldpc", 1

    def __init__(self, rate: Fraction) -> None:
        if not LEAST_RATE <= rate <= LARGEST_RATE:
            raise LinksimError(f"5G NR LDPC of rate {rate}: must be from {LEAST_RATE} to {LARGEST_RATE}")
        self.rate = rate
        self.k = LONGEST[1 if rate > Fraction(1, 4) else 2]
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
        return int(-(-max(length, SHORTEST) // self.rate))

    def encode(self, bits: Bits, lengths: Lengths) -> Bits:
        sizes = self._sizes(lengths)
        coded = np.empty(int(sizes.sum()), np.uint8)
        for length, _, information, sent in _groups(lengths, sizes):
            blocks = np.zeros((len(information), max(length, SHORTEST)), np.uint8)
            for block, own in zip(blocks, information, strict=True):
                block[:length] = bits[own]
            for own, block in zip(sent, self._code(length).encode(blocks), strict=True):
                coded[own] = block
        return coded

    def decode(self, llr: LLR, lengths: Lengths) -> tuple[Bits, npt.NDArray[np.bool_]]:
        decoded = np.empty(int(np.sum(lengths)), np.uint8)
        ok = np.empty(len(lengths), np.bool_)
        for length, blocks, information, sent in _groups(lengths, self._sizes(lengths)):
            found, ok[blocks] = self._code(length).decode([llr[own] for own in sent])
            for own, block in zip(information, found, strict=True):
                decoded[own] = block[:length]
        return decoded, ok

    def _sizes(self, lengths: Lengths) -> Index:
        distinct, which = np.unique(np.asarray(lengths, np.int64), return_inverse=True)
        return np.array([self.coded_length(int(length)) for length in distinct], np.int64)[which]

    def _code(self, length: int) -> RateMatched:
        return _rate_matched(max(length, SHORTEST), self.coded_length(length))


def _groups(lengths: Lengths, sizes: Index) -> Iterator[tuple[int, Index, list[slice], list[slice]]]:
    """For each length that occurs: it, its blocks, and where the information and the coded bits of each lie."""
    lengths = np.asarray(lengths, np.int64)
    spans = [[slice(*ends) for ends in zip(np.cumsum(n) - n, np.cumsum(n), strict=True)] for n in (lengths, sizes)]
    for length in np.unique(lengths):
        blocks = np.flatnonzero(lengths == length)
        information, sent = ([all_of[block] for block in blocks] for all_of in spans)
        yield int(length), blocks, information, sent


class RateMatched:
    """The code for one (k, n).

    The circular buffer holds the information bits but the first 2Z, then the parity bits; filler bits are never sent.
    n bits are taken from its start on, more than once if it has fewer. For the decoder the first 2Z information bits
    and core parity beyond n have an LLR of 0, and filler bits are certain zeros (our decoder's shortening). Extension
    parity that is not sent concerns only its own check, so both are left out of the graph.
    """

    def __init__(self, k: int, n: int) -> None:
        base, z = base_matrix(k, n)
        self.k, self.n, self.punctured = k, n, 2 * z
        rows = min(max(-(-(n - k + self.punctured) // z), CORE), len(base))
        base = base[:rows, : base.shape[1] - len(base) + rows]
        self.encoder = QuasiCyclicEncoder(base, z, CORE)
        self.sent = min(n, k - self.punctured + self.encoder.m)
        checks = max(self.sent - k + self.punctured, CORE * z)
        graph = expand(base, z)
        graph = Graph(graph.rows[: checks + 1], graph.columns[: graph.rows[checks]])
        self.decoder = Decoder(graph, self.encoder.k + checks, self.encoder.k)

    def encode(self, blocks: Bits) -> Bits:
        """Coded bits (B, n) of information bits (B, k)."""
        coded = self.encoder.encode(blocks.ravel(), np.full(len(blocks), self.k)).reshape(len(blocks), -1)
        buffer = coded[:, self.punctured : self.punctured + self.sent]
        return buffer if self.n == self.sent else np.take(buffer, np.arange(self.n) % self.sent, axis=1)

    def decode(self, llrs: list[LLR]) -> tuple[Bits, npt.NDArray[np.bool_]]:
        """Information bits (B, k) and flags (B,) of blocks of n LLRs each; those of one bit are added."""
        received = np.zeros((len(llrs), self.k + self.decoder.n - self.decoder.k), np.float32)
        buffer = received[:, self.punctured : self.punctured + self.sent]
        for row, llr in zip(buffer, llrs, strict=True):
            row[:] = llr[: self.sent]
            for start in range(self.sent, self.n, self.sent):
                again = llr[start : start + self.sent]
                row[: again.size] += again
        bits, ok = self.decoder.decode(received.ravel(), np.full(len(llrs), self.k))
        return bits.reshape(len(llrs), self.k), ok


def base_matrix(k: int, n: int) -> tuple[Base, int]:
    """The shifts of the base matrix for a block of k bits that is sent as n, and the lifting size Z.

    Base graph: 38.212, 6.2.2, with k/n for the rate. Lifting size: 5.2.2; the set of Z selects the shifts.
    """
    second = k <= 292 or (k <= 3824 and k / n <= 0.67) or (k <= LONGEST[2] and k / n <= 0.25)
    columns = 22 if not second else 10 if k > 640 else 9 if k > 560 else 8 if k > 192 else 6
    z, lifting_set = min((z, i) for i, sizes in enumerate(LIFTING_SETS) for z in sizes if columns * z >= k)
    blocks = np.array(_base_graphs()["2" if second else "1"])
    base = np.full(blocks[:, :2].max(axis=0) + 1, -1)
    base[blocks[:, 0], blocks[:, 1]] = blocks[:, 2 + lifting_set] % z
    return base, z


@functools.cache
def _base_graphs() -> Any:
    return json.loads((Path(__file__).parent / "nr_base_graphs.json").read_text())["graphs"]


@functools.lru_cache(maxsize=64)
def _rate_matched(k: int, n: int) -> RateMatched:
    return RateMatched(k, n)

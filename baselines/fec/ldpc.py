"""What all codes with a parity-check matrix of ours share: systematic shortened blocks, encoder and decoder."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from baselines.fec.base import LLR, Bits, ChannelCode, Lengths
from baselines.fec.decoder import Decoder
from baselines.fec.rules import Graph
from baselines.fec.sparse import SparseEncoder
from linksim.errors import LinksimError
from linksim.identity import sha256


class Encoder(Protocol):
    """Appends parity to ragged blocks (see ``ChannelCode.encode``)."""

    def encode(self, bits: Bits, lengths: Lengths) -> Bits: ...


class ParityCheckCode(ChannelCode):
    """A systematic code given by its parity-check matrix, decoded by our own decoder.

    A block sends its information bits, then n − k parity bits. A block of fewer than k information bits is shortened:
    the missing ones are zeros that both sides know and nobody sends, as in IEEE 802.11n.

    graph: the matrix, the first k of its n columns being the information bits. decoder: replaces the default one.
    """

    version = 1
    not_identifying = ("graph", "encoder")  # the matrix tells

    def __init__(self, name: str, graph: Graph, n: int, k: int, encoder: Encoder) -> None:
        self.name, self.graph, self.n, self.k, self.encoder = name, graph, n, k, encoder
        self.decoder = Decoder(graph, n, k)

    def coded_length(self, length: int) -> int:
        if not 1 <= length <= self.k:
            raise LinksimError(f"block of {length} bits: {self.name} takes 1 to {self.k}")
        return length + self.n - self.k

    def encode(self, bits: Bits, lengths: Lengths) -> Bits:
        lengths = self._checked(lengths, bits.size, parity=0)
        return self.encoder.encode(np.ascontiguousarray(bits, np.uint8), lengths)

    def decode(self, llr: LLR, lengths: Lengths) -> tuple[Bits, npt.NDArray[np.bool_]]:
        lengths = self._checked(lengths, llr.size, parity=self.n - self.k)
        return self.decoder.decode(llr, lengths)

    def identity(self) -> dict[str, Any]:
        matrix = sha256(self.graph.rows.tobytes() + self.graph.columns.tobytes())
        return super().identity() | {"n": self.n, "k": self.k, "matrix": matrix, "decoder": self.decoder.identity()}

    def _checked(self, lengths: Lengths, size: int, parity: int) -> Lengths:
        lengths = np.ascontiguousarray(lengths, np.int64)
        if lengths.size and not 1 <= lengths.min() <= lengths.max() <= self.k:
            raise LinksimError(f"blocks of {lengths.min()} to {lengths.max()} bits: {self.name} takes 1 to {self.k}")
        expected = int(lengths.sum()) + parity * lengths.size
        if size != expected:
            raise LinksimError(f"{self.name}: {size} values for blocks that need {expected}")
        return lengths


def systematic(graph: Graph, n: int) -> tuple[Graph, int, int, SparseEncoder]:
    """What ``ParityCheckCode`` needs, after its name, for any matrix of n columns: they are reordered to
    [information | parity]; redundant rows are allowed."""
    encoder = SparseEncoder(graph, n)
    position = np.empty(n, np.uint32)
    position[np.concatenate([encoder.information, encoder.parity])] = np.arange(n, dtype=np.uint32)
    return Graph(graph.rows, position[graph.columns]), n, encoder.information.size, encoder

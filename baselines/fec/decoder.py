"""Decoder for any parity-check matrix."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from baselines.fec.base import LLR, Bits, Lengths
from baselines.fec.kernel import Frames, decode
from baselines.fec.rules import Graph, Memory, OffsetMinSum, Rule, dtype_of
from linksim.simd.vector import HAS_WIDE, WIDTH, widened


class Decoder:
    """Layered belief propagation on the Tanner graph of a systematic code, stopping at a vanishing syndrome.

    graph: the parity-check matrix, its first k columns the information bits. iterations: at most so many per frame.
    rule: how checks answer; the default is offset min-sum in int8, 32 or 64 frames to a vector. threads: how many share
    the frames of a call; results do not depend on it, nor on what else is in the call.
    """

    def __init__(
        self, graph: Graph, n: int, k: int, *, rule: Rule | None = None, iterations: int = 20, threads: int = 1
    ) -> None:
        self.graph, self.n, self.k = graph, n, k
        self.rule = OffsetMinSum() if rule is None else rule
        self.iterations = iterations
        self.threads = threads

    def decode(self, llr: LLR, lengths: Lengths) -> tuple[Bits, npt.NDArray[np.bool_]]:
        """Information bits of all blocks end to end, and per block whether its syndrome vanished (see
        ``ChannelCode.decode``). Unsent information bits are certain zeros; a NaN counts as an LLR of 0, and a block
        without a single LLR other than 0 fails."""
        lengths = np.ascontiguousarray(lengths, np.int64)
        sent = lengths + (self.n - self.k)
        frames = Frames(
            np.ascontiguousarray(llr, np.float32),
            np.cumsum(sent) - sent,
            lengths,
            np.empty(int(lengths.sum()), np.uint8),
            np.cumsum(lengths) - lengths,
            np.zeros(lengths.size, np.bool_),
        )
        bounds = np.linspace(0, lengths.size, self.threads + 1).astype(int).tolist()
        parts = [(a, b) for a, b in itertools.pairwise(bounds) if a < b]
        if len(parts) == 1:
            self._run(frames, parts[0])
        elif parts:
            with ThreadPoolExecutor(len(parts)) as pool:
                list(pool.map(lambda part: self._run(frames, part), parts))
        return frames.bits, frames.ok

    def identity(self) -> dict[str, Any]:
        """JSON-able description of all that determines the results."""
        return {"rule": type(self.rule).__name__, **self.rule._asdict(), "iterations": self.iterations}

    def _run(self, frames: Frames, part: tuple[int, int]) -> None:
        decode(self.rule, self.graph, frames, *part, self.k, self.iterations, self._memory(part[1] - part[0]))

    def _memory(self, frames: int) -> Memory:
        """For so many frames: wide vectors pay if they are refilled a few times."""
        dtype = dtype_of(self.rule)
        lanes = WIDTH // dtype.itemsize
        wide = HAS_WIDE and frames >= 8 * lanes
        lanes = 2 * lanes if wide else lanes
        degree = int(np.diff(self.graph.rows).max(initial=0))
        width = -(-self.n // lanes) * lanes
        vectors = {"rows": width, "spare": 2 * lanes, "posterior": width, "answers": self.graph.columns.size}
        vectors |= {"scratch": 2 * degree, "fresh": 1}
        return Memory(
            **{name: widened(_aligned(count * lanes, dtype), wide) for name, count in vectors.items()},
            decisions=np.zeros(self.n, np.uint64 if lanes > 32 else np.uint32),
        )


def _aligned(size: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Zeros that begin at a cache line: vectors that straddle two are up to half as fast again to reach."""
    memory = np.zeros(size * dtype.itemsize + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size * dtype.itemsize].view(dtype)

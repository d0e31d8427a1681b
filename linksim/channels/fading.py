"""Flat Rayleigh fading."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from linksim.channels.base import Channel, Symbols, complex_normal


class Rayleigh(Channel):
    """Rayleigh fading with perfect CSI: y = h·x + n, one complex gain h ~ CN(0, 1) for ``coherence`` symbols."""

    def __init__(self, name: str, coherence: int | None) -> None:
        self.name = name
        self.coherence = coherence  # None: the whole image sees one gain

    def transmit_one(
        self, symbols: Symbols, n0: float, stream: np.random.Generator
    ) -> tuple[Symbols, npt.NDArray[np.float32] | float]:
        n = len(symbols)
        if n == 0:
            return symbols, n0
        span = self.coherence or n
        # The noise is drawn first, so that it is the AWGN channel's own for the same image and SNR.
        noise = complex_normal(stream, n, n0)
        gains = np.repeat(complex_normal(stream, -(-n // span)), span)[:n]
        power = np.maximum(np.abs(gains) ** 2, np.float32(1e-12))
        return symbols + noise * gains.conj() / power, (np.float32(n0) / power).astype(np.float32)


def rayleigh_block() -> Channel:
    """Rayleigh block fading: one gain per image, known at the receiver."""
    return Rayleigh("rayleigh-block", None)


def rayleigh_fast() -> Channel:
    """Rayleigh fast fading: an independent gain for every symbol, known at the receiver."""
    return Rayleigh("rayleigh-fast", 1)

"""Flat fading: one complex gain for a whole image (block) or for each symbol (fast)."""

from __future__ import annotations

import math
import re

import numpy as np

from linksim.channels.base import Channel, Received, Symbols, complex_normal, fading_stream
from linksim.errors import LinksimError

KINDS: dict[str, int | None] = {"block": None, "fast": 1}
"""Coherence in symbols; None: the whole image sees one gain."""
ABOUT = {
    "rayleigh-block": "one gain h ~ CN(0, 1) for the whole image",
    "rayleigh-fast": "a gain h ~ CN(0, 1) for each symbol",
    "rician": "rician-K=5dB-block or -fast: a line of sight of K times the power of the Rayleigh part",
}


class FlatFading(Channel):
    """Flat fading with perfect CSI: y = h·x + n, h = √(K/(K+1)) + CN(0, 1/(K+1)), so that E|h|² = 1.

    The line of sight has phase 0: the receiver equalises, so the phase of h does not change its symbols' statistics.
    """

    identity_name, version = "flat-fading", 2

    def __init__(self, k_factor: float, coherence: int | None) -> None:
        """k_factor: K, linear, 0 for Rayleigh fading. coherence: symbols that share a gain; None for all of them."""
        if not k_factor >= 0:
            raise LinksimError(f"K factor {k_factor}: must be at least 0 (linear)")
        self.k_factor, self.coherence = k_factor, coherence
        self.sight = 1.0 if math.isinf(k_factor) else math.sqrt(k_factor / (k_factor + 1))

    @classmethod
    def from_spec(cls, spec: str) -> FlatFading:
        """The channel of ``rayleigh-block``, ``rayleigh-fast`` or ``rician-K=5dB[-block|-fast]``."""
        found = re.fullmatch(r"(?:rayleigh|rician-k=(?P<k>-?[\d.]+)db)(?P<kind>-block|-fast)?", spec.lower())
        if not found or not (found["k"] or found["kind"]):
            raise LinksimError(
                f"channel {spec!r}: the form is rayleigh-block, rayleigh-fast or rician-K=5dB[-block|-fast]"
            )
        k_factor = 10 ** (float(found["k"]) / 10) if found["k"] else 0.0
        return cls(k_factor, KINDS[(found["kind"] or "-block")[1:]])

    @staticmethod
    def about(name: str) -> str:
        """One line for ``linksim channels``."""
        return ABOUT[name]

    def transmit_one(self, symbols: Symbols, n0: float, stream: np.random.Generator) -> Received:
        n = len(symbols)
        if n == 0:
            return symbols, n0
        span = self.coherence or n
        scattered = complex_normal(fading_stream(stream), -(-n // span), 1 - self.sight**2)
        gains = np.repeat(scattered + np.float32(self.sight), span)[:n]
        noise = complex_normal(stream, n, n0)
        power = np.maximum(np.abs(gains) ** 2, np.float32(1e-12))
        return symbols + noise * gains.conj() / power, (np.float32(n0) / power).astype(np.float32)


def rayleigh_block() -> Channel:
    """Rayleigh block fading: one gain per image, known at the receiver."""
    return FlatFading(0.0, None)


def rayleigh_fast() -> Channel:
    """Rayleigh fast fading: an independent gain for every symbol, known at the receiver."""
    return FlatFading(0.0, 1)

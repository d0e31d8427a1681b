"""Additive white Gaussian noise."""

from __future__ import annotations

import math

import numpy as np

from linksim.channels.base import Channel, Received, Symbols, complex_normal


class AWGN(Channel):
    """Additive white Gaussian noise: y = x + n, n ~ CN(0, N0)."""

    name = "awgn"
    k_factor = math.inf
    identity_name, version = "awgn", 2

    def transmit_one(self, symbols: Symbols, n0: float, stream: np.random.Generator) -> Received:
        received = complex_normal(stream, len(symbols), n0)
        received += symbols
        return received, n0

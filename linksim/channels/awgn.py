"""Additive white Gaussian noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from linksim.channels.base import Channel, Symbols, complex_normal


class AWGN(Channel):
    """Additive white Gaussian noise: y = x + n, n ~ CN(0, N0)."""

    name = "awgn"

    def transmit_one(
        self, symbols: Symbols, n0: float, stream: np.random.Generator
    ) -> tuple[Symbols, npt.NDArray[np.float32] | float]:
        return symbols + complex_normal(stream, len(symbols), n0), n0

"""What a transmitter's amplifier does to a signal with peaks: clipping, and the solid-state amplifier of Rapp.

By Bussgang's theorem the amplified signal of many subcarriers is α·x + d, with d uncorrelated with x. The signal is
scaled so that its mean power is again 1, distortion included: the transmitter has one power budget.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from linksim.channels.resource_grid import ResourceGrid
from linksim.errors import LinksimError

Waveform = npt.NDArray[np.complex128]
TRAINING_SYMBOLS = 512
"""OFDM symbols that an amplifier's gain and distortion are measured with."""


@dataclass(frozen=True)
class Amplifier(ABC):
    """A memoryless amplifier. backoff_db: its highest output power over the mean power of its input, in dB."""

    backoff_db: float

    def __post_init__(self) -> None:
        if not -20 <= self.backoff_db <= 40:
            raise LinksimError(f"amplifier back-off {self.backoff_db:g} dB: must lie between -20 and 40 dB")

    @property
    def limit(self) -> float:
        """The highest output amplitude for an input of unit mean power."""
        return float(10 ** (self.backoff_db / 20))

    @abstractmethod
    def amplify(self, waveform: Waveform) -> Waveform:
        """The output for an input of unit mean power, not yet scaled."""


@dataclass(frozen=True)
class Clipping(Amplifier):
    """Amplitudes above the limit are cut to it; phases stay."""

    def amplify(self, waveform: Waveform) -> Waveform:
        return waveform * np.minimum(1.0, self.limit / np.maximum(np.abs(waveform), 1e-12))


@dataclass(frozen=True)
class Rapp(Amplifier):
    """|y| = |x| / (1 + (|x|/limit)^2p)^(1/2p) (Rapp 1991). smoothness: p; the larger, the sharper the knee."""

    smoothness: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.1 <= self.smoothness <= 100:
            raise LinksimError(f"Rapp smoothness {self.smoothness:g}: must lie between 0.1 and 100")

    def amplify(self, waveform: Waveform) -> Waveform:
        excess = (np.abs(waveform) / self.limit) ** (2 * self.smoothness)
        return waveform / (1 + excess) ** (1 / (2 * self.smoothness))


@dataclass(frozen=True)
class Distortion:
    """scale: what brings the output to unit mean power. gain: α of the scaled output on active subcarriers. noise:
    power of the distortion there, over that of the amplified signal."""

    scale: float
    gain: float
    noise: float


@lru_cache(maxsize=16)
def distortion(amplifier: Amplifier, grid: ResourceGrid) -> Distortion:
    """What an amplifier does to a grid of random QPSK, measured with fixed random numbers."""
    words = np.random.Philox(key=1).random_raw(TRAINING_SYMBOLS * grid.active.size)
    quadrant = (words >> np.uint64(62)).astype(np.int64).reshape(TRAINING_SYMBOLS, -1)
    sent = np.exp(1j * np.pi * (2 * quadrant + 1) / 4).astype(np.complex64)
    output = amplifier.amplify(grid.waveform(sent))
    scale = 1 / float(np.sqrt(np.mean(np.abs(output) ** 2)))
    got = scale * grid.elements(output)
    gain = float(np.mean(got * sent.conj()).real)
    return Distortion(scale, gain, float(np.mean(np.abs(got / gain - sent) ** 2)))

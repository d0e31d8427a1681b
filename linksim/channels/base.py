"""Channels, and the one convention of SNR that every link of the project is measured by.

Complex baseband symbols x have unit average power, Es = E|x|² = 1. SNR is Es/N0 per complex symbol in dB, so
N0 = 10^(−SNR/10) (linear) is the variance of the complex noise CN(0, N0): N0/2 in each real dimension.
A fading gain h ~ CN(0, 1) has E|h|² = 1, so SNR is then the average received Es/N0. The receiver knows h (perfect
CSI) and equalises: it gets y/h and the noise variance N0/|h|² of each symbol.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Symbols = npt.NDArray[np.complex64]


def noise_variance(snr_db: float) -> float:
    """N0 (linear, variance of the complex noise per symbol) for Es/N0 in dB and Es = 1.

    >>> noise_variance(10.0)
    0.1
    """
    return float(10.0 ** (-snr_db / 10.0))


def noise_stream(seed: int, key: str, snr_db: float, trial: int) -> np.random.Generator:
    """The random numbers of one (seed, image, SNR, trial): a counter-based Philox stream keyed by their hash.

    It is the same for every link (common random numbers), and the same whatever the order, batch or process.
    """
    text = f"{seed}|{key}|{float(snr_db)!r}|{trial}"
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def complex_normal(stream: np.random.Generator, n: int, variance: float = 1.0) -> Symbols:
    """n samples of CN(0, variance): complex64, variance/2 in each real dimension."""
    pairs = stream.standard_normal(2 * n, dtype=np.float32) * np.float32(np.sqrt(variance / 2))
    return pairs.view(np.complex64)


class Channel(ABC):
    """What happens between send and receive, image by image."""

    name: str = ""

    def transmit(
        self, symbols: Symbols, offsets: npt.NDArray[np.int64], snr_db: float, streams: Sequence[np.random.Generator]
    ) -> tuple[Symbols, npt.NDArray[np.float32]]:
        """Received symbols (S,) complex64, equalised, and the noise variance N0 (linear) of each, (S,) float32.

        symbols: (S,) complex64 of unit average power. offsets: (N + 1,) int64, image i owns
        symbols[offsets[i]:offsets[i+1]]. streams: one noise stream per image.
        """
        received = np.empty_like(symbols)
        noise_var = np.empty(symbols.shape, np.float32)
        n0 = noise_variance(snr_db)
        for i, stream in enumerate(streams):
            own = slice(offsets[i], offsets[i + 1])
            got = self.transmit_one(symbols[own], n0, stream)
            with np.errstate(over="ignore"):  # the engine refuses infinity and names the channel
                received[own], noise_var[own] = got
        return received, noise_var

    @abstractmethod
    def transmit_one(
        self, symbols: Symbols, n0: float, stream: np.random.Generator
    ) -> tuple[Symbols, npt.NDArray[np.float32] | float]:
        """One image's symbols through the channel: (equalised symbols, noise variance of each or one for all)."""

    def identity(self) -> dict[str, Any]:
        """JSON-able description of all that determines the channel's behaviour."""
        return {"class": f"linksim.channel:{type(self).__qualname__}"}  # the module's former name: stored rows hold it

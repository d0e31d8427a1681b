"""Channels, and the one convention of SNR that every link of the project is measured by.

Complex baseband symbols x have unit average power, Es = E|x|² = 1. SNR is Es/N0 per complex symbol in dB, so
N0 = 10^(−SNR/10) (linear) is the variance of the complex noise CN(0, N0): N0/2 in each real dimension.
A fading gain h has E|h|² = 1 over the realisations, so SNR is then the average received Es/N0; the gain of one image
is not normalised. The receiver equalises with what it knows of h: it returns symbols and the noise variance of each,
N0/|h|² where it knows h.
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from linksim.identity import Identified
from linksim.simd.normal import box_muller

Symbols = npt.NDArray[np.complex64]
Received = tuple[Symbols, npt.NDArray[np.float32] | float]
"""Equalised symbols of an image and the noise variance of each, or one for all."""
AT_ONCE = 8192
"""Samples drawn at a time: memory that stays in the cache costs less than new memory."""


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


def fading_stream(stream: np.random.Generator) -> np.random.Generator:
    """The random numbers of an image's fading, apart from those of its noise.

    Links spend different numbers of symbols, and so of noise samples. Fading is drawn 2^128 numbers further on (see
    ``numpy.random.Philox.jumped``), so that all links see the same fading and the noise of the AWGN channel.
    """
    return np.random.Generator(stream.bit_generator.jumped())  # type: ignore[attr-defined]


def complex_normal(stream: np.random.Generator, n: int, variance: float = 1.0) -> Symbols:
    """n samples of CN(0, variance): complex64, variance/2 in each real dimension, from n words of the stream."""
    samples = np.empty(n, np.complex64)
    for start in range(0, n, AT_ONCE):
        part = samples[start : start + AT_ONCE]
        part[:] = box_muller(stream.bit_generator.random_raw(part.size), math.sqrt(variance / 2))
    return samples


class Channel(Identified, ABC):
    """What happens between send and receive, image by image.

    k_factor: power of the constant part of a symbol's gain over that of its Rayleigh part, linear: infinite without
    fading, 0 for Rayleigh fading. None where a symbol's error rate is not that of AWGN averaged over such a gain.
    """

    name: str = ""
    k_factor: float | None = None

    def transmit(
        self, symbols: Symbols, offsets: npt.NDArray[np.int64], snr_db: float, streams: Sequence[np.random.Generator]
    ) -> tuple[Symbols, npt.NDArray[np.float32]]:
        """Pass the symbols of some images through the channel and its receiver.

        Args:
            symbols: (S,) complex64 of unit average power.
            offsets: (N + 1,) int64, image i owns symbols[offsets[i]:offsets[i+1]].
            snr_db: Es/N0 in dB.
            streams: one noise stream per image.

        Returns:
            Received symbols (S,) complex64, equalised, and the noise variance (linear) of each, (S,) float32.
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

    def sample_noise(self, symbols: int, snr_db: float, draws: int) -> npt.NDArray[np.float32]:
        """Draw noise variances from the channel's statistics, for a sender that knows them.

        Args:
            symbols: Symbols of an image.
            snr_db: Mean Es/N0 in dB.
            draws: Images, each over a realisation of its own; always the same ones, at every SNR.

        Returns:
            Variances (linear), (draws, symbols) float32.
        """
        streams = [noise_stream(0, f"statistics {i}", 0.0, 0) for i in range(draws)]
        sent = np.full(draws * symbols, math.sqrt(0.5) * (1 + 1j), np.complex64)
        return self.transmit(sent, np.arange(draws + 1) * symbols, snr_db, streams)[1].reshape(draws, symbols)

    @abstractmethod
    def transmit_one(self, symbols: Symbols, n0: float, stream: np.random.Generator) -> Received:
        """One image's symbols through the channel: (equalised symbols, noise variance of each or one for all)."""

    def uses(self, symbols: int) -> int:
        """Complex channel uses that an image of so many symbols occupies, everything counted that is sent with them."""
        return symbols

    def capacity(self, uses: int) -> int:
        """The most symbols that fit into so many complex channel uses: the inverse of ``uses``."""
        return uses

    def papr_db(self, symbols: Symbols, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Peak over mean power of the signal of each image, (N,) in dB; NaN for an image without symbols."""
        return np.array([peak_to_mean_db(self.waveform(symbols[a:b])) for a, b in pairwise(offsets)])

    def waveform(self, symbols: Symbols) -> npt.NDArray[np.complexfloating[Any, Any]]:
        """What the antenna radiates for an image's symbols: here the symbols themselves, without a pulse shape."""
        return symbols


def peak_to_mean_db(signal: npt.NDArray[np.complexfloating[Any, Any]]) -> float:
    """Peak over mean power of a signal in dB; NaN without samples.

    >>> round(peak_to_mean_db(np.array([1, 1j, -1, 3])), 2)
    4.77
    """
    power = np.abs(signal.astype(np.complex128)) ** 2
    return 10 * math.log10(power.max() / power.mean()) if power.size and power.any() else math.nan

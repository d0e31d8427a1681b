"""Gray-labelled square QAM and its soft demapping (3GPP TS 38.211, 5.1.3 to 5.1.6).

A symbol of 2m bits is two independent m-bit amplitudes: even bits make the real part, odd bits the imaginary one, so
everything works on one real dimension at a time. Symbols have unit average power over the constellation. The complex
noise has variance N0, N0/2 per real dimension, and LLR = log p(b=0) − log p(b=1).
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from linksim.errors import LinksimError, unknown

BITS_PER_SYMBOL = {"qpsk": 2, "16qam": 4, "64qam": 6, "256qam": 8}
NAMES = tuple(BITS_PER_SYMBOL)
DEMAPPERS = ("app", "maxlog")

_LEAST_NOISE = np.float32(1e-30)
_LEAST_SUM = np.float32(1e-30)


class QAM:
    """Square QAM of ``bits_per_symbol`` 2, 4, 6 or 8.

    levels: (2^m,) float32, the amplitude of one real dimension for each m-bit label, first bit most significant.
    """

    def __init__(self, bits_per_symbol: int) -> None:
        if bits_per_symbol not in BITS_PER_SYMBOL.values():
            raise LinksimError(f"{bits_per_symbol} bits per symbol: must be one of 2, 4, 6, 8")
        self.bits_per_symbol = bits_per_symbol
        self.name = NAMES[bits_per_symbol // 2 - 1]
        self.levels = gray_levels(bits_per_symbol // 2).astype(np.float32)

    def map(self, bits: npt.NDArray[np.uint8]) -> npt.NDArray[np.complex64]:
        """Symbols, complex64 (S,), of a flat uint8 array of 2m·S bits.

        >>> QAM(4).map(np.array([0, 0, 0, 0], np.uint8)) * np.float32(10**0.5)
        array([1.+1.j], dtype=complex64)
        """
        if bits.size % self.bits_per_symbol:
            raise LinksimError(f"{bits.size} bits do not fill symbols of {self.bits_per_symbol} bits")
        symbols = np.empty(bits.size // self.bits_per_symbol, np.complex64)
        _map(np.ascontiguousarray(bits, np.uint8), self.bits_per_symbol // 2, self.levels, symbols.view(np.float32))
        return symbols

    def demap(
        self,
        received: npt.NDArray[np.complex64],
        noise_var: npt.NDArray[np.float32] | float,
        method: str = "app",
    ) -> npt.NDArray[np.float32]:
        """LLRs, float32 (2m·S,), of S equalised symbols under complex noise of variance ``noise_var`` ((S,) or one).

        method: "app", the exact log ratio of the summed likelihoods; "maxlog", of the largest ones.
        """
        if method not in DEMAPPERS:
            raise unknown("demapper", method, DEMAPPERS)
        received = np.ascontiguousarray(received, np.complex64)
        noise = np.ascontiguousarray(np.broadcast_to(np.asarray(noise_var, np.float32), received.shape))
        llr = np.empty(received.size * self.bits_per_symbol, np.float32)
        kernel = _demap_app if method == "app" else _demap_maxlog
        kernel(received.view(np.float32), noise, self.bits_per_symbol // 2, self.levels, llr)
        return llr


def modulation(name: str) -> QAM:
    """The constellation called ``name``, one of ``NAMES``; a LinksimError that lists them otherwise."""
    if name not in BITS_PER_SYMBOL:
        raise unknown("modulation", name, NAMES)
    return QAM(BITS_PER_SYMBOL[name])


def gray_levels(bits: int) -> npt.NDArray[np.float64]:
    """The amplitude of each label: (1−2b₀)[2^(m−1) − (1−2b₁)[… − (1−2b_(m−1))]], scaled to half a unit of power."""
    labels = np.arange(2**bits)
    levels = np.ones(labels.size)
    for position in reversed(range(bits)):
        sign = 1 - 2 * ((labels >> (bits - 1 - position)) & 1)
        inner = 2 ** (bits - 1 - position)
        levels = sign * (levels if position == bits - 1 else inner - levels)
    return np.asarray(levels / math.sqrt(2 * np.mean(levels**2)))


@numba.njit(nogil=True, cache=True)
def _map(bits, per_dimension, levels, amplitudes):
    for d in range(amplitudes.size):
        first = (d >> 1) * 2 * per_dimension + (d & 1)
        label = 0
        for j in range(per_dimension):
            label = 2 * label + (bits[first + 2 * j] & 1)
        amplitudes[d] = levels[label]


@numba.njit(nogil=True, cache=True)
def _demap_maxlog(amplitudes, noise, per_dimension, levels, llr):
    best = np.empty((2, per_dimension), np.float32)
    for d in range(amplitudes.size):
        best[:] = np.inf
        for label in range(levels.size):
            distance = (amplitudes[d] - levels[label]) ** 2
            for j in range(per_dimension):
                bit = (label >> (per_dimension - 1 - j)) & 1
                best[bit, j] = min(best[bit, j], distance)
        scale = np.float32(1) / max(noise[d >> 1], _LEAST_NOISE)
        first = (d >> 1) * 2 * per_dimension + (d & 1)
        for j in range(per_dimension):
            llr[first + 2 * j] = (best[1, j] - best[0, j]) * scale


@numba.njit(nogil=True, cache=True)
def _demap_app(amplitudes, noise, per_dimension, levels, llr):
    exponent = np.empty(levels.size, np.float32)
    likelihood = np.empty(levels.size, np.float32)
    for d in range(amplitudes.size):
        scale = np.float32(1) / max(noise[d >> 1], _LEAST_NOISE)
        largest = np.float32(-np.inf)
        for label in range(levels.size):
            exponent[label] = -((amplitudes[d] - levels[label]) ** 2) * scale
            largest = max(largest, exponent[label])
        for label in range(levels.size):
            likelihood[label] = math.exp(exponent[label] - largest)
        first = (d >> 1) * 2 * per_dimension + (d & 1)
        for j in range(per_dimension):
            shift = per_dimension - 1 - j
            zero = one = np.float32(0)
            for label in range(levels.size):
                if (label >> shift) & 1:
                    one += likelihood[label]
                else:
                    zero += likelihood[label]
            if min(zero, one) > _LEAST_SUM:
                llr[first + 2 * j] = math.log(zero / one)
            else:  # one sum has underflowed: take it relative to its own largest term
                llr[first + 2 * j] = _log_sum(exponent, shift, 0) - _log_sum(exponent, shift, 1)


@numba.njit(nogil=True, cache=True)
def _log_sum(exponent, shift, bit):
    """log Σ exp(exponent) over the labels whose bit at ``shift`` is ``bit``."""
    largest = np.float32(-np.inf)
    for label in range(exponent.size):
        if (label >> shift) & 1 == bit:
            largest = max(largest, exponent[label])
    total = np.float32(0)
    for label in range(exponent.size):
        if (label >> shift) & 1 == bit:
            total += math.exp(exponent[label] - largest)
    return largest + math.log(total)

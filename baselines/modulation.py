"""BPSK, Gray-labelled square QAM, and their soft demapping (IEEE 802.11-2016, 17.3.5.8; 3GPP TS 38.211, 5.1.3 to
5.1.7).

A QAM symbol of 2m bits is two independent m-bit amplitudes: even bits make the real part, odd bits the imaginary one,
so everything works on one real dimension at a time. BPSK has the real part only, +1 for a 0 and −1 for a 1. Symbols
have unit average power over the constellation. The complex noise has variance N0, N0/2 per real dimension, and
LLR = log p(b=0) − log p(b=1).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from linksim.errors import LinksimError, unknown
from linksim.identity import Identified
from linksim.simd.elementary import exp, log
from linksim.simd.vector import (
    HAS_WIDE,
    fill,
    interleave_high,
    interleave_low,
    lanes_of,
    load,
    maximum,
    minimum,
    select,
    store,
    widened,
)

BITS_PER_SYMBOL = {"bpsk": 1, "qpsk": 2, "16qam": 4, "64qam": 6, "256qam": 8, "1024qam": 10}
NAMES = tuple(BITS_PER_SYMBOL)
DEMAPPERS = ("app", "maxlog")

_LEAST_NOISE = np.float32(1e-30)
_SYMBOLS = 16  # the most that the demapper takes at a time, and the fewest it is given


class QAM(Identified):
    """BPSK (``bits_per_symbol`` 1) or square QAM (2, 4, 6, 8 or 10).

    dimensions: real dimensions of a symbol that carry bits, m bits each: 1 of BPSK, 2 of QAM.
    amplitudes: (2^m,) float64, the amplitude of one real dimension for each m-bit label, first bit most significant.
    levels: the same in float32. points: (2^bits_per_symbol,) complex64, the symbol for each label.
    """

    identity_name, version = "qam", 1

    def __init__(self, bits_per_symbol: int) -> None:
        if bits_per_symbol not in BITS_PER_SYMBOL.values():
            allowed = ", ".join(map(str, BITS_PER_SYMBOL.values()))
            raise LinksimError(f"{bits_per_symbol} bits per symbol: must be one of {allowed}")
        self.bits_per_symbol = bits_per_symbol
        self.dimensions = min(bits_per_symbol, 2)
        self.name = NAMES[bits_per_symbol // 2]
        self.amplitudes = gray_levels(bits_per_symbol // self.dimensions) / math.sqrt(self.dimensions)
        self.levels = self.amplitudes.astype(np.float32)
        if self.dimensions == 1:
            self.points = self.levels.astype(np.complex64)
            return
        label = np.arange(2**bits_per_symbol)
        real = imaginary = np.zeros_like(label)
        for position in range(bits_per_symbol - 2, -1, -2):
            real = 2 * real + (label >> position + 1 & 1)
            imaginary = 2 * imaginary + (label >> position & 1)
        self.points = self.levels[real] + np.complex64(1j) * self.levels[imaginary]

    def map(self, bits: npt.NDArray[np.uint8]) -> npt.NDArray[np.complex64]:
        """Symbols, complex64 (S,), of a flat uint8 array of 2m·S bits.

        >>> QAM(4).map(np.array([0, 0, 0, 0], np.uint8)) * np.float32(10**0.5)
        array([1.+1.j], dtype=complex64)
        """
        if bits.size % self.bits_per_symbol:
            raise LinksimError(f"{bits.size} bits do not fill symbols of {self.bits_per_symbol} bits")
        symbols = np.empty(bits.size // self.bits_per_symbol, np.complex64)
        per_symbol = (0,) * self.bits_per_symbol
        _map(np.ascontiguousarray(bits, np.uint8), per_symbol, self.points.view(np.float64), symbols.view(np.float64))
        return symbols

    def demap(
        self,
        received: npt.NDArray[np.complex64],
        noise_var: npt.NDArray[np.float32] | float,
        method: str = "app",
    ) -> npt.NDArray[np.float32]:
        """LLRs, float32 (bits_per_symbol·S,), of S equalised symbols under complex noise of variance ``noise_var``,
        (S,) or one.

        method: "app", the exact log ratio of the summed likelihoods; "maxlog", of the largest ones.
        """
        if method not in DEMAPPERS:
            raise unknown("demapper", method, DEMAPPERS)
        if self.dimensions == 1:
            noise = np.maximum(np.asarray(noise_var, np.float32), _LEAST_NOISE)
            return (4 * received.real / noise).astype(np.float32, copy=False)
        symbols = np.ascontiguousarray(received, np.complex64)
        noise = np.ascontiguousarray(np.broadcast_to(noise_var, symbols.shape), np.float32)
        missing = max(0, _SYMBOLS - symbols.size)
        if missing:
            symbols, noise = np.pad(symbols, (0, missing)), np.pad(noise, (0, missing), constant_values=1)
        llr = np.empty(symbols.size * self.bits_per_symbol, np.float32)
        bits = self.bits_per_symbol // 2
        amplitudes, variances = (widened(array, HAS_WIDE) for array in (symbols.view(np.float32), noise))
        found, squares = (widened(np.empty(n * _SYMBOLS, np.float32), HAS_WIDE) for n in (bits, 2**bits))
        _demap(method == "app", amplitudes, variances, found, squares, bits, tuple(self.levels), llr.view(np.float64))
        return llr[: received.size * self.bits_per_symbol]


def modulation(name: str) -> QAM:
    """The constellation called ``name``, one of ``NAMES``; a LinksimError that lists them otherwise."""
    if name not in BITS_PER_SYMBOL:
        raise unknown("modulation", name, NAMES)
    return QAM(BITS_PER_SYMBOL[name])


def gray_levels(bits: int) -> npt.NDArray[np.float64]:
    """The amplitude of each label: (1−2b₀)[2^(m−1) − (1−2b₁)[… − (1−2b_(m−1))]], scaled to unit power."""
    labels = np.arange(2**bits)
    levels = np.ones(labels.size)
    for position in reversed(range(bits)):
        sign = 1 - 2 * ((labels >> (bits - 1 - position)) & 1)
        inner = 2 ** (bits - 1 - position)
        levels = sign * (levels if position == bits - 1 else inner - levels)
    return np.asarray(levels / math.sqrt(np.mean(levels**2)))


@njit(nogil=True, cache=True)
def _map(bits, per_symbol, points, symbols):
    """per_symbol: a tuple, whose length the compiler knows. points, symbols: as float64, moved without a look."""
    for symbol in range(symbols.size):
        label = 0
        for j in range(len(per_symbol)):
            label = 2 * label + (bits[symbol * len(per_symbol) + j] & 1)
        symbols[symbol] = points[label]


@njit(nogil=True, cache=True)
def _demap(exact, amplitudes, noise, found, squares, per_dimension, levels, llr):
    """As many symbols at a time as a vector has lanes; the last ones may be done twice.

    found, squares: room for their LLRs and squared distances. levels: a tuple, whose length the compiler knows and
    unrolls for. llr: as float64, a pair for one bit of both dimensions of a symbol.
    """
    lanes = lanes_of(amplitudes)
    pairs = found.ravel().view(np.float64)
    for position in range(0, noise.size, lanes):
        start = min(position, noise.size - lanes)
        scales = fill(noise, 1) / maximum(load(noise, start), fill(noise, _LEAST_NOISE))
        for half in range(2):
            scale = interleave_high(scales, scales) if half else interleave_low(scales, scales)
            received = load(amplitudes, 2 * start + half * lanes)
            for label in range(len(levels)):
                distance = received - fill(received, levels[label])
                store(squares, label * lanes, distance * distance)
            for j in range(per_dimension):
                store(found, j * lanes, _ratio(exact, squares, scale, per_dimension - 1 - j, levels))
            first = (start + half * lanes // 2) * per_dimension
            for symbol in range(lanes // 2):
                for j in range(per_dimension):
                    llr[first + symbol * per_dimension + j] = pairs[j * (lanes // 2) + symbol]


@njit(nogil=True, cache=True)
def _ratio(exact, squares, scale, shift, levels):
    """LLRs of the label bit at ``shift`` from the squared distances to all levels."""
    zero, sum_zero = _likelihood(exact, squares, scale, shift, 0, levels)
    one, sum_one = _likelihood(exact, squares, scale, shift, 1, levels)
    ratio = (one - zero) * scale
    return ratio + log(sum_zero / sum_one) if exact else ratio


@njit(nogil=True, cache=True)
def _likelihood(exact, squares, scale, shift, bit, levels):
    """The least squared distance among the labels with this bit, and if ``exact`` the sum of their likelihoods relative
    to its own, so that nothing underflows."""
    lanes = lanes_of(squares)
    unit = fill(squares, 1)
    nearest = load(squares, (bit << shift) * lanes)
    total = unit
    for i in range(1, len(levels) // 2):
        label = (i >> shift << shift + 1) + (bit << shift) + (i & (1 << shift) - 1)
        square = load(squares, label * lanes)
        nearer = minimum(square, nearest)
        if exact:
            other = exp((nearer - maximum(square, nearest)) * scale)
            total = select(square < nearest, unit + total * other, total + other)
        nearest = nearer
    return nearest, total

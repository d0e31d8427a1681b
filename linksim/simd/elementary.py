"""exp, log and sine of float32 vectors (see ``linksim.simd.vector``), the same bits on every processor.

Truncated series, no fused operations; the errors stated are the largest seen over the whole range.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from linksim.simd.vector import exponent, fill, floor, maximum, times_power_of_two

LEAST = -80.0
"""Least argument of ``exp``; it takes all below for this."""
QUARTER_SINE = tuple((-1) ** i * (math.pi / 2) ** (2 * i + 1) / math.factorial(2 * i + 1) for i in reversed(range(6)))


@njit(nogil=True, cache=True)
def exp(x):
    """e^x for x <= 0: 2^n times the Taylor series of the rest, which is at most log(2)/2 in size."""
    steps = maximum(x, fill(x, LEAST)) * fill(x, 1 / np.log(2))
    whole = floor(steps + fill(x, 0.5))
    rest = (steps - whole) * fill(x, np.log(2))
    series = fill(x, 1 / 720)
    for coefficient in (1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0):
        series = fill(x, coefficient) + series * rest
    return times_power_of_two(series, whole)


@njit(nogil=True, cache=True)
def log(x):
    """log x for x > 0: n log 2 + 2 artanh((m − 1) / (m + 1)), m between √½ and √2; e^−80 where x is less."""
    x = maximum(x, fill(x, np.exp(LEAST)))
    whole = exponent(x * fill(x, np.sqrt(2)))
    mantissa = times_power_of_two(x, fill(x, 0) - whole)
    one = fill(x, 1)
    s = (mantissa - one) / (mantissa + one)
    square = s * s
    series = fill(x, 2 / 9)
    for coefficient in (2 / 7, 2 / 5, 2 / 3, 2.0):
        series = fill(x, coefficient) + series * square
    return whole * fill(x, np.log(2)) + s * series


@njit(nogil=True, cache=True)
def quarter_sine(x):
    """sin(πx/2) for −1 <= x <= 1: the Taylor series."""
    square = x * x
    series = fill(x, 0)
    for coefficient in QUARTER_SINE:
        series = fill(x, coefficient) + series * square
    return x * series

"""Normal samples from the words of a random bit generator, the same on every processor (see ``elementary``).

The transform of Box and Muller (1958): a word of 64 bits makes a complex sample. NumPy's own normal samples take three
times as long, and another version of NumPy may change them, but not the words of its bit generators (NEP 19).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from linksim.simd.elementary import log, quarter_sine
from linksim.simd.vector import (
    WIDTH,
    even_lanes,
    fill,
    interleave_high,
    interleave_low,
    lanes_of,
    load,
    magnitude,
    odd_lanes,
    select,
    square_root,
    store,
    to_float,
)

_WORDS = WIDTH // 4
"""Words that are transformed at a time."""


def box_muller(words: npt.NDArray[np.uint64], deviation: float) -> npt.NDArray[np.complex64]:
    """A complex sample per word, both parts normal and independent.

    Args:
        words: (n,) uint64, uniform.
        deviation: standard deviation of each part.

    Returns:
        (n,) complex64; each depends on its own word only.
    """
    filled = words if words.size >= _WORDS else np.pad(words, (0, _WORDS - words.size))
    samples = np.empty(filled.size, np.complex64)
    _box_muller(filled.view(np.int32), np.float32(deviation), samples.view(np.float32))
    return samples[: words.size]


@njit(nogil=True, cache=True)
def _box_muller(words, deviation, samples):
    """As many words at a time as a vector has lanes; the last ones may be done twice."""
    lanes = lanes_of(words)
    scale = fill(samples, deviation)
    for position in range(0, words.size, 2 * lanes):
        start = min(position, words.size - 2 * lanes)
        first, second = load(words, start), load(words, start + lanes)
        real, imaginary = _pair(even_lanes(first, second), odd_lanes(first, second))
        real, imaginary = real * scale, imaginary * scale
        store(samples, start, interleave_low(real, imaginary))
        store(samples, start + lanes, interleave_high(real, imaginary))


@njit(nogil=True, cache=True)
def _pair(low, high):
    """Two standard normal values from the halves of a word.

    The signed half ``high`` is the angle within the right half-plane, in steps of 2^−31 quarter turns. The sign of
    ``low`` is that of the radius; its other 31 bits make the uniform number from which the size of the radius follows,
    6.66 at most.
    """
    nothing = fill(low, 0)
    negative = low < nothing
    size = low ^ select(negative, fill(low, -1), nothing)
    number = to_float(size)
    uniform = (number + fill(number, 0.5)) * fill(number, 2**-31)
    radius = square_root(fill(number, -2) * log(uniform))
    radius = select(negative, fill(number, 0) - radius, radius)
    angle = to_float(high) * fill(number, 2**-31)
    return radius * quarter_sine(fill(number, 1) - magnitude(angle)), radius * quarter_sine(angle)

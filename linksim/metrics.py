"""Image quality and intervals: PSNR and SSIM of one image; Wilson and bootstrap intervals of many."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from linksim.link import Image

Floats = npt.NDArray[np.float64]
Z95 = 1.959963984540054


def psnr(reference: Image, received: Image) -> float:
    """Peak signal-to-noise ratio in dB over all RGB samples, peak 255; infinite for equal images."""
    difference = reference.astype(np.float64) - received
    mse = float(np.mean(difference * difference))
    return math.inf if mse == 0 else 10 * math.log10(255.0**2 / mse)


def ssim(reference: Image, received: Image) -> float:
    """Structural similarity (Wang et al. 2004): Gaussian window 11×11, σ = 1.5, population covariance, K = (0.01,
    0.03), mean over RGB. An image with a side under 11 has no such window: NaN."""
    if min(reference.shape[:2]) < 11:
        return math.nan
    taps = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    return float(ssim_planes()(reference, received, taps / taps.sum()))


@cache
def ssim_planes() -> Callable[[Image, Image, Floats], float]:
    """The compiled mean SSIM over the planes of two images; made on first use, since numba is slow to import."""
    from numba import njit

    @njit(cache=True, nogil=True)
    def mean_ssim(reference, received, taps):
        height, width, planes = reference.shape
        h, w = height - 10, width - 10
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        moments = np.empty((5, width))
        rows = np.empty((5, height, w))
        total = 0.0
        for plane in range(planes):
            for i in range(height):
                for j in range(width):
                    a, b = float(reference[i, j, plane]), float(received[i, j, plane])
                    moments[0, j], moments[1, j] = a, b
                    moments[2, j], moments[3, j], moments[4, j] = a * a, b * b, a * b
                for q in range(5):
                    row, out = moments[q], rows[q, i]
                    out[:] = 0.0
                    for t in range(11):
                        for j in range(w):
                            out[j] += taps[t] * row[j + t]
            for i in range(h):
                for q in range(5):
                    out = moments[q]
                    out[:w] = 0.0
                    for t in range(11):
                        row = rows[q, i + t]
                        for j in range(w):
                            out[j] += taps[t] * row[j]
                for j in range(w):
                    mean_a, mean_b = moments[0, j], moments[1, j]
                    var_a, var_b = moments[2, j] - mean_a * mean_a, moments[3, j] - mean_b * mean_b
                    covariance = moments[4, j] - mean_a * mean_b
                    luminance = (2 * mean_a * mean_b + c1) / (mean_a * mean_a + mean_b * mean_b + c1)
                    total += luminance * (2 * covariance + c2) / (var_a + var_b + c2)
        return total / (planes * h * w)

    return mean_ssim


def wilson(successes: float, n: float) -> tuple[float, float]:
    """95 % Wilson score interval of a rate (Wilson 1927); (NaN, NaN) for n = 0.

    >>> [round(x, 4) for x in wilson(5, 10)]
    [0.2366, 0.7634]
    >>> wilson(0, 64)[0], wilson(64, 64)[1]
    (0.0, 1.0)
    """
    if n <= 0:
        return math.nan, math.nan
    rate, z2 = successes / n, Z95 * Z95
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
    return (0.0 if successes <= 0 else centre - half), (1.0 if successes >= n else centre + half)


RESAMPLES = 1000
_BLOCK = 50
"""Resamples that are drawn or summed at once: those of 50,000 clusters would fill a gigabyte."""


@lru_cache(maxsize=2)
def bootstrap_weights(clusters: int, seed: int = 0) -> npt.NDArray[np.uint16]:
    """(RESAMPLES, clusters) how often each cluster is drawn in each resample: the same for every use with as many
    clusters, so that differences between methods are paired."""
    stream = np.random.default_rng([seed, clusters])
    weights = np.empty((RESAMPLES, clusters), np.uint16)
    for start in range(0, RESAMPLES, _BLOCK):
        weights[start : start + _BLOCK] = stream.multinomial(clusters, np.full(clusters, 1 / clusters), size=_BLOCK)
    weights.flags.writeable = False
    return weights


def bootstrap_mean(values: Floats, clusters: npt.NDArray[np.int64]) -> tuple[float, float]:
    """95 % percentile-bootstrap interval of the mean, resampling whole clusters (Efron and Tibshirani 1993, ch. 13).

    values: (n,) float. clusters: (n,) which cluster each belongs to, numbered from 0. One cluster says nothing of how
    much others differ: (NaN, NaN).
    """
    if len(values) == 0 or not np.isfinite(values).all():
        mean = float(values.mean()) if len(values) else math.nan
        return mean, mean
    count = int(clusters.max()) + 1
    if count < 2:
        return math.nan, math.nan
    weights = bootstrap_weights(count)
    sums = np.bincount(clusters, weights=values, minlength=count)
    sizes = np.bincount(clusters, minlength=count)
    totals = np.stack([sums, sizes], axis=1)
    drawn = np.concatenate([weights[start : start + _BLOCK] @ totals for start in range(0, RESAMPLES, _BLOCK)])
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (0.025, 0.975))
    return float(low), float(high)

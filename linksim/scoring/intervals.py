"""95 % intervals: Wilson's of a rate, the bootstrap's of a mean over clusters."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


Z95 = 1.959963984540054


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

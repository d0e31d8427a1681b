"""95 % intervals: Wilson's of a rate, and the bootstrap's of any statistic of weighted sources."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Statistic = Callable[[npt.NDArray[Any]], Floats]
"""A number of a group of rows as a function of how often each of its S sources counts: (B, S) weights to (B,) values,
NaN where it is undefined."""

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
"""Resamples that are drawn at once."""
_CELLS = 1 << 21
"""Weights that are evaluated at once: those of 50,000 sources would fill a gigabyte."""


@lru_cache(maxsize=2)
def bootstrap_weights(sources: int, seed: int = 0) -> npt.NDArray[np.uint16]:
    """(RESAMPLES, sources) how often each source is drawn in each resample: the same for every use with as many
    sources, so that differences between methods are paired."""
    stream = np.random.default_rng([seed, sources])
    weights = np.empty((RESAMPLES, sources), np.uint16)
    for start in range(0, RESAMPLES, _BLOCK):
        weights[start : start + _BLOCK] = stream.multinomial(sources, np.full(sources, 1 / sources), size=_BLOCK)
    weights.flags.writeable = False
    return weights


def value(statistic: Statistic, sources: int) -> float:
    """The statistic of the rows as they are: every source counts once."""
    return float(statistic(np.ones((1, sources)))[0])


def resampled(statistic: Statistic, sources: int) -> Floats:
    """(RESAMPLES,) the statistic of each resample of whole sources; NaN where it is undefined."""
    weights = bootstrap_weights(sources)
    step = max(1, _CELLS // sources)
    return np.concatenate([statistic(weights[i : i + step]) for i in range(0, RESAMPLES, step)])


def percentile_interval(drawn: Floats) -> tuple[float, float]:
    """The range of the middle 95 % of values (n,) that are not NaN; (NaN, NaN) where none is."""
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return math.nan, math.nan
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def bootstrap(statistic: Statistic, sources: int) -> tuple[float, float]:
    """95 % percentile-bootstrap interval of a statistic, resampling whole sources (Efron and Tibshirani 1993, ch. 13).

    Undefined for one source, which says nothing of how much others differ: (NaN, NaN). Resamples of which the
    statistic is undefined do not count.
    """
    return percentile_interval(resampled(statistic, sources)) if sources > 1 else (math.nan, math.nan)


def ratio(numerators: Floats, denominators: Floats, source: Ints, sources: int) -> Statistic:
    """The ratio of two sums over rows; the mean of values is their sum over the sum of ones.

    Args:
        numerators, denominators: (n,) one of each per row.
        source: (n,) the source of each row, numbered from 0.
        sources: How many there are.
    """
    totals = np.stack([np.bincount(source, of, sources) for of in (numerators, denominators)], axis=1)

    def statistic(weights: npt.NDArray[Any]) -> Floats:
        above, below = (weights @ totals).T
        return np.divide(above, below, out=np.full(len(weights), math.nan), where=below > 0)

    return statistic


def bootstrap_mean(values: Floats, source: Ints) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of values (n,), whose sources (n,) are numbered from 0."""
    sources = int(source.max()) + 1
    return bootstrap(ratio(values, np.ones(len(values)), source, sources), sources)

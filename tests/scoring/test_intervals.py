"""Intervals against SciPy and against the bootstrap written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from linksim.scoring.intervals import bootstrap, bootstrap_mean, wilson


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (3, 17), (500, 1000), (1, 100_000)])
def test_wilson_is_scipys(successes: int, n: int) -> None:
    interval = stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert wilson(successes, n) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_the_bootstrap_of_independent_values_agrees_with_the_normal_interval() -> None:
    values = np.random.default_rng(2).normal(10, 3, 400)
    low, high = bootstrap_mean(values, np.arange(400))
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)


def test_the_bootstrap_in_blocks_is_the_bootstrap() -> None:
    values, clusters = np.random.default_rng(4).normal(0, 1, 500), np.arange(500) % 123
    weights = np.random.default_rng([0, 123]).multinomial(123, np.full(123, 1 / 123), size=1000)
    sums, sizes = (np.bincount(clusters, w, 123) for w in (values, None))
    expected = np.quantile((weights @ sums) / (weights @ sizes), (0.025, 0.975))
    assert bootstrap_mean(values, clusters) == pytest.approx(tuple(expected), rel=1e-12)


def test_the_bootstrap_resamples_clusters() -> None:
    """Twenty copies of each of 20 values carry no more information than the 20 values."""
    values = np.random.default_rng(3).normal(0, 1, 20)
    alone = bootstrap_mean(values, np.arange(20))
    assert bootstrap_mean(np.repeat(values, 20), np.repeat(np.arange(20), 20)) == pytest.approx(alone)
    assert all(map(math.isnan, bootstrap_mean(values, np.zeros(20, int))))


def test_resamples_without_a_value_do_not_count() -> None:
    """The number of draws of the first of two sources, where it was drawn: 1 or 2."""

    def drawn(weights: np.ndarray) -> np.ndarray:
        return np.where(weights[:, 0] > 0, weights[:, 0], math.nan)

    assert bootstrap(drawn, 2) == (1, 2)
    assert all(map(math.isnan, bootstrap(lambda weights: np.full(len(weights), math.nan), 5)))

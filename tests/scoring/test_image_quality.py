"""Metrics against scikit-image, SciPy and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.metrics import f1_score

from linksim.scoring.aggregation import macro_f1
from linksim.scoring.image_quality import psnr, ssim
from linksim.scoring.intervals import bootstrap_mean, wilson


def pair(height: int, width: int, noise: float = 25.0) -> tuple[np.ndarray, np.ndarray]:
    stream = np.random.default_rng(height * width)
    y, x = np.mgrid[:height, :width] / 9
    smooth = 128 + 90 * np.sin(x)[..., None] * np.cos(y)[..., None] * np.array([1, 0.5, -1])
    noisy = smooth + stream.normal(0, noise, smooth.shape)
    return np.clip(smooth, 0, 255).astype(np.uint8), np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", [(96, 96), (11, 11), (37, 64), (64, 11)])
def test_ssim_is_scikit_images_gaussian_one(shape: tuple[int, int]) -> None:
    a, b = pair(*shape)
    reference = structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=2, data_range=255
    )
    assert ssim(a, b) == pytest.approx(reference, abs=1e-9)


def test_psnr_is_scikit_images() -> None:
    a, b = pair(40, 50)
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255))
    assert psnr(a, a) == math.inf
    assert ssim(a, a) == pytest.approx(1)
    assert math.isnan(ssim(a[:10], b[:10]))


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (3, 17), (500, 1000), (1, 100_000)])
def test_wilson_is_scipys(successes: int, n: int) -> None:
    interval = stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert wilson(successes, n) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_macro_f1_is_scikit_learns() -> None:
    stream = np.random.default_rng(1)
    labels, predictions = stream.integers(0, 5, 200), stream.integers(0, 5, 200)
    assert macro_f1(labels, predictions) == pytest.approx(f1_score(labels, predictions, average="macro"))


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

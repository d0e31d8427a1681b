"""PSNR and SSIM against scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from linksim.scoring.image_quality import psnr, ssim


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

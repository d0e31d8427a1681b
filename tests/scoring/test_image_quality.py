"""PSNR and SSIM against scikit-image, MS-SSIM against TensorFlow."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from linksim.scoring.image_quality import ms_ssim, psnr, ssim


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


@pytest.mark.parametrize("shape", [(176, 208), (161, 163), (250, 177)])
@pytest.mark.parametrize("noise", [5.0, 60.0])
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's, beside numpy 2
def test_ms_ssim_is_tensorflows(shape: tuple[int, int], noise: float) -> None:
    image = pytest.importorskip("tensorflow").image
    a, b = pair(*shape, noise)
    assert ms_ssim(a, b) == pytest.approx(float(image.ssim_multiscale(a, b, 255)), abs=1e-5)  # TensorFlow's is float32


def test_ms_ssim_needs_eleven_samples_at_the_fifth_scale() -> None:
    a, b = pair(161, 170)
    assert ms_ssim(a, a) == pytest.approx(1)
    assert ms_ssim(a, 255 - a) == 0  # all contrast is inverted
    assert math.isnan(ms_ssim(a[:160], b[:160]))

"""Image quality: PSNR and SSIM of one image."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np

from linksim.link import Image
from linksim.scoring.intervals import Floats


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

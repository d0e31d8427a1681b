"""Image quality: PSNR, SSIM and MS-SSIM of one image."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

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
    if min(reference.shape[:2]) < len(WINDOW):
        return math.nan
    return float(_similarities()(reference, received, WINDOW)[:, 0].mean())


def ms_ssim(reference: Image, received: Image) -> float:
    """Multi-scale structural similarity (Wang, Simoncelli and Bovik 2003) with the five weights of ``SCALES``.

    Windows and constants are those of ``ssim``. Between scales 2×2 samples are averaged; of an odd side the last sample
    stands alone. A negative contrast term counts as 0. The scales' product is taken for each of R, G and B, then their
    mean. An image with a side under 161, whose fifth scale has no window, has none: NaN.
    """
    if (min(reference.shape[:2]) - 1) // 2 ** (len(SCALES) - 1) + 1 < len(WINDOW):
        return math.nan
    a, b = reference.astype(np.float64), received.astype(np.float64)
    product = np.ones(a.shape[2])
    for scale, weight in enumerate(SCALES, 1):
        full, contrast = _similarities()(a, b, WINDOW).T
        product *= np.maximum(full if scale == len(SCALES) else contrast, 0) ** weight
        a, b = _halved(a), _halved(b)
    return float(product.mean())


WINDOW = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
WINDOW /= WINDOW.sum()
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weights of MS-SSIM's scales, the finest first."""


def _halved(image: Floats) -> Floats:
    """Means of 2×2 samples of (H, W, C); of odd sides the last row or column is its own neighbour."""
    padded = np.pad(image, [(0, side % 2) for side in image.shape[:2]] + [(0, 0)], mode="edge")
    return (padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]) / 4


@cache
def _similarities() -> Callable[[npt.NDArray[Any], npt.NDArray[Any], Floats], Floats]:
    """The compiled means over each plane of two images; made on first use, since numba is slow to import."""
    from numba import njit

    @njit(cache=True, nogil=True)
    def similarities(reference, received, taps):
        """(planes, 2): the mean SSIM, and the mean of its contrast and structure terms alone."""
        height, width, planes = reference.shape
        h, w = height - 10, width - 10
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        moments = np.empty((5, width))
        rows = np.empty((5, height, w))
        totals = np.zeros((planes, 2))
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
                    contrast = (2 * covariance + c2) / (var_a + var_b + c2)
                    totals[plane, 0] += luminance * contrast
                    totals[plane, 1] += contrast
        return totals / (h * w)

    return similarities

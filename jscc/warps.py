"""Random warps of images, the same for the received and the original one, before a task compares them.

A task's layers sample an image at fixed strides, and a loss through them teaches a decoder patterns that only those
strides see. With another scale, rotation and place at each step the patterns no longer pay.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

SCALES = (0.8, 1.3)
ROTATION = math.radians(10)
SHIFT = 0.075
"""Largest shift each way, in parts of the side."""


def random_warps(count: int, generator: torch.Generator, device: torch.device | str) -> Tensor:
    """Affine maps (count, 2, 3) from the warped image's coordinates to the image's, in -1..1 as ``affine_grid`` has
    them: magnified, rotated, shifted, and mirrored half of the time."""
    drawn = torch.rand(5, count, generator=generator, device=generator.device).to(device)
    scale = SCALES[0] + (SCALES[1] - SCALES[0]) * drawn[0]
    angle = ROTATION * (2 * drawn[1] - 1)
    shift = 2 * SHIFT * (2 * drawn[2:4] - 1)
    mirror = torch.where(drawn[4] < 0.5, -1.0, 1.0)
    cosine, sine = angle.cos() / scale, angle.sin() / scale
    rows = torch.stack([cosine * mirror, -sine, shift[0], sine * mirror, cosine, shift[1]], 1)
    return rows.reshape(count, 2, 3)


def warp(images: Tensor, warps: Tensor) -> Tensor:
    """Square images (N, C, H, H) seen through affine maps (N, 2, 3): bilinear, reflected at the edges."""
    grid = F.affine_grid(warps, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)

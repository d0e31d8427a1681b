import math

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from jscc.loss import Loss
from jscc.losses import Objective
from jscc.warps import ROTATION, SCALES, SHIFT, random_warps, warp


def drawn(count=400, seed=0):
    return random_warps(count, torch.Generator().manual_seed(seed), "cpu")


def test_a_warp_is_the_affine_map_that_scipy_interpolates():
    """Pixel i of a side H lies at (2i + 1)/H − 1; outside, scipy's 'reflect' repeats the edge pixel as well."""
    images = torch.rand(4, 2, 12, 12)
    warps = drawn(4)
    warped = warp(images, warps)
    at = (2 * np.arange(12) + 1) / 12 - 1
    x, y = np.meshgrid(at, at)
    for image, affine, got in zip(images.numpy(), warps.numpy(), warped.numpy(), strict=True):
        columns, rows = ((affine @ np.stack([x.ravel(), y.ravel(), np.ones(144)]) + 1) * 12 - 1) / 2
        for channel in range(2):
            wanted = map_coordinates(image[channel], [rows, columns], order=1, mode="reflect").reshape(12, 12)
            np.testing.assert_allclose(got[channel], wanted, atol=1e-5)


def test_scale_rotation_shift_and_mirror_are_drawn_over_their_ranges():
    warps = drawn()
    linear = warps[:, :, :2]
    determinant = torch.linalg.det(linear)
    scale = determinant.abs().rsqrt()
    assert SCALES[0] <= scale.min() < 0.82
    assert 1.28 < scale.max() <= SCALES[1]
    assert 0.4 < (determinant < 0).float().mean() < 0.6
    angle = torch.atan2(-linear[:, 0, 1] * scale, linear[:, 1, 1] * scale)
    assert 0.95 * ROTATION < angle.abs().max() <= ROTATION * 1.0001
    shift = warps[:, :, 2].abs() / 2  # of a side that is 2 long
    assert 0.95 * SHIFT < shift.max() <= SHIFT
    assert math.isclose(warps[:, :, 2].mean(), 0, abs_tol=0.02)


def test_a_generator_draws_the_same_warps_again():
    assert torch.equal(drawn(3), drawn(3))
    assert not torch.equal(drawn(3), drawn(3, seed=1))


@pytest.mark.parametrize("warps", [True, False])
def test_both_images_are_warped_alike_in_training_and_not_at_all_in_validation(tiny_task, warps):
    objective = Objective(Loss("features", layer="maps", warps=warps), tiny_task, [])
    original = torch.rand(2, 3, 16, 16) * 255
    received = original + 20 * torch.randn(2, 3, 16, 16)
    generator = torch.Generator().manual_seed(5)
    trained, validated = objective(received, original, generator), objective(received, original)
    assert (trained == validated) != warps
    assert float(objective(original, original, generator)) == 0

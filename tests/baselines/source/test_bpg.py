"""Our BPG files: what is written is what is read, within the budget, at any size BPG can carry."""

import numpy as np
import pytest

from baselines.source.bpg import BPG
from baselines.source.bpg_format import PixelFormat
from linksim.errors import LinksimError

FLAT_GREY = bytes.fromhex("425047fb200060600003924540 4401c1718112 000001 2801af0e60fb920d30806b81e0")


def test_flat_grey_is_the_known_file():
    grey = np.full((96, 96, 3), 128, np.uint8)
    assert BPG().encode(grey, 40) == FLAT_GREY
    np.testing.assert_array_equal(BPG().decode(FLAT_GREY, (96, 96)), grey)


@pytest.mark.parametrize("shape", [(57, 57), (64, 57), (63, 97), (100, 71)])
@pytest.mark.parametrize("pixel_format", [PixelFormat.GRAY, PixelFormat.C420, PixelFormat.C422, PixelFormat.C444])
def test_odd_sizes_come_back_close(shape, pixel_format):
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.stack([x + y] * 3, axis=2).astype(np.uint8)
    codec = BPG((pixel_format,))
    decoded = codec.decode(codec.encode(image, 4), shape)
    assert np.abs(decoded.astype(int) - image).max() <= 4


def test_sides_too_small_for_x265_are_refused_by_name():
    with pytest.raises(LinksimError, match="56x96 pixels: BPG needs sides of 57"):
        BPG().encode_to_budget(np.zeros((96, 56, 3), np.uint8), 500)

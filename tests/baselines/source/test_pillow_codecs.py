"""JPEG and WebP: within the budget, best of the samplings, files as they claim to be, damage named."""

import io

import numpy as np
import pytest
from PIL import Image

from baselines.source.base import DecodeError
from baselines.source.jpeg import JPEG
from baselines.source.webp import WebP
from linksim.errors import LinksimError
from linksim.scoring.image_quality import psnr


@pytest.fixture(scope="module")
def picture():
    y, x = np.mgrid[:75, :101]
    planes = [np.sin(x / 9) * np.cos(y / 7), np.sin((x + y) / 5), np.cos(x * y / 300)]
    return np.round(127.5 + 100 * np.stack(planes, axis=2)).astype(np.uint8)


@pytest.mark.parametrize("codec", [JPEG(), WebP()])
def test_budget_is_filled_with_the_best_quality(codec, picture):
    files = {quality: codec.encode(picture, quality) for quality in codec.qualities}
    for budget in (len(codec.smallest(picture)), 1500, 2500, 10**6):
        file = codec.encode_to_budget(picture, budget)
        assert len(file) <= budget
        best = max(psnr(picture, codec.decode(f)) for f in files.values() if len(f) <= budget)
        assert psnr(picture, codec.decode(file, picture.shape[:2])) >= best - 0.05
    assert codec.encode_to_budget(picture, len(codec.smallest(picture)) - 1) is None


def test_jpeg_budget_takes_the_better_sampling(picture):
    budget = 3000
    each = [JPEG((sampling,)).encode_to_budget(picture, budget) for sampling in ("4:2:0", "4:2:2", "4:4:4")]
    best = max(psnr(picture, JPEG().decode(file)) for file in each)
    assert psnr(picture, JPEG().decode(JPEG().encode_to_budget(picture, budget))) == best


def test_jpeg_tables_are_optimised(picture):
    plain = io.BytesIO()
    Image.fromarray(picture).save(plain, "JPEG", quality=30, subsampling="4:2:0", optimize=False)
    assert len(JPEG().encode(picture, 30)) < len(plain.getvalue())


def test_grey_jpeg_has_one_component(picture):
    grey = np.repeat(picture[:, :, :1], 3, axis=2)
    file = JPEG().encode(grey, 50)
    assert Image.open(io.BytesIO(file)).mode == "L"
    assert psnr(grey, JPEG().decode(file)) > 30


@pytest.mark.parametrize("codec", [JPEG(), WebP()])
def test_files_are_read_by_pillow_as_they_are_by_us(codec, picture):
    file = codec.encode(picture, 70)
    foreign = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
    np.testing.assert_array_equal(codec.decode(file, picture.shape[:2]), foreign)


@pytest.mark.parametrize(("codec", "quality"), [(JPEG(), 0), (JPEG(), 101), (WebP(), -1), (WebP(), 101)])
def test_quality_off_the_scale_is_named(codec, quality, picture):
    with pytest.raises(LinksimError, match=f"quality {quality}: must be a whole number from"):
        codec.encode(picture, quality)


@pytest.mark.parametrize("codec", [JPEG(), WebP()])
def test_other_shapes_and_broken_files_are_decode_errors(codec, picture):
    file = codec.encode(picture, 50)
    with pytest.raises(DecodeError, match="101x75 pixels where 100x75 were expected"):
        codec.decode(file, (75, 100))
    for broken in (b"", b"x", file[: len(file) // 2], b"\0" * 300, file[:20]):
        with pytest.raises(DecodeError):
            codec.decode(broken, picture.shape[:2])


def test_alpha_and_animation_are_named():
    alpha, frames = io.BytesIO(), io.BytesIO()
    Image.new("RGBA", (8, 8), (1, 2, 3, 4)).save(alpha, "WEBP")
    images = [Image.new("RGB", (8, 8), (i, 0, 0)) for i in (0, 200)]
    images[0].save(frames, "WEBP", save_all=True, append_images=images[1:], duration=10)
    with pytest.raises(DecodeError, match="alpha"):
        WebP().decode(alpha.getvalue())
    with pytest.raises(DecodeError, match="animation"):
        WebP().decode(frames.getvalue())

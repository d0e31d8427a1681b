"""Codecs of libraries: within the budget, best of the samplings, files as they claim to be, damage named."""

import io

import av
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from baselines.source.avif import AVIF
from baselines.source.base import DecodeError
from baselines.source.heic import HEIC
from baselines.source.jpeg import JPEG
from baselines.source.jpeg2000 import JPEG2000
from baselines.source.jxl import JPEGXL
from baselines.source.webp import WebP
from linksim.errors import LinksimError
from linksim.scoring.image_quality import psnr

CODECS = [JPEG(), WebP(), AVIF(), JPEG2000(), HEIC(), JPEGXL()]
each_codec = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)


@pytest.fixture(scope="module")
def picture():
    y, x = np.mgrid[:75, :101]
    planes = [np.sin(x / 9) * np.cos(y / 7), np.sin((x + y) / 5), np.cos(x * y / 300)]
    return np.round(127.5 + 100 * np.stack(planes, axis=2)).astype(np.uint8)


@each_codec
def test_budget_is_filled_with_the_best_quality(codec, picture):
    files = [codec.encode(picture, quality) for quality in codec.qualities]
    tried = [(len(file), psnr(picture, codec.decode(file))) for file in files]
    for budget in (len(codec.smallest(picture)), 1500, 2500, 10**6):
        file = codec.encode_to_budget(picture, budget)
        assert len(file) <= budget
        best = max((quality for size, quality in tried if size <= budget), default=0)
        assert psnr(picture, codec.decode(file, picture.shape[:2])) >= best - 0.05
    assert codec.encode_to_budget(picture, len(codec.smallest(picture)) - 1) is None


@each_codec
@pytest.mark.parametrize("shape", [(8, 8), (17, 9), (5, 70)])
def test_small_and_odd_sizes_get_better_with_quality(codec, shape, picture):
    image = picture[: shape[0], : shape[1]]
    qualities = [codec.qualities[len(codec.qualities) * part // 8] for part in (0, 3, 6)]
    files = [codec.encoders(image)[-1](quality) for quality in qualities]
    quality = [psnr(image, codec.decode(file, shape)) for file in files]
    assert sorted(quality) == quality
    assert quality[0] < quality[-1]
    assert codec.encode_to_budget(image, len(files[-1])) is not None


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


@pytest.mark.parametrize("codec", [JPEG(), AVIF(), JPEG2000(), HEIC()], ids=lambda codec: codec.name)
def test_other_decoders_read_the_files(codec, picture):
    """FFmpeg's. At 4:4:4, where colours differ by rounding; every decoder interpolates 4:2:0 in its own way."""
    file = codec.encoders(picture)[-1](codec.qualities[len(codec.qualities) // 2])
    with av.open(io.BytesIO(file)) as opened:
        foreign = next(opened.decode(video=0)).to_ndarray(format="rgb24")
    height, width = picture.shape[:2]
    assert psnr(foreign[:height, :width], codec.decode(file, (height, width))) > 50


@pytest.mark.parametrize("codec", [JPEG(), WebP()])
def test_files_are_read_by_pillow_as_they_are_by_us(codec, picture):
    file = codec.encode(picture, 70)
    foreign = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
    np.testing.assert_array_equal(codec.decode(file, picture.shape[:2]), foreign)


def test_jpeg2000_has_no_comment_and_no_boxes(picture):
    file = JPEG2000().encode(picture, 300)
    assert file.startswith(b"\xff\x4f\xff\x51")
    assert b"\xff\x64\x00" not in file
    box = io.BytesIO()
    Image.fromarray(picture).save(box, "JPEG2000")
    np.testing.assert_array_equal(JPEG2000().decode(box.getvalue()), picture)


@pytest.mark.parametrize(("codec", "quality"), [(JPEG(), 0), (JPEG(), 101), (WebP(), -1), (WebP(), 101), (AVIF(), 101)])
def test_quality_off_the_scale_is_named(codec, quality, picture):
    with pytest.raises(LinksimError, match=f"quality {quality}: must be a whole number from"):
        codec.encode(picture, quality)


@each_codec
def test_other_shapes_and_broken_files_are_decode_errors(codec, picture):
    file = codec.encode(picture, codec.start)
    with pytest.raises(DecodeError, match="101x75 pixels where 100x75 were expected"):
        codec.decode(file, (75, 100))
    for broken in (b"", b"x", file[: len(file) // 2], b"\0" * 300, file[:20]):
        with pytest.raises(DecodeError):
            codec.decode(broken, picture.shape[:2])


def test_alpha_and_animation_are_named():
    alpha, frames, two = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.new("RGBA", (8, 8), (1, 2, 3, 4)).save(alpha, "WEBP")
    images = [Image.new("RGB", (8, 8), (i, 0, 0)) for i in (0, 200)]
    images[0].save(frames, "WEBP", save_all=True, append_images=images[1:], duration=10)
    with pytest.raises(DecodeError, match="alpha"):
        WebP().decode(alpha.getvalue())
    with pytest.raises(DecodeError, match="animation"):
        WebP().decode(frames.getvalue())
    images[0].save(two, "AVIF", save_all=True, append_images=images[1:], duration=10)
    with pytest.raises(DecodeError, match="animation"):
        AVIF().decode(two.getvalue())


@pytest.mark.parametrize(("mode", "count", "message"), [("RGBA", 1, "1 pictures, mode RGBA"), ("RGB", 2, "2 pictures")])
def test_heic_with_alpha_or_several_pictures_is_named(mode, count, message):
    file = pillow_heif.HeifFile()
    for _ in range(count):
        file.add_from_pillow(Image.new(mode, (64, 64)))
    out = io.BytesIO()
    file.save(out)
    with pytest.raises(DecodeError, match=message):
        HEIC().decode(out.getvalue())

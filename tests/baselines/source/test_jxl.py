"""JPEG XL beyond what every codec does (``test_pillow_codecs``): another decoder, the header, the missing library."""

import base64
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from baselines.source import jxl
from baselines.source.base import DecodeError
from baselines.source.jxl import JPEGXL
from linksim.errors import LinksimError

REFERENCE = json.loads((Path(__file__).parent / "jxl_reference.json").read_text())


def test_another_decoder_gives_the_same_pictures():
    """Recorded; they may differ by rounding."""
    for picture in REFERENCE["pictures"]:
        expected = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture["png"]))).convert("RGB"), np.int16)
        decoded = JPEGXL().decode(base64.b64decode(picture["jxl"]), expected.shape[:2])
        assert np.abs(decoded - expected).max() <= 1


SHAPES = [(1, 1), (8, 8), (17, 9), (256, 256), (30, 40), (16, 24), (9, 16), (600, 2), (3, 9000)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_header_says_the_size(shape):
    """Each form: multiples of 8, free sizes of four lengths, aspect ratios."""
    assert jxl._size(JPEGXL().encode(np.zeros((*shape, 3), np.uint8), 10)) == shape


def test_a_claimed_size_allocates_nothing():
    huge = b"\xff\x0a" + (0b11 << 1 | ((1 << 30) - 1) << 3 | 1 << 33).to_bytes(6, "little") + bytes(20)
    with pytest.raises(DecodeError, match="1073741824x1073741824 pixels"):
        JPEGXL().decode(huge)


def test_alpha_and_containers_are_named():
    import pillow_jxl

    alpha = pillow_jxl.Encoder(mode="RGBA", lossless=True, quality=100, num_threads=0)
    file = alpha(bytes(4 * 64), 8, 8, jpeg_encode=False)
    with pytest.raises(DecodeError, match="mode RGBA: one upright picture, grey or RGB"):
        JPEGXL().decode(file)
    with pytest.raises(DecodeError, match="not a JPEG XL codestream"):
        JPEGXL().decode(b"\0\0\0\x0cJXL \r\n\x87\n" + file)


def test_without_the_plugin_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    with pytest.raises(LinksimError, match=r"^JPEG XL needs the extra 'codecs': pip install"):
        JPEGXL().encode(np.zeros((8, 8, 3), np.uint8), 30)

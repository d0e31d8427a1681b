"""Our BPG files: what is written is what is read, within the budget, at any size."""

import base64
import hashlib
import json
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from baselines.source import bpg_format, heif, hevc
from baselines.source.bpg import BPG
from baselines.source.bpg_format import PixelFormat
from linksim import registry
from linksim.errors import LinksimError
from linksim.scoring.image_quality import psnr

FLAT_GREY = bytes.fromhex("425047fb200060600003924540 4401c1718112 000001 2801af0e60fb920d30806b81e0")
PHOTO = registry.dataset("photos")[0].image[360:424, 520:760]
SMALL_REFERENCE = json.loads((Path(__file__).parent / "bpg_reference.json").read_text())["small"]


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


SMALL = [(1, 1), (8, 8), (17, 9), (9, 40), (16, 16), (32, 32), (56, 56), (56, 200)]


@pytest.mark.parametrize("shape", SMALL)
@pytest.mark.parametrize("pixel_format", [PixelFormat.GRAY, PixelFormat.C420, PixelFormat.C422, PixelFormat.C444])
def test_another_hevc_decoder_gives_the_planes_of_small_pictures(shape, pixel_format):
    """libavcodec's decoder; the files' own (libde265) is what ``decode`` uses."""
    file = bpg_format.parse(BPG((pixel_format,)).encode(_photo(shape), 24), shape)
    coded = [file.tools.padded(side) for side in (file.width, file.height)]
    parameters = [hevc.make_vps(), hevc.make_sps(file.tools, pixel_format.chroma_format, *coded)]
    stream = b"".join(b"\0\0\1" + nal for nal in (*parameters, *file.nals))
    decoder = av.codec.CodecContext.create("hevc", "r")
    (frame,) = [*decoder.decode(av.Packet(stream)), *decoder.decode(None)]
    ours = heif.decode_planes(file.tools, pixel_format.chroma_format, *coded, file.nals)
    for plane, own in zip(frame.planes, ours, strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        np.testing.assert_array_equal(own, rows[:, : plane.width])


def test_small_pictures_are_what_the_reference_decoder_gives():
    """Recorded: 4:2:0 and 4:4:4 of several sizes."""
    for file, height, width, digest in SMALL_REFERENCE:
        decoded = BPG().decode(base64.b64decode(file), (height, width))
        assert hashlib.sha256(decoded.tobytes()).hexdigest()[:16] == digest


@pytest.mark.parametrize("shape", [(8, 8), (17, 9), (32, 32)])
def test_small_pictures_get_better_with_quality_and_fit_their_budget(shape):
    image = _photo(shape)
    files = [BPG().encode(image, qp) for qp in (51, 38, 24, 10)]
    assert sorted(files, key=len) == files
    quality = [psnr(image, BPG().decode(file, shape)) for file in files]
    assert sorted(quality) == quality
    for file in files:
        assert len(BPG().encode_to_budget(image, len(file))) <= len(file)
    assert BPG().encode_to_budget(image, len(BPG().smallest(image)) - 1) is None


def test_without_pyav_small_pictures_name_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(LinksimError, match=r"^BPG of sides under 57 pixels needs the extra 'codecs': pip install"):
        BPG().encode_to_budget(np.zeros((96, 56, 3), np.uint8), 500)
    assert BPG().encode_to_budget(np.zeros((57, 57, 3), np.uint8), 500)


def _photo(shape):
    """A piece of a photograph."""
    return np.ascontiguousarray(PHOTO[: shape[0], : shape[1]])

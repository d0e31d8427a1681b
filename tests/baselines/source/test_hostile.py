"""Bytes from anywhere: an image of the expected shape or a DecodeError, nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.source import bpg_format, hevc
from baselines.source.avif import AVIF
from baselines.source.base import DecodeError
from baselines.source.bits import BitReader, BitWriter
from baselines.source.bpg import BPG
from baselines.source.heic import HEIC
from baselines.source.jpeg import JPEG
from baselines.source.jpeg2000 import JPEG2000
from baselines.source.jxl import JPEGXL
from baselines.source.webp import WebP
from linksim.link import Image

SHAPE = (60, 68)


def _file(codec) -> bytes:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = np.stack([127 + 90 * np.sin(x / 7), 127 + 90 * np.cos(y / 9), (x * y) % 200], axis=2)
    return codec.encode(image.astype(np.uint8), codec.start)


CODECS = {codec.name: codec for codec in (BPG(), JPEG(), WebP(), AVIF(), JPEG2000(), HEIC(), JPEGXL())}
FILES = {name: _file(codec) for name, codec in CODECS.items()}


def _decode(codec, data, shape) -> Image | None:
    try:
        return codec.decode(data, shape)
    except DecodeError:
        return None


@pytest.mark.parametrize("name", CODECS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_files(name, data):
    file = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 8))):
        position = data.draw(st.integers(0, len(file) - 1))
        match data.draw(st.sampled_from(["flip", "set", "drop", "repeat", "cut"])):
            case "flip":
                file[position] ^= 1 << data.draw(st.integers(0, 7))
            case "set":
                file[position] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
            case "drop":
                del file[position : position + data.draw(st.integers(1, 9))]
            case "repeat":
                file[position:position] = file[position : position + 16]
            case "cut":
                del file[max(position, 1) :]
        if not file:
            break
    image = _decode(CODECS[name], bytes(file), SHAPE)
    if image is not None:
        assert image.shape == (*SHAPE, 3)
        assert image.dtype == np.uint8


@pytest.mark.parametrize("name", CODECS)
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(name, data):
    for start in (b"", FILES[name][:20]):
        _decode(CODECS[name], start + data, SHAPE)


@given(st.binary(max_size=60), st.booleans())
def test_any_bpg_header_is_parsed_or_refused(data, genuine_start):
    try:
        file = bpg_format.parse((b"BPG\xfb\x20\x00" if genuine_start else b"BPG\xfb") + data)
    except DecodeError:
        return
    assert 0 < file.width * file.height <= bpg_format.MAX_PIXELS
    assert bpg_format.parse(file.tobytes(), (file.height, file.width)) == file


@pytest.mark.parametrize("size", [b"\x8f\xff\xff\xff\x7f" * 2, b"\xff\xff\x7f" * 2, b"\x00\x10"])
def test_a_claimed_size_allocates_nothing(size):
    """From 0 to 2^32 - 1 pixels a side, read without an expected shape."""
    with pytest.raises(DecodeError, match=r"pixels: 1 to 67108864 can be read"):
        BPG().decode(b"BPG\xfb\x20\x00" + size + FILES["bpg"][8:])


TOOLS = st.builds(
    lambda min_cb, ctb, min_tb, max_tb, depth, flags, pcm, extension: hevc.CodingTools(
        log2_min_cb=min_cb,
        log2_diff_cb=ctb - min_cb,
        log2_min_tb=min_tb,
        log2_diff_tb=max_tb - min_tb,
        depth_intra=min(depth, ctb - min_tb),
        sao=flags[0],
        strong_intra=flags[1],
        pcm=hevc.PCM(*pcm, min(min_cb, 5), min(ctb, 5) - min(min_cb, 5)) if flags[2] else None,
        pcm_loop_filter_off=flags[2] and flags[3],
        range_extension=extension,
    ),
    st.integers(3, 4),
    st.integers(4, 6),
    st.just(2),
    st.integers(2, 4),
    st.integers(0, 4),
    st.tuples(*[st.booleans()] * 4),
    st.tuples(st.integers(1, 8), st.integers(1, 8)),
    st.none() | st.tuples(*[st.booleans()] * 9),
)


@given(TOOLS)
def test_coding_tools_come_back(tools):
    w = BitWriter()
    hevc.write_tools(w, tools)
    assert hevc.read_tools(BitReader(w.getvalue())) == tools


@given(TOOLS, st.integers(0, 3), st.integers(1, 8192), st.integers(1, 8192))
def test_the_implied_sps_says_what_the_header_said(tools, chroma_format, width, height):
    sps = hevc.make_sps(tools, chroma_format, width, height)
    assert b"\0\0\0" not in sps
    assert b"\0\0\1" not in sps
    read, *rest = hevc.parse_sps(sps)
    assert rest == [chroma_format, width, height]
    assert read.__dict__ | {"range_extension": tools.range_extension} == tools.__dict__


@given(st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 255]), max_size=40).map(bytes))
def test_emulation_prevention(payload):
    escaped = hevc.escape(payload)
    assert hevc.unescape(escaped) == payload
    assert not any(start in escaped for start in (b"\0\0\0", b"\0\0\1", b"\0\0\2"))


@given(st.lists(st.integers(0, 2**32 - 2), max_size=20))
def test_exponential_golomb(values):
    w = BitWriter()
    for value in values:
        w.ue(value)
    r = BitReader(w.getvalue())
    assert [r.ue() for _ in values] == values

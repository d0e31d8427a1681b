"""The container against a file of the reference decoder's kind, byte for byte."""

import pytest

from baselines.source import bpg_format, hevc
from baselines.source.base import DecodeError
from baselines.source.bpg_format import ColorSpace, PixelFormat

FLAT_GREY = bytes.fromhex(
    "425047fb 20 00 60 60 00 03 924540 4401c1718112 000001 2801af0e60fb920d30806b81e0"  # 96x96, 4:2:0, QP 40
)


def test_example_file_parses_to_its_known_fields():
    file = bpg_format.parse(FLAT_GREY, (96, 96))
    assert (file.width, file.height, file.pixel_format, file.color_space) == (
        96,
        96,
        PixelFormat.C420,
        ColorSpace.BT601,
    )
    assert not file.limited_range
    assert file.tools == hevc.CodingTools(3, 3, 2, 3, 1, sao=True, strong_intra=True)
    assert [hevc.nal_type(nal) for nal in file.nals] == [hevc.PPS, 20]
    assert file.tobytes() == FLAT_GREY


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, 0x41, "not a BPG file"),
        (4, 0x30, "alpha"),
        (5, 0x04, "alpha"),
        (4, 0x22, "10 bits"),
        (5, 0x01, "animation"),
        (4, 0xC0, "pixel format 6"),
        (5, 0x50, "colour space 5"),
        (6, 0x61, "97x96 pixels where 96x96"),
        (6, 0x80, "leading zero"),
        (8, 0x7F, "cut short"),
        (10, 0x00, "coding blocks|cut short|bits wanted"),
        (13, 0x42, "sequence parameters"),
    ],
)
def test_what_cannot_be_read_is_named(position, value, message):
    data = bytearray(FLAT_GREY)
    data[position] = value
    with pytest.raises(DecodeError, match=message):
        bpg_format.parse(bytes(data), (96, 96))


@pytest.mark.parametrize("length", [4, 5, 6, 8, 10])
def test_a_file_that_ends_in_its_header_is_cut_short(length):
    with pytest.raises(DecodeError, match="cut short"):
        bpg_format.parse(FLAT_GREY[:length])

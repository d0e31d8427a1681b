"""The BPG container: still pictures of 8 bits a sample, without alpha.

``parse`` takes any bytes and either returns a ``BPGFile`` or raises ``DecodeError``; it allocates no more than a few
copies of its input. ``BPGFile.tobytes`` is its inverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from baselines.source import hevc
from baselines.source.base import DecodeError
from baselines.source.bits import BitReader, BitWriter

MAGIC = b"BPG\xfb"
MAX_PIXELS = 1 << 26
"""Pictures above 67 million pixels are refused: no real one comes near, a hostile header costs nothing to write."""


class PixelFormat(IntEnum):
    """Chroma sampling: format and siting of the samples (centred as in JPEG, or on the left as in MPEG-2)."""

    GRAY = 0
    C420 = 1
    C422 = 2
    C444 = 3
    C420_LEFT = 4
    C422_LEFT = 5

    @property
    def chroma_format(self) -> int:
        """HEVC's chroma_format_idc: 0 gray, 1 4:2:0, 2 4:2:2, 3 4:4:4."""
        return (0, 1, 2, 3, 1, 2)[self]


class ColorSpace(IntEnum):
    """What the planes mean; RGB is stored as G, B, R."""

    BT601 = 0
    RGB = 1
    YCGCO = 2
    BT709 = 3
    BT2020 = 4


@dataclass(frozen=True)
class BPGFile:
    """A parsed file. ``nals`` are its NAL units with their emulation prevention bytes: the PPS first, then slices."""

    width: int
    height: int
    pixel_format: PixelFormat
    color_space: ColorSpace
    limited_range: bool
    tools: hevc.CodingTools
    nals: tuple[bytes, ...]

    def tobytes(self) -> bytes:
        """The ``.bpg`` file, in the form the reference encoder writes: picture data run to the end of the file."""
        head = BitWriter()
        head.u(self.pixel_format << 5, 8)
        head.u(self.color_space << 4 | self.limited_range << 1, 8)
        tools = BitWriter()
        hevc.write_tools(tools, self.tools)
        body = tools.getvalue()
        sizes = _ue7(self.width) + _ue7(self.height) + _ue7(0)
        return MAGIC + head.getvalue() + sizes + _ue7(len(body)) + body + b"\0\0\1".join(self.nals)


def parse(data: bytes, shape: tuple[int, int] | None = None) -> BPGFile:
    """The file in ``data``, of the expected (height, width) if given; DecodeError for anything else."""
    try:
        return _parse(bytes(data), shape)
    except DecodeError:
        raise
    except (ValueError, EOFError) as err:
        raise DecodeError(f"malformed BPG file: {err}") from err


def _parse(data: bytes, shape: tuple[int, int] | None) -> BPGFile:
    if data[:4] != MAGIC:
        raise DecodeError("not a BPG file: it does not begin with 42 50 47 fb")
    r = BitReader(data[4:6])
    pixel_format, alpha1, depth = r.u(3), r.u(1), 8 + r.u(4)
    color_space, extension, alpha2, limited, animation = r.u(4), r.u(1), r.u(1), r.u(1), r.u(1)
    if pixel_format > max(PixelFormat):
        raise DecodeError(f"BPG pixel format {pixel_format}: 0 to {max(PixelFormat):d} are defined")
    if color_space > max(ColorSpace):
        raise DecodeError(f"BPG colour space {color_space}: 0 to {max(ColorSpace):d} are defined")
    if pixel_format == PixelFormat.GRAY and color_space != ColorSpace.BT601:
        raise DecodeError(f"gray BPG file of colour space {color_space}: only 0 is defined")
    for wanted, what in ((depth != 8, f"of {depth} bits a sample"), (alpha1 or alpha2, "with an alpha plane")):
        if wanted:
            raise DecodeError(f"BPG file {what}: only 8 bits a sample without alpha can be read")
    if animation:
        raise DecodeError("BPG file with an animation: only still pictures can be read")
    width, at = _read_ue7(data, 6)
    height, at = _read_ue7(data, at)
    _check_size(width, height, shape)
    length, at = _read_ue7(data, at)
    if extension:
        skip, at = _read_ue7(data, at)
        at += skip
    end = at + length if length else len(data)
    if end > len(data):
        raise DecodeError(f"BPG file cut short: {end} bytes announced, {len(data)} there")
    header, at = _read_ue7(data, at)
    tools = hevc.read_tools(BitReader(data[at : min(at + header, end, at + 64)]))
    nals = _pictures(hevc.split_annex_b(data[at + header : end]))
    return BPGFile(width, height, PixelFormat(pixel_format), ColorSpace(color_space), bool(limited), tools, nals)


def _check_size(width: int, height: int, shape: tuple[int, int] | None) -> None:
    if shape is not None and (height, width) != tuple(shape):
        raise DecodeError(f"BPG file of {width}x{height} pixels where {shape[1]}x{shape[0]} were expected")
    if not 0 < width * height <= MAX_PIXELS:
        raise DecodeError(f"BPG file of {width}x{height} pixels: 1 to {MAX_PIXELS} can be read")


def _pictures(nals: list[bytes]) -> tuple[bytes, ...]:
    """The NAL units a decoder needs: parameter sets and the slices of the one picture."""
    kept = []
    pictures = 0
    for nal in nals:
        kind = hevc.nal_type(nal)
        if kind in (hevc.VPS, hevc.SPS):
            raise DecodeError("BPG file with its own sequence parameters, which its header must imply")
        if kind < 32 and kind not in hevc.IRAP:
            raise DecodeError(f"BPG file with a slice of type {kind}: still pictures are of type 16 to 23")
        if kind == hevc.PPS or kind < 32:
            kept.append(nal)
        pictures += kind < 32 and nal[2] >> 7
    if pictures != 1 or hevc.nal_type(kept[0]) != hevc.PPS:
        raise DecodeError(f"BPG file with {pictures} pictures: one, after its parameters, was expected")
    return tuple(kept)


def _ue7(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def _read_ue7(data: bytes, at: int) -> tuple[int, int]:
    """(value, position after it) of an integer in groups of seven bits, at most 32 bits as the format says."""
    value = 0
    for position in range(at, at + 5):
        if position >= len(data):
            raise EOFError("the header is cut short")
        byte = data[position]
        if byte == 0x80 and position == at:
            raise ValueError("a number with a leading zero group")
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            if value >> 32:
                raise ValueError("a number above 32 bits")
            return value, position + 1
    raise ValueError("a number of more than five groups")

"""HEVC pictures through pillow-heif: planes to a HEVC stream and back, by way of a HEIC container.

pillow-heif's public interface takes and gives RGB. With matrix coefficients 0 (identity, full range) libheif passes
the planes through untouched: G is Y, B is Cb, R is Cr, sub-sampled chroma replicated.
"""

from __future__ import annotations

import io
import struct

import numpy as np
import numpy.typing as npt

from baselines.source import hevc
from baselines.source.base import DecodeError

SMALLEST_SIDE = 57
"""libheif pads to 64 samples a side, out of BPG's sight; from 57 on, BPG pads as far."""

Planes = list[npt.NDArray[np.uint8]]
"""Y alone, or Y, Cb, Cr; uint8 (rows, columns), chroma at its own size."""

STEPS = {1: (2, 2), 2: (1, 2), 3: (1, 1)}
"""Luma rows and columns per chroma sample, by HEVC's chroma_format_idc."""

X265 = {
    "preset": "slow",
    "tune": "ssim",
    "x265:ipratio": 1,
    "x265:aq-mode": 0,
    "x265:psy-rd": 0,
    "x265:psy-rdoq": 0,
    "x265:wpp": 0,
    "x265:pools": "none",
    "x265:frame-threads": 1,
}
"""One quantiser for the whole picture, no psycho-visual terms, no threads: the best PSNR at a file size."""


def encode_planes(planes: Planes, chroma_format: int, qp: int) -> tuple[hevc.CodingTools, tuple[bytes, ...]]:
    """(coding tools, NAL units: PPS and slice) of planes whose luma sides are multiples of 8, 64 at least."""
    import pillow_heif

    height, width = planes[0].shape
    mode = "RGB" if chroma_format else "L"
    pixels = _to_rgb(planes, chroma_format) if chroma_format else planes[0]
    image = pillow_heif.from_bytes(mode, (width, height), np.ascontiguousarray(pixels).tobytes())
    out = io.BytesIO()
    image.save(
        out,
        quality=50,
        chroma={0: "420", 1: "420", 2: "422", 3: "444"}[chroma_format],
        enc_params=X265 | {"x265:qp": qp},
        matrix_coefficients=0,
        full_range_flag=1,
    )
    return hevc.still_picture(_take_apart(out.getvalue()), chroma_format, width, height)


def decode_planes(
    tools: hevc.CodingTools, chroma_format: int, width: int, height: int, nals: tuple[bytes, ...]
) -> Planes:
    """Planes of a stream of ``width`` x ``height`` luma samples, as coded (multiples of the smallest coding block);
    DecodeError if libde265 gives up. It conceals most damage instead."""
    import pillow_heif

    parameters = [hevc.make_vps(), hevc.make_sps(tools, chroma_format, width, height)]
    parameters += [nal for nal in nals if hevc.nal_type(nal) == hevc.PPS]
    slices = [nal for nal in nals if hevc.nal_type(nal) != hevc.PPS]
    try:
        image = pillow_heif.open_heif(io.BytesIO(_put_together(parameters, slices, chroma_format, width, height)))
        mode, pixels = image.mode, np.asarray(image)
    except (ValueError, EOFError, SyntaxError, RuntimeError, OSError) as err:
        raise DecodeError(f"HEVC decoder: {err}") from err
    if mode != ("RGB" if chroma_format else "L") or pixels.shape[:2] != (height, width):
        raise DecodeError(f"HEVC decoder gave {pixels.shape[1]}x{pixels.shape[0]} {mode}, not {width}x{height}")
    if not chroma_format:
        return [pixels]
    rows, columns = STEPS[chroma_format]
    return [pixels[:, :, 1], pixels[::rows, ::columns, 2], pixels[::rows, ::columns, 0]]


def _to_rgb(planes: Planes, chroma_format: int) -> npt.NDArray[np.uint8]:
    """Planes as RGB that libheif takes apart again without loss: its averaging undoes the replication."""
    rows, columns = STEPS[chroma_format]
    full = [planes[0]] + [plane.repeat(rows, 0).repeat(columns, 1) for plane in planes[1:]]
    return np.stack((full[2], full[0], full[1]), axis=2)


def _take_apart(heic: bytes) -> list[bytes]:
    """The NAL units of a HEIC file that libheif has just written."""
    boxes = _boxes(heic)
    properties = _boxes(_boxes(_boxes(boxes[b"meta"][4:])[b"iprp"])[b"ipco"])
    config = properties[b"hvcC"]
    nals, at = [], 23
    for _ in range(config[22]):
        _, count, length = struct.unpack_from(">BHH", config, at)
        if count != 1:
            raise RuntimeError("x265 wrote several parameter sets of a kind")
        nals.append(config[at + 5 : at + 5 + length])
        at += 5 + length
    data = boxes[b"mdat"]
    while data:
        (length,) = struct.unpack_from(">I", data)
        nals.append(data[4 : 4 + length])
        data = data[4 + length :]
    return nals


def _boxes(data: bytes) -> dict[bytes, bytes]:
    found, at = {}, 0
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if length < 8:
            raise RuntimeError(f"HEIC box of {length} bytes")
        found[kind] = data[at + 8 : at + length]
        at += length
    return found


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _put_together(parameters: list[bytes], slices: list[bytes], chroma_format: int, width: int, height: int) -> bytes:
    """A HEIC file of one picture (ISO/IEC 23008-12, 14496-12, 14496-15)."""
    data = b"".join(struct.pack(">I", len(nal)) + nal for nal in slices)
    brand = _box(b"ftyp", b"heix\0\0\0\0mif1heix")
    meta = _meta(0, len(data), parameters, chroma_format, width, height)
    offset = len(brand) + len(meta) + 8
    return brand + _meta(offset, len(data), parameters, chroma_format, width, height) + _box(b"mdat", data)


def _meta(offset: int, length: int, parameters: list[bytes], chroma_format: int, width: int, height: int) -> bytes:
    channels = 3 if chroma_format else 1
    properties = (
        _hvcc(parameters, chroma_format),
        _box(b"ispe", struct.pack(">III", 0, width, height)),
        _box(b"pixi", struct.pack(">IB", 0, channels), b"\x08" * channels),
        _box(b"colr", b"nclx", struct.pack(">HHHB", 1, 13, 0, 0x80)),
    )
    return _box(
        b"meta",
        bytes(4),
        _box(b"hdlr", bytes(8), b"pict", bytes(13)),
        _box(b"pitm", struct.pack(">IH", 0, 1)),
        _box(b"iloc", struct.pack(">IHHHHHII", 0, 0x4400, 1, 1, 0, 1, offset, length)),
        _box(b"iinf", struct.pack(">IH", 0, 1), _box(b"infe", struct.pack(">IHH4sB", 2 << 24, 1, 0, b"hvc1", 0))),
        _box(
            b"iprp",
            _box(b"ipco", *properties),
            _box(b"ipma", struct.pack(">IIHB", 0, 1, 1, len(properties)), bytes((0x81, 0x02, 0x03, 0x04))),
        ),
    )


def _hvcc(parameters: list[bytes], chroma_format: int) -> bytes:
    head = struct.pack(">BBIHIB", 1, 4, 1 << 27, 0x9000, 0, 150)
    head += struct.pack(">HBBBBHB", 0xF000, 0xFC, 0xFC | chroma_format, 0xF8, 0xF8, 0, 0x0F)
    arrays = b"".join(struct.pack(">BHH", 0x80 | hevc.nal_type(nal), 1, len(nal)) + nal for nal in parameters)
    return _box(b"hvcC", head, bytes((len(parameters),)), arrays)

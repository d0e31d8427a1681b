"""HEVC pictures of sides from 16 samples on, by the x265 inside PyAV."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from baselines.source import hevc
from baselines.source.heif import X265, Planes
from linksim.errors import missing_extra

SMALLEST_SIDE = 16
"""x265 codes no picture smaller than its coding tree block, which has 16 samples a side at least."""

FORMATS = ("gray", "yuv420p", "yuv422p", "yuv444p")
"""FFmpeg's names, by HEVC's chroma_format_idc."""


def encode_planes(
    planes: Planes, chroma_format: int, qp: int, smallest_block: int
) -> tuple[hevc.CodingTools, tuple[bytes, ...]]:
    """As ``heif.encode_planes``, of planes whose luma sides are multiples of ``smallest_block`` and 16 at least.

    Args:
        smallest_block: side of the smallest coding block in luma samples, 8 or 16.

    Raises:
        LinksimError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise missing_extra("BPG of sides under 57 pixels", "codecs") from error
    height, width = planes[0].shape
    options = {name.removeprefix("x265:"): value for name, value in X265.items() if name.startswith("x265:")}
    options |= {"qp": qp, "ctu": 16, "min-cu-size": smallest_block, "keyint": 1, "info": 0, "log-level": "none"}
    encoder = av.codec.CodecContext.create("libx265", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, FORMATS[chroma_format]
    encoder.time_base = Fraction(1)
    encoder.options = {
        "preset": str(X265["preset"]),
        "tune": str(X265["tune"]),
        "x265-params": ":".join(f"{name}={value}" for name, value in options.items()),
    }
    frame = av.VideoFrame(width, height, FORMATS[chroma_format])
    for target, plane in zip(frame.planes, planes, strict=True):
        rows = np.zeros((target.height, target.line_size), np.uint8)
        rows[:, : target.width] = plane
        target.update(rows.tobytes())
    stream = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
    return hevc.still_picture(hevc.split_annex_b(stream), chroma_format, width, height)

"""Samples and colours of BPG: planes to RGB exactly as the format's reference decoder does, and RGB to planes.

Tap tables are read as: ``ODD[j]`` weighs the chroma sample ``j`` places after the first one under the filter.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from baselines.source.bpg_format import ColorSpace, PixelFormat
from baselines.source.heif import STEPS, Planes
from linksim.link import Image

Ints = npt.NDArray[Any]

UP_CENTRED = (2, -6, 18, 57, -10, 4, -1)
"""/64, over samples k-3..k+3, for output 2k where a chroma sample lies midway between two luma samples; output 2k+1
takes the mirror image."""
UP_LEFT = (-1, 4, -11, 40, 40, -11, 4, -1)
"""/64, over samples k-3..k+4, for output 2k+1 where chroma sample k lies on luma sample 2k."""
DOWN_CENTRED = (2, -4, -8, 17, 57, 57, 17, -8, -4, 2)
"""/128, over samples 2k-4..2k+5, for chroma sample k of an encoder."""

LUMA_WEIGHTS = {  # of red and blue
    ColorSpace.BT601: (0.299, 0.114),
    ColorSpace.BT709: (0.2126, 0.0722),
    ColorSpace.BT2020: (0.2627, 0.0593),
}
FIXED = 22
"""Fractional bits of the reference decoder's colour coefficients."""


def to_rgb(planes: Planes, pixel_format: PixelFormat, color_space: ColorSpace, limited_range: bool) -> Image:
    """uint8 (H, W, 3) from Y of shape (H, W) and, unless gray, Cb and Cr of their own (already cropped) shape.

    Every sample is the reference decoder's, but for those of limited-range files so far outside the range that its
    32-bit sums overflow and wrap to the other end; here they are clamped.
    """
    luma = planes[0].astype(np.int64 if limited_range else np.int32)
    height, width = luma.shape
    if pixel_format == PixelFormat.GRAY:
        gray = _scale(luma, limited_range)
        return np.repeat(gray[:, :, None], 3, axis=2)
    chroma = [_upsample(plane, pixel_format)[:height, :width] for plane in planes[1:]]
    return _colors([luma, *chroma], color_space, limited_range)


def _upsample(plane: npt.NDArray[np.uint8], pixel_format: PixelFormat) -> Ints:
    """Chroma at luma resolution, rounded and clamped to 8 bits, edges replicated."""
    wide: Ints = plane.astype(np.int32)
    if pixel_format == PixelFormat.C444:
        return wide
    bits = 6
    if pixel_format.chroma_format == 1:
        wide = _double(wide, axis=0, left=False)
        bits = 12
    wide = _double(wide, axis=1, left=pixel_format in (PixelFormat.C420_LEFT, PixelFormat.C422_LEFT))
    return np.clip((wide + (1 << bits >> 1)) >> bits, 0, 255)


def _double(plane: Ints, axis: int, left: bool) -> Ints:
    """Twice the samples along an axis, times 64."""
    if left:
        even, odd = plane * 64, _filter(plane, UP_LEFT, axis, before=3)
    else:
        even, odd = (_filter(plane, taps, axis, before=3) for taps in (UP_CENTRED, UP_CENTRED[::-1]))
    return np.stack((even, odd), axis + 1).reshape([size * (1 + (i == axis)) for i, size in enumerate(plane.shape)])


def _filter(plane: npt.NDArray, taps: tuple[int, ...], axis: int, before: int, step: int = 1) -> npt.NDArray:
    """sum of taps[j] * plane[step * k + j - before] for every k along an axis, edges replicated."""
    count = -(-plane.shape[axis] // step)
    margins, window = [(0, 0), (0, 0)], [slice(None), slice(None)]
    margins[axis] = (before, len(taps) + step)
    padded = np.pad(plane, margins, mode="edge")
    total = np.zeros([count if i == axis else size for i, size in enumerate(plane.shape)], plane.dtype)
    for j, tap in enumerate(taps):
        window[axis] = slice(j, j + step * count, step)
        total += tap * padded[tuple(window)]
    return total


def _scale(plane: Ints, limited_range: bool) -> npt.NDArray[np.uint8]:
    """A plane that needs no matrix: as it is, or 16..235 stretched to 0..255."""
    if not limited_range:
        return plane.astype(np.uint8)
    one = _fixed(Fraction(255, 219))
    return _clamp((plane - 16) * one)


def _clamp(scaled: Ints) -> npt.NDArray[np.uint8]:
    return np.clip((scaled + (1 << FIXED >> 1)) >> FIXED, 0, 255).astype(np.uint8)


def _fixed(value: float | Fraction) -> int:
    return round(value * (1 << FIXED))


def _colors(planes: list[Ints], color_space: ColorSpace, limited_range: bool) -> Image:
    """RGB from three full-size planes."""
    y, cb, cr = planes
    if color_space == ColorSpace.RGB:
        return np.stack([_scale(plane, limited_range) for plane in (cr, y, cb)], axis=2)
    cb, cr = cb - 128, cr - 128
    luma_gain, chroma_gain = (255 / 219, 255 / 224) if limited_range else (1.0, 1.0)
    light = (y - 16 if limited_range else y) * _fixed(luma_gain)
    if color_space == ColorSpace.YCGCO:
        gain = _fixed(luma_gain)
        mixed = (light + (cr - cb) * gain, light + cb * gain, light - (cb + cr) * gain)
    else:
        red, blue = LUMA_WEIGHTS[color_space]
        green = 1 - red - blue
        mixed = (
            light + cr * _fixed(2 * (1 - red) * chroma_gain),
            light
            - cb * _fixed(2 * blue * (1 - blue) / green * chroma_gain)
            - cr * _fixed(2 * red * (1 - red) / green * chroma_gain),
            light + cb * _fixed(2 * (1 - blue) * chroma_gain),
        )
    return np.stack([_clamp(channel) for channel in mixed], axis=2)


def from_rgb(image: Image, pixel_format: PixelFormat) -> Planes:
    """Y, Cb, Cr (BT.601, full range; chroma ceil(side / 2) where centred) of a uint8 (H, W, 3) image, rounded once.

    Gray takes the luma alone. Left-sited chroma is what a decoder meets, not what is written here.
    """
    red, blue = LUMA_WEIGHTS[ColorSpace.BT601]
    r, g, b = np.moveaxis(image.astype(np.float32), 2, 0)
    y = red * r + (1 - red - blue) * g + blue * b
    planes = [y]
    if pixel_format != PixelFormat.GRAY:
        planes += [_decimate(plane, pixel_format) for plane in ((b - y) / (2 * (1 - blue)), (r - y) / (2 * (1 - red)))]
        planes[1:] = [plane + 128 for plane in planes[1:]]
    return [np.clip(np.rint(plane), 0, 255).astype(np.uint8) for plane in planes]


def _decimate(plane: npt.NDArray, pixel_format: PixelFormat) -> npt.NDArray:
    rows, columns = STEPS[pixel_format.chroma_format]
    if columns == 2:
        plane = _filter(plane, DOWN_CENTRED, axis=1, before=4, step=2) / 128
    if rows == 2:
        plane = _filter(plane, DOWN_CENTRED, axis=0, before=4, step=2) / 128
    return plane

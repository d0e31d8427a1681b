"""Sample reconstruction: against the reference decoder's own pictures, and the formulas one sample at a time."""

import base64
import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest

from baselines.source import chroma
from baselines.source.bpg import BPG
from baselines.source.bpg_format import ColorSpace, PixelFormat

REFERENCE = json.loads((Path(__file__).parent / "bpg_reference.json").read_text())


def _reference_file(pixel_format, color_space, limited, width, height):
    stream = base64.b64decode(REFERENCE["streams"][PixelFormat(pixel_format).chroma_format])
    return b"BPG\xfb" + bytes((pixel_format << 5, color_space << 4 | limited << 1, width, height, 0)) + stream


def test_every_format_is_what_the_reference_decoder_gives():
    seen = set()
    for *header, digest in REFERENCE["expected"]:
        decoded = BPG().decode(_reference_file(*header), (header[4], header[3]))
        assert hashlib.sha256(decoded.tobytes()).hexdigest()[:16] == digest, header
        seen.add(tuple(header[:3]))
    assert len(seen) == 2 + 5 * 5 * 2  # gray has one colour space


def _clip(value):
    return min(max(value, 0), 255)


def _at(plane, row, column):
    return int(plane[min(max(row, 0), plane.shape[0] - 1)][min(max(column, 0), plane.shape[1] - 1)])


def _taps(position, left):
    """(first sample, weights in 64ths) for an output sample along one direction."""
    k, odd = divmod(position, 2)
    if left:
        return (k - 3, [-1, 4, -11, 40, 40, -11, 4, -1]) if odd else (k, [64])
    centred = [2, -6, 18, 57, -10, 4, -1]
    return k - 3, centred[::-1] if odd else centred


def _chroma_at(plane, y, x, pixel_format):
    if pixel_format == PixelFormat.C444:
        return int(plane[y][x])
    left = pixel_format in (PixelFormat.C420_LEFT, PixelFormat.C422_LEFT)
    first, across = _taps(x, left)
    if pixel_format.chroma_format == 2:
        total, scale = sum(w * _at(plane, y, first + i) for i, w in enumerate(across)), 64
    else:
        top, down = _taps(y, left=False)
        total, scale = 0, 64 * 64
        for j, v in enumerate(down):
            total += v * sum(w * _at(plane, top + j, first + i) for i, w in enumerate(across))
    return _clip(math.floor(total / scale + 0.5))


def _pixel(y, cb, cr, color_space, limited):
    """RGB in real numbers; the decoder's fixed point is within its rounding of them."""
    if color_space == ColorSpace.RGB:
        return [(v - 16) * 255 / 219 if limited else v for v in (cr, y, cb)]
    gain, chroma_gain = (255 / 219, 255 / 224) if limited else (1, 1)
    y, cb, cr = (y - 16 * limited) * gain, cb - 128, cr - 128
    if color_space == ColorSpace.YCGCO:
        return [y - gain * cb + gain * cr, y + gain * cb, y - gain * cb - gain * cr]
    red, blue = {0: (0.299, 0.114), 3: (0.2126, 0.0722), 4: (0.2627, 0.0593)}[color_space]
    r = y + 2 * (1 - red) * cr * chroma_gain
    b = y + 2 * (1 - blue) * cb * chroma_gain
    return [r, (y - red * r - blue * b) / (1 - red - blue), b]


@pytest.mark.parametrize("pixel_format", [p for p in PixelFormat if p != PixelFormat.GRAY])
@pytest.mark.parametrize("color_space", list(ColorSpace))
@pytest.mark.parametrize("limited", [False, True])
def test_planes_of_noise_follow_the_formulas(pixel_format, color_space, limited):
    rng = np.random.default_rng([pixel_format, color_space, limited])
    height, width = 5, 7
    rows, columns = {1: (3, 4), 2: (5, 4), 3: (5, 7)}[pixel_format.chroma_format]
    sizes = ((height, width), (rows, columns), (rows, columns))
    planes = [rng.integers(0, 256, size, dtype=np.uint8) for size in sizes]
    got = chroma.to_rgb(planes, pixel_format, color_space, limited)
    assert got.shape == (height, width, 3)
    for y in range(height):
        for x in range(width):
            colors = [_chroma_at(plane, y, x, pixel_format) for plane in planes[1:]]
            want = _pixel(int(planes[0][y, x]), *colors, color_space, limited)
            for channel in range(3):
                assert abs(int(got[y, x, channel]) - _clip(want[channel])) <= 0.5 + 1e-4, (y, x, channel)


def test_limited_gray_is_stretched():
    gray = np.array([[0, 16, 125, 126, 235, 255]], np.uint8)
    got = chroma.to_rgb([gray], PixelFormat.GRAY, ColorSpace.BT601, limited_range=True)
    np.testing.assert_array_equal(got[0, :, 1], [0, 0, 127, 128, 255, 255])


@pytest.mark.parametrize("pixel_format", [PixelFormat.C420, PixelFormat.C422, PixelFormat.C444])
def test_colours_survive_without_coding(pixel_format):
    y, x = np.mgrid[:33, :47]
    image = np.stack([2 * x + 80, 3 * y + 90, 150 - x - y], axis=2).astype(np.uint8)
    planes = chroma.from_rgb(image, pixel_format)
    back = chroma.to_rgb(planes, pixel_format, ColorSpace.BT601, False)
    assert np.abs(back.astype(int) - image).max() <= 2


def test_decimation_follows_its_taps():
    """One sample at a time, in the order horizontal then vertical, rounded once at the end."""
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)
    r, g, b = (image[:, :, i].astype(float) for i in range(3))
    full = (b - (0.299 * r + 0.587 * g + 0.114 * b)) / 1.772 + 128
    taps = np.array([2, -4, -8, 17, 57, 57, 17, -8, -4, 2]) / 128
    rows, columns = (
        [[min(max(2 * k - 4 + j, 0), side - 1) for j in range(10)] for k in range(half)]
        for side, half in ((7, 4), (9, 5))
    )
    want = [[taps @ full[np.ix_(down, across)] @ taps for across in columns] for down in rows]
    got = chroma.from_rgb(image, PixelFormat.C420)[1]
    assert got.shape == (4, 5)
    assert np.abs(got - np.clip(want, 0, 255)).max() <= 0.5 + 1e-3

"""Read image files of the common kinds as the one form that links take: uint8 RGB.

Pillow decodes, but it keeps only the upper byte of deep colour, leaves 12-bit samples unscaled and compares the
transparent colour of a deep PNG at the wrong depth. So depth, transparent colour and polarity are taken from the file's
own header.
"""

from __future__ import annotations

import re
import stat
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageOps, TiffImagePlugin

from linksim.errors import LinksimError, failed
from linksim.link import Image

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "PPM", "JPEG2000", "AVIF")
"""The formats that are read. Pillow knows more, some of which run other programs."""
Pillow.init()
SUFFIXES = tuple(
    sorted(s for s, name in Pillow.registered_extensions().items() if name in (*FORMATS, "MPO") and s != ".pfm")
)
"""Every file name ending that Pillow gives to these formats; .mpo is JPEG, and .pfm is floating point."""
MAX_PIXELS = 1 << 26
"""Pictures above 67 million pixels are refused: a few bytes can claim any size."""

DEEP_GREY = ("I;16", "I;16L", "I;16B", "I;16N")
OPAQUE = ("1", "L", "P", "RGB")
WITH_ALPHA = ("LA", "PA", "RGBA")
Samples = npt.NDArray[Any]
_OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def read_image(path: str | Path) -> Image:
    """Read an image file, turned upright as its EXIF orientation says.

    Grey and palette images become RGB. Samples of any other depth are scaled to 8 bits, round(255 · value / largest
    value), the largest being that of the depth which the file states. Colour profiles and gamma are ignored.

    Args:
        path: A file in one of ``FORMATS``, whatever its name.

    Returns:
        The image, uint8 (H, W, 3) RGB, writable.

    Raises:
        LinksimError: With the file's name, if it is missing, damaged, no image, or has no single right reading:
            transparent pixels (an alpha channel that is opaque throughout is dropped), CMYK and other colour models,
            signed or floating-point samples, animations, more than ``MAX_PIXELS``, or a depth that is not supported.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata and of large pictures; both are dealt with
            if not stat.S_ISREG(Path(path).stat().st_mode):
                raise LinksimError("a folder or device, not a file")
            with Pillow.open(path, formats=FORMATS) as picture:
                _check(picture)
                return _to_rgb(picture, Path(path))
    except FileNotFoundError:
        raise LinksimError(f"{path}: no such file") from None
    except Pillow.UnidentifiedImageError:
        raise LinksimError(f"{path}: {_why_unidentified(Path(path))}") from None
    except Exception as error:  # Pillow's readers raise whatever a damaged file leads them to
        raise failed(str(path), error) from error


def to_eight_bits(samples: Samples, largest: int) -> npt.NDArray[np.uint8]:
    """Scale integer samples from 0 to ``largest`` (at most 65535) to 0 to 255, rounding halves up.

    >>> to_eight_bits(np.array([0, 2047, 2048, 4095]), 4095)
    array([  0, 127, 128, 255], dtype=uint8)
    """
    return ((samples.astype(np.uint32) * 510 + largest) // (2 * largest)).astype(np.uint8)


def _check(picture: Pillow.Image) -> None:
    width, height = picture.size
    if not 0 < width * height <= MAX_PIXELS:
        raise LinksimError(f"{width}x{height} pixels: 1 to {MAX_PIXELS} can be read")
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":  # phones store a preview behind the photograph
        raise LinksimError(f"{frames} frames: only still images can be read")
    deep_netpbm = picture.format == "PPM" and picture.mode == "I"
    if not deep_netpbm and picture.mode not in (*OPAQUE, *WITH_ALPHA, *DEEP_GREY):
        raise LinksimError(f"colour mode {picture.mode}: only grey, palette and RGB can be read")
    tags = getattr(picture, "tag_v2", {})
    if 2 in _several(tags.get(TiffImagePlugin.SAMPLEFORMAT, 1)):
        raise LinksimError("signed samples: only unsigned ones can be read")
    bits = _several(tags.get(TiffImagePlugin.BITSPERSAMPLE, 1))
    if len(bits) > 1 and max(bits) > 8 and tags.get(TiffImagePlugin.PLANAR_CONFIGURATION, 1) == 2:
        raise LinksimError(f"{max(bits)} bits a sample in separate planes: only interleaved samples can be read")


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _to_rgb(picture: Pillow.Image, path: Path) -> Image:
    raw = _raw_mode(picture)
    if picture.format == "PPM" and picture.mode != "1":
        samples, largest = _netpbm(picture)
    elif ";16" in raw and picture.mode in ("RGB", "RGBA") and not raw.startswith("BGR"):
        samples, largest = _deep_colour(path, raw), 0xFFFF
    elif picture.format == "JPEG2000":
        samples, largest = _jpeg2000(picture, path)
    elif picture.mode in DEEP_GREY:
        samples, largest = _upright(picture), 0xFFF if raw == "I;12" else 0xFFFF
        if getattr(picture, "tag_v2", {}).get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0:  # white is zero
            samples = largest - samples
    else:
        samples, largest = _shallow(picture, raw), 255
    if samples.ndim == 2:
        samples = samples[:, :, None]
    key = picture.info.get("transparency")
    if isinstance(key, int | tuple) and picture.mode not in ("P", "PA"):
        bits = {"1": "1", "L": raw.partition(";")[2]}.get(picture.mode, "")
        top = (1 << int(bits)) - 1 if bits.isdecimal() else largest
        key = (np.atleast_1d(key) & top) * (largest // top)  # at the file's depth (PNG 3rd edition, 11.3.1.1)
        transparent = bool((samples[:, :, : len(key)] == key).all(axis=2).any())
    else:
        transparent = samples.shape[2] in (2, 4) and to_eight_bits(samples[:, :, -1], largest).min() < 255
    if transparent:
        raise LinksimError("has transparent pixels: put the image on a background first")
    pixels = samples if largest == 255 else to_eight_bits(samples, largest)
    colours = pixels[:, :, :3] if pixels.shape[2] > 2 else np.repeat(pixels[:, :, :1], 3, axis=2)
    return np.array(colours, np.uint8, order="C")


def _raw_mode(picture: Pillow.Image) -> str:
    """Pillow's name of the layout in the file, such as "RGB;16B" (deep, high byte first) or "L;2" (two bits)."""
    tile = getattr(picture, "tile", None)
    args = _several(tile[0][3]) if tile else ("",)
    return args[0] if args and isinstance(args[0], str) else ""


def _upright(picture: Pillow.Image) -> Samples:
    return np.asarray(ImageOps.exif_transpose(picture))


def _shallow(picture: Pillow.Image, raw: str) -> Samples:
    """Samples (H, W) or (H, W, C) of at most 8 bits, scaled to 255."""
    if picture.mode in ("P", "PA"):
        if picture.format == "TIFF":
            _set_palette(picture)
        return _upright(picture.convert("RGBA"))
    if picture.mode == "1":
        return _upright(picture).astype(np.uint8) * np.uint8(255)
    samples = _upright(picture)
    if raw in ("BGR;15", "BGR;16"):  # Pillow rounds 5 and 6 bits down
        levels = [np.arange(1 << bits) for bits in (5, 6 if raw == "BGR;16" else 5, 5)]
        tables = [np.zeros(256, np.uint8) for _ in levels]
        for table, level in zip(tables, levels, strict=True):
            table[level * 255 // level[-1]] = to_eight_bits(level, int(level[-1]))
        samples = np.stack([table[samples[:, :, i]] for i, table in enumerate(tables)], axis=2)
    return samples


def _set_palette(picture: Any) -> None:
    """Give a TIFF its palette again: entries have 16 bits (Pillow rounds them down), or 8 where the writer erred."""
    entries = np.array(picture.tag_v2[TiffImagePlugin.COLORMAP]).reshape(3, -1)
    picture.load()
    picture.putpalette(to_eight_bits(entries, 0xFFFF if entries.max() > 255 else 255).T.tobytes())


def _deep_colour(path: Path, raw: str) -> npt.NDArray[np.uint16]:
    """Samples (H, W, C) of 16 bits: Pillow gives one byte of each, so the file is read once for either."""
    if raw == "LA;16B":
        halves = _unpacked(path, "RGBA")
        high, low = halves[:, :, 0::2], halves[:, :, 1::2]
    else:
        raw = raw.replace("RGBa", "RGBA")  # premultiplied: the same where it is opaque, which alone is read
        high, low = _unpacked(path, raw), _unpacked(path, raw[:-1] + _OTHER_BYTE[raw[-1]])
    return (high.astype(np.uint16) << 8 | low).astype(np.uint16)


def _unpacked(path: Path, raw: str) -> Samples:
    """The picture's samples, upright, as another raw mode of Pillow's takes the bytes of the file."""
    with Pillow.open(path, formats=FORMATS) as picture:
        picture.tile = [t._replace(args=(raw, *_several(t.args)[1:])) for t in picture.tile]
        return _upright(picture)


def _netpbm(picture: Any) -> tuple[Samples, int]:
    """Samples (H, W, 1 or 3) of a PGM or PPM file and the largest value that it states."""
    decoder, _, start, args = picture.tile[0]
    largest = 0xFFFF if args == "I;16B" else 255 if isinstance(args, str) else args[1]
    shape = (picture.height, picture.width, 3 if picture.mode == "RGB" else 1)
    picture.fp.seek(start)
    if decoder == "ppm_plain":
        words = re.sub(rb"#[^\r\n]*", b"", picture.fp.read()).split()
        samples = np.array(words[: np.prod(shape)], dtype=np.bytes_).astype(np.int64)
    else:
        kind = np.dtype(">u2" if largest > 255 else "u1")
        samples = np.frombuffer(picture.fp.read(int(np.prod(shape)) * kind.itemsize), kind)
    if len(samples) < np.prod(shape):
        raise LinksimError("image file is truncated")
    if samples.min() < 0 or samples.max() > largest:
        raise LinksimError(f"samples from {samples.min()} to {samples.max()}: the file states 0 to {largest}")
    return samples.reshape(shape), largest


def _jpeg2000(picture: Pillow.Image, path: Path) -> tuple[Samples, int]:
    """Samples and their largest value. Pillow shifts grey up to 8 or 16 bits and deep colour down to 8."""
    data = path.read_bytes()
    size = data.find(b"\xff\x4f\xff\x51")  # the markers that open every codestream: SOC, SIZ (ISO 15444-1, A.5.1)
    count = int.from_bytes(data[size + 40 : size + 42])
    depths = {(depth & 0x7F) + 1 for depth in data[size + 42 : size + 42 + 3 * count : 3]}
    if size >= 0 and depths == {8}:
        return _shallow(picture, ""), 255
    bits = max(depths, default=0)
    if picture.mode not in ("L", *DEEP_GREY) or not 0 < bits <= 16:
        raise LinksimError(f"JPEG 2000 of {bits} bits a sample: only 8, and up to 16 in grey, can be read")
    return _upright(picture) >> ((8 if picture.mode == "L" else 16) - bits), (1 << bits) - 1


def _why_unidentified(path: Path) -> str:
    """Why Pillow takes a file for none of the formats: its words, and for TIFF the layout that it lacks."""
    with path.open("rb") as file:
        head = file.read(32)
        if not head:
            return "empty file"
        for name in FORMATS:
            factory, accept = Pillow.OPEN[name]
            file.seek(0)
            try:
                if len(head) < 16 or accept is None or accept(head) is not True:  # some look at 16 bytes unasked
                    continue
                factory(file, str(path))
            except Exception as error:
                layout = _tiff_layout(path) if name == "TIFF" else ""
                return f"{name} that cannot be read: {error or type(error).__name__}{layout}"
    return f"not an image of a kind that can be read ({', '.join(FORMATS)})"


def _tiff_layout(path: Path) -> str:
    try:
        with path.open("rb") as file:
            tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
            file.seek(tags.next)
            tags.load(file)
    except Exception:  # damaged beyond its header, of which the caller tells
        return ""
    bits = ", ".join(map(str, _several(tags.get(TiffImagePlugin.BITSPERSAMPLE, 1))))
    colour = tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION, "none")
    return f" (bits per sample: {bits}; photometric interpretation: {colour}; byte order: {tags.prefix!r})"

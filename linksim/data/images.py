"""Image files of any common kind to the one form that links take: uint8 RGB."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from linksim.errors import LinksimError
from linksim.link import Image

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000", "AVIF")
"""What is read. Pillow knows more, some of which run other programs."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm", ".jp2", ".avif")
MAX_PIXELS = 1 << 26
"""Pictures above 67 million pixels are refused: a few bytes can claim any size."""

SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
OPAQUE = ("1", "L", "P", "RGB")
WITH_ALPHA = ("LA", "PA", "RGBA")


def read_image(path: str | Path) -> Image:
    """uint8 (H, W, 3) RGB of an image file, turned upright as its EXIF orientation says.

    Grey and palette images become RGB; of 16 bits a sample the upper eight are kept; colour profiles are ignored. A
    LinksimError that names the file refuses what has no one right answer: transparency (an alpha channel that is
    opaque throughout is dropped), CMYK and other colour models, animations, floating point, more than ``MAX_PIXELS``.
    The same for files that are missing, cut short or no image.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata and of large pictures; both are dealt with
            with Pillow.open(path, formats=FORMATS) as picture:
                _check(picture)
                return _to_rgb(ImageOps.exif_transpose(picture))
    except FileNotFoundError:
        raise LinksimError(f"{path}: no such file") from None
    except Pillow.UnidentifiedImageError:
        raise LinksimError(f"{path}: not an image of a kind that can be read ({', '.join(FORMATS)})") from None
    except Exception as error:  # Pillow's readers raise whatever a damaged file leads them to
        raise LinksimError(f"{path}: {getattr(error, 'strerror', None) or error or type(error).__name__}") from error


def _check(picture: Pillow.Image) -> None:
    width, height = picture.size
    if not 0 < width * height <= MAX_PIXELS:
        raise LinksimError(f"{width}x{height} pixels: 1 to {MAX_PIXELS} can be read")
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":  # phones store a preview behind the photograph
        raise LinksimError(f"{frames} frames: only still images can be read")
    if picture.mode not in (*OPAQUE, *WITH_ALPHA, *SIXTEEN_BITS):
        raise LinksimError(f"colour mode {picture.mode}: only grey, palette and RGB can be read")


def _to_rgb(picture: Pillow.Image) -> Image:
    if picture.mode in SIXTEEN_BITS:
        grey = (np.asarray(picture) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if picture.mode in WITH_ALPHA or "transparency" in picture.info:
        pixels = np.array(picture.convert("RGBA"))
        if pixels[:, :, 3].min() < 255:
            raise LinksimError("has transparent pixels: put the image on a background first")
        return np.ascontiguousarray(pixels[:, :, :3])
    return np.array(picture.convert("RGB"))

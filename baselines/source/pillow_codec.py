"""What codecs share that Pillow reads, or that are read like them."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image as PILImage
from PIL import UnidentifiedImageError

from baselines.source.base import DecodeError
from linksim.errors import LinksimError
from linksim.link import Image

MAX_PIXELS = 1 << 26
"""Pictures above 67 million pixels are refused: a damaged header can claim anything."""


def check_side(image: Image, kind: str, largest: int) -> None:
    """LinksimError if a side of the image is longer than a format allows."""
    height, width = image.shape[:2]
    if max(height, width) > largest:
        raise LinksimError(f"image of {width}x{height} pixels: {kind} takes sides of {largest} at most")


def check_size(kind: str, size: tuple[int, int], shape: tuple[int, int] | None) -> None:
    """DecodeError if a file's (width, height) is not the expected (height, width), or is more than anything real."""
    width, height = size
    if shape is not None and (height, width) != tuple(shape):
        raise DecodeError(f"{kind} file of {width}x{height} pixels where {shape[1]}x{shape[0]} were expected")
    if width * height > MAX_PIXELS:
        raise DecodeError(f"{kind} file of {width}x{height} pixels: {MAX_PIXELS} at most can be read")


def save(image: PILImage.Image, kind: str, **options: object) -> bytes:
    """The whole file that Pillow writes of an image."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def load(data: bytes, kind: str, shape: tuple[int, int] | None) -> Image:
    """uint8 (H, W, 3) RGB of a still file of one kind, of the expected (H, W) if given; DecodeError otherwise."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with PILImage.open(io.BytesIO(data), formats=[kind]) as picture:
                _check(picture, kind, shape)
                return np.array(picture.convert("RGB"))
    except DecodeError:
        raise
    except UnidentifiedImageError:
        raise DecodeError(f"not a {kind} file") from None
    except Exception as err:  # Pillow's readers raise whatever a damaged header leads them to
        raise DecodeError(f"malformed {kind} file: {err}") from err


def _check(picture: PILImage.Image, kind: str, shape: tuple[int, int] | None) -> None:
    check_size(kind, picture.size, shape)
    if getattr(picture, "n_frames", 1) != 1:
        raise DecodeError(f"{kind} file with an animation: only still pictures can be read")
    if picture.mode not in ("L", "RGB"):
        raise DecodeError(f"{kind} file of mode {picture.mode}: only grey and RGB without alpha can be read")

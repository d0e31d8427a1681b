"""HEIC: HEVC still pictures in the container that Pillow-HEIF writes."""

from __future__ import annotations

import io

import numpy as np

from baselines.source.base import DecodeError
from baselines.source.heif import X265
from baselines.source.pillow_codec import check_side, check_size
from baselines.source.search import Encoder, SearchedCodec
from linksim.link import Image


class HEIC(SearchedCodec):
    """HEIC of x265 as Pillow-HEIF writes it. Quality is libheif's scale, 0 (smallest file) to 100.

    chromas: the samplings that a byte budget chooses between by PSNR; ``encode`` takes the first.
    """

    name = "heic"
    identity_name, version, libraries = "heic", 1, ("pillow-heif",)
    suffix = ".heic"
    qualities = range(101)
    start = 30
    doubling = 28
    wiggle = 3

    def __init__(self, chromas: tuple[str, ...] = ("420", "444")) -> None:
        self.chromas = chromas

    def encoders(self, image: Image) -> list[Encoder]:
        check_side(image, "HEIC", 32768)
        return [_encoder(image, chroma) for chroma in self.chromas]

    def decode(self, data: bytes, shape: tuple[int, int] | None = None) -> Image:
        """uint8 (H, W, 3) RGB of a file with one picture without alpha, as Pillow-HEIF reads it."""
        import pillow_heif

        try:
            file = pillow_heif.open_heif(io.BytesIO(data))
            check_size("HEIC", file.size, shape)
            if len(file) != 1 or file.mode not in ("L", "RGB"):
                raise DecodeError(f"HEIC file of {len(file)} pictures, mode {file.mode}: one, grey or RGB, can be read")
            pixels = np.array(file)
        except DecodeError:
            raise
        except Exception as err:  # libheif's errors, of many kinds
            raise DecodeError(f"malformed HEIC file: {err}") from err
        if pixels.shape[:2] != file.size[::-1]:
            raise DecodeError(f"HEIC file of {file.size} pixels with a picture of {pixels.shape[1::-1]}")
        return pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)


def _encoder(image: Image, chroma: str) -> Encoder:
    """Quality to file."""
    import pillow_heif

    picture = pillow_heif.from_bytes("RGB", image.shape[1::-1], np.ascontiguousarray(image).tobytes())

    def encode(quality: int) -> bytes:
        out = io.BytesIO()
        picture.save(out, quality=quality, chroma=chroma, enc_params=X265)
        return out.getvalue()

    return encode

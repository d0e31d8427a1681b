"""JPEG: baseline or progressive, whichever is smaller, with optimised Huffman tables."""

from __future__ import annotations

import numpy as np
from PIL import Image as PILImage

from baselines.source.pillow_codec import check_side, load, save
from baselines.source.search import Encoder, SearchedCodec
from linksim.link import Image


class JPEG(SearchedCodec):
    """JPEG of libjpeg-turbo. Quality is the Independent JPEG Group's scale, 1 (smallest file) to 100.

    subsamplings: what a byte budget chooses between by PSNR; ``encode`` takes the first. A grey image is coded grey.
    """

    name = "jpeg"
    identity_name, version, libraries = "jpeg", 1, ("pillow",)
    suffix = ".jpg"
    qualities = range(1, 101)
    start = 11
    doubling = 32

    def __init__(self, subsamplings: tuple[str, ...] = ("4:2:0", "4:2:2", "4:4:4")) -> None:
        self.subsamplings = subsamplings

    def encoders(self, image: Image) -> list[Encoder]:
        check_side(image, "JPEG", 65500)
        if np.all(image == image[:, :, :1]):
            return [_encoder(PILImage.fromarray(image[:, :, 0]), {})]
        picture = PILImage.fromarray(image)
        return [_encoder(picture, {"subsampling": subsampling}) for subsampling in self.subsamplings]

    def decode(self, data: bytes, shape: tuple[int, int] | None = None) -> Image:
        return load(data, "JPEG", shape)


def _encoder(picture: PILImage.Image, options: dict[str, str]) -> Encoder:
    """Quality to the smaller of the two files that decode to the same pixels."""

    def encode(quality: int) -> bytes:
        files = (
            save(picture, "JPEG", quality=quality, optimize=True, progressive=progressive, **options)
            for progressive in (False, True)
        )
        return min(files, key=len)

    return encode

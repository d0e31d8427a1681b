"""WebP: lossy VP8 key frames."""

from __future__ import annotations

from PIL import Image as PILImage

from baselines.source.pillow_codec import load, save
from baselines.source.search import Encoder, SearchedCodec
from linksim.errors import LinksimError
from linksim.link import Image


class WebP(SearchedCodec):
    """Lossy WebP of libwebp, method 6 (its slowest and best). Quality is libwebp's, 0 (smallest file) to 100."""

    name = "webp"
    identity_name, version, libraries = "webp", 1, ("pillow",)
    suffix = ".webp"
    qualities = range(101)
    start = 10
    doubling = 35
    wiggle = 3

    def encoders(self, image: Image) -> list[Encoder]:
        if max(image.shape) > 16383:
            raise LinksimError(f"image of {image.shape[1]}x{image.shape[0]} pixels: WebP takes sides of 16383 at most")
        picture = PILImage.fromarray(image)
        return [lambda quality: save(picture, "WEBP", quality=quality, method=6)]

    def decode(self, data: bytes, shape: tuple[int, int] | None = None) -> Image:
        return load(data, "WEBP", shape)

"""WebP: lossy VP8 key frames."""

from __future__ import annotations

from PIL import Image as PILImage

from baselines.source.pillow_codec import check_side, load, save
from baselines.source.search import Encoder, SearchedCodec
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
        check_side(image, "WebP", 16383)
        picture = PILImage.fromarray(image)
        return [lambda quality: save(picture, "WEBP", quality=quality, method=6)]

    def decode(self, data: bytes, shape: tuple[int, int] | None = None) -> Image:
        return load(data, "WEBP", shape)

"""AVIF: AV1 key frames."""

from __future__ import annotations

from PIL import Image as PILImage

from baselines.source.pillow_codec import check_side, load, save
from baselines.source.search import Encoder, SearchedCodec
from linksim.link import Image


class AVIF(SearchedCodec):
    """AVIF of libaom, speed 6, tuned for PSNR. Quality is libavif's scale, 0 (smallest file) to 100.

    subsamplings: candidates of a byte budget, which takes the one best in PSNR; ``encode`` takes the first. speed: of
    libavif, 0 (slowest and best) to 10.
    """

    name = "avif"
    identity_name, version, libraries = "avif", 1, ("pillow",)
    suffix = ".avif"
    qualities = range(101)
    start = 30
    doubling = 40
    wiggle = 3

    def __init__(self, subsamplings: tuple[str, ...] = ("4:2:0", "4:4:4"), speed: int = 6) -> None:
        self.subsamplings, self.speed = subsamplings, speed

    def encoders(self, image: Image) -> list[Encoder]:
        check_side(image, "AVIF", 32768)
        return [self._encoder(PILImage.fromarray(image), subsampling) for subsampling in self.subsamplings]

    def _encoder(self, picture: PILImage.Image, subsampling: str) -> Encoder:
        """Quality to file; libaom's own default is tuned for the eye."""
        options = {"subsampling": subsampling, "speed": self.speed, "advanced": {"tune": "psnr"}}
        return lambda quality: save(picture, "AVIF", quality=quality, max_threads=1, autotiling=False, **options)

    def decode(self, data: bytes, shape: tuple[int, int] | None = None) -> Image:
        return load(data, "AVIF", shape)

"""JPEG 2000: bare codestreams of the 9/7 wavelet."""

from __future__ import annotations

from PIL import Image as PILImage

from baselines.source.pillow_codec import check_side, load, save
from baselines.source.search import Encoder, SearchedCodec
from linksim.link import Image

COMMENT = b"\xff\x64\x00\x05\x00\x01x"
"""A comment segment that says "x" (ISO/IEC 15444-1, A.9.2): OpenJPEG writes one always, decoders skip it."""


class JPEG2000(SearchedCodec):
    """JPEG 2000 of OpenJPEG. Quality is the PSNR to aim at in tenths of dB, 120 (smallest file) to 600."""

    name = "jpeg2000"
    identity_name, version, libraries = "jpeg2000", 1, ("pillow",)
    suffix = ".j2k"
    qualities = range(120, 601)
    start = 280
    doubling = 60

    def encoders(self, image: Image) -> list[Encoder]:
        check_side(image, "JPEG 2000", 65535)
        return [_encoder(PILImage.fromarray(image))]

    def decode(self, data: bytes, shape: tuple[int, int] | None = None) -> Image:
        """uint8 (H, W, 3) RGB of a codestream, or of a JP2 file."""
        return load(data, "JPEG2000", shape)


def _encoder(picture: PILImage.Image) -> Encoder:
    """Tenths of dB to codestream. Decomposed until the lowest band has about 12 samples a side (measured best)."""
    bits = min(picture.size).bit_length()
    options = {"irreversible": True, "mct": 1, "num_resolutions": min(6, max(2, bits - 3), bits)}

    def encode(quality: int) -> bytes:
        aim = {"quality_mode": "dB", "quality_layers": [quality / 10]}
        return save(picture, "JPEG2000", no_jp2=True, comment="x", **aim, **options).replace(COMMENT, b"", 1)

    return encode

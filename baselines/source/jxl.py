"""JPEG XL: bare codestreams of lossy VarDCT pictures."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from baselines.source.base import DecodeError
from baselines.source.pillow_codec import check_side, check_size
from baselines.source.search import Encoder, SearchedCodec
from linksim.errors import missing_extra
from linksim.link import Image

SIGNATURE = b"\xff\x0a"
SIZE_BITS = (9, 13, 18, 30)
RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height, by the header's aspect ratio 1 to 7."""


class JPEGXL(SearchedCodec):
    """JPEG XL of libjxl, effort 7. Quality is libjxl's scale, 0 (smallest file) to 99."""

    name = "jxl"
    identity_name, version, libraries = "jxl", 1, ("pillow-jxl-plugin",)
    suffix = ".jxl"
    qualities = range(100)
    start = 30
    doubling = 45
    wiggle = 6

    def encoders(self, image: Image) -> list[Encoder]:
        check_side(image, "JPEG XL", 1 << 18)
        height, width = image.shape[:2]
        pixels = np.ascontiguousarray(image).tobytes()

        def encode(quality: int) -> bytes:
            options = {"decoding_speed": 0, "effort": 7, "use_container": False, "use_original_profile": False}
            encoder = _library().Encoder(mode="RGB", lossless=False, quality=quality, num_threads=0, **options)
            return encoder(pixels, width, height, jpeg_encode=False, exif=None, jumb=None, xmp=None, compress=False)

        return [encode]

    def decode(self, data: bytes, shape: tuple[int, int] | None = None) -> Image:
        """uint8 (H, W, 3) RGB of a codestream without alpha; files in a container of boxes are refused."""
        if data[:2] != SIGNATURE:
            raise DecodeError("not a JPEG XL codestream: it does not begin with ff 0a")
        library = _library()
        height, width = size = _size(data)
        check_size("JPEG XL", (width, height), shape)  # the decoder allocates what the header says
        try:
            _, info, pixels, *_ = library.Decoder(num_threads=0)(data)
        except Exception as err:  # libjxl's errors, of several kinds
            raise DecodeError(f"malformed JPEG XL file: {err}") from err
        channels = {"L": 1, "RGB": 3}.get(info.mode)
        if channels is None or (info.height, info.width) != size or len(pixels) != channels * height * width:
            raise DecodeError(f"JPEG XL file of mode {info.mode}: one upright picture, grey or RGB, can be read")
        samples = np.frombuffer(pixels, np.uint8).reshape(height, width, channels)
        return np.array(np.broadcast_to(samples, (height, width, 3)))


def _library() -> ModuleType:
    try:
        import pillow_jxl
    except ImportError as error:
        raise missing_extra("JPEG XL", "codecs") from error
    return pillow_jxl


def _size(data: bytes) -> tuple[int, int]:
    """(height, width) of a codestream's SizeHeader, least significant bit first (ISO/IEC 18181-1, D.2)."""
    value = int.from_bytes(data[2:14], "little")

    def u(width: int) -> int:
        nonlocal value
        bits, value = value & ((1 << width) - 1), value >> width
        return bits

    def side(small: int) -> int:
        return 8 * (1 + u(5)) if small else 1 + u(SIZE_BITS[u(2)])

    small = u(1)
    height = side(small)
    ratio = u(3)
    if not ratio:
        return height, side(small)
    across, down = RATIOS[ratio - 1]
    return height, height * across // down

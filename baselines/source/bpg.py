"""BPG: HEVC still pictures in the container of F. Bellard's Better Portable Graphics, version 0.9.5 and later.

x265 and libde265 inside pillow-heif do the coding; the container, the colours and the resampling are done here.
Pictures with a side under 57 pixels are encoded by the x265 inside PyAV, because libheif pads them too far.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from baselines.source import bpg_format, chroma, heif, libav
from baselines.source.bpg_format import BPGFile, ColorSpace, PixelFormat
from baselines.source.search import Encoder, SearchedCodec
from linksim.errors import LinksimError
from linksim.link import Image


class BPG(SearchedCodec):
    """BPG with x265. Quality is the quantisation parameter QP, 51 (smallest file) to 0.

    pixel_formats: the chroma samplings that a byte budget chooses between by PSNR; ``encode`` takes the first.
    """

    name = "bpg"
    identity_name, version, libraries = "bpg", 1, ("pillow-heif",)  # without PyAV: setup.cfg keeps it to one release
    suffix = ".bpg"
    qualities = range(51, -1, -1)
    start = 38
    doubling = 6

    def __init__(self, pixel_formats: tuple[PixelFormat, ...] = (PixelFormat.C420, PixelFormat.C444)) -> None:
        self.pixel_formats = pixel_formats

    def encoders(self, image: Image) -> list[Encoder]:
        height, width = image.shape[:2]
        if height * width > bpg_format.MAX_PIXELS:
            raise LinksimError(f"image of {width}x{height} pixels: BPG takes {bpg_format.MAX_PIXELS} at most")
        return [_encoder(image, pixel_format) for pixel_format in self.pixel_formats]

    def decode(self, data: bytes, shape: tuple[int, int] | None = None) -> Image:
        """uint8 (H, W, 3) RGB of any 8-bit still BPG file without alpha, sample for sample as ``bpgdec`` gives it."""
        file = bpg_format.parse(data, shape)
        coded = (file.tools.padded(file.width), file.tools.padded(file.height))
        planes = heif.decode_planes(file.tools, file.pixel_format.chroma_format, *coded, file.nals)
        cropped = _crop(planes, file)
        return chroma.to_rgb(cropped, file.pixel_format, file.color_space, file.limited_range)


def _encoder(image: Image, pixel_format: PixelFormat) -> Encoder:
    """QP to file, the colour conversion done once."""
    height, width = image.shape[:2]
    chroma_format = pixel_format.chroma_format
    rows, columns = heif.STEPS.get(chroma_format, (1, 1))
    block = 8 if min(height, width) > 8 else libav.SMALLEST_SIDE  # BPG pads to whole coding blocks
    coded = (-(-height // block) * block, -(-width // block) * block)
    luma, *colors = chroma.from_rgb(image, pixel_format)
    planes = [_pad(luma, coded)] + [_pad(plane, (coded[0] // rows, coded[1] // columns)) for plane in colors]

    def encode(qp: int) -> bytes:
        if min(height, width) < heif.SMALLEST_SIDE:
            tools, nals = libav.encode_planes(planes, chroma_format, qp, block)
        else:
            tools, nals = heif.encode_planes(planes, chroma_format, qp)
        return BPGFile(width, height, pixel_format, ColorSpace.BT601, False, tools, nals).tobytes()

    return encode


def _pad(plane: npt.NDArray[np.uint8], shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    return np.pad(plane, ((0, shape[0] - plane.shape[0]), (0, shape[1] - plane.shape[1])), mode="edge")


def _crop(planes: heif.Planes, file: BPGFile) -> heif.Planes:
    """Planes without their padding; half-size chroma keeps the half sample at an odd edge."""
    rows, columns = heif.STEPS.get(file.pixel_format.chroma_format, (1, 1))
    luma, *colors = planes
    size = (-(-file.height // rows), -(-file.width // columns))
    return [luma[: file.height, : file.width]] + [plane[: size[0], : size[1]] for plane in colors]

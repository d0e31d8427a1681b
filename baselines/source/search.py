"""The largest quality that fits a byte budget, in few encodes."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence

import numpy as np

from baselines.source.base import SourceCodec
from linksim.errors import LinksimError
from linksim.link import Image

Encoder = Callable[[int], bytes]
"""Quality, on the codec's own scale, to the whole file."""


def largest_fitting(encode: Encoder, qualities: Sequence[int], max_bytes: int) -> bytes | None:
    """The file of the best quality within ``max_bytes``; None if the lowest quality exceeds it.

    File sizes grow about exponentially with quality, so the next probe is where the straight line through the
    logarithms of the bracketing sizes meets the budget; every second probe halves the bracket, which bounds their
    number by 2 log2(len(qualities)) whatever the sizes do.
    """
    low_file = encode(qualities[0])
    if len(low_file) > max_bytes:
        return None
    low, high = 0, len(qualities)
    high_bytes: int | None = None
    halve = False
    while high - low > 1:
        probe = (low + high) // 2
        if high_bytes and not halve:
            rise = math.log(high_bytes / len(low_file))
            share = math.log(max_bytes / len(low_file)) / rise if rise > 0 else 0.5
            probe = min(max(low + round(share * (high - low)), low + 1), high - 1)
        halve = not halve if high_bytes else False
        file = encode(qualities[probe])
        if len(file) <= max_bytes:
            low, low_file = probe, file
        else:
            high, high_bytes = probe, len(file)
    return low_file


def check_image(image: Image) -> None:
    """LinksimError unless ``image`` is uint8 (H, W, 3) with at least one pixel."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        got = f"{getattr(image, 'dtype', type(image).__name__)} {getattr(image, 'shape', '')}".strip()
        raise LinksimError(f"image is {got}: must be uint8 (height, width, 3)")
    if not image.size:
        raise LinksimError(f"image of {image.shape[1]}x{image.shape[0]} pixels: must have at least one")


class SearchedCodec(SourceCodec):
    """A codec that meets a byte budget by searching its quality scale, once for each way it can sample colour."""

    @abstractmethod
    def encoders(self, image: Image) -> list[Encoder]:
        """The ways to encode a checked image, the customary one first; LinksimError if its size cannot be coded."""

    def encode(self, image: Image, quality: int) -> bytes:
        """The whole file at a quality of the codec's own scale, colour sampled in the customary way."""
        if quality not in self.qualities:
            low, high = sorted((self.qualities[0], self.qualities[-1]))
            raise LinksimError(f"{self.name} quality {quality}: must be a whole number from {low} to {high}")
        check_image(image)
        return self.encoders(image)[0](quality)

    def encode_to_budget(self, image: Image, max_bytes: int) -> bytes | None:
        """The file with the best RGB PSNR among the largest that fit, one for each sampling of colour."""
        check_image(image)
        found = [largest_fitting(encode, self.qualities, max_bytes) for encode in self.encoders(image)]
        files = [file for file in found if file is not None]
        if len(files) < 2:
            return files[0] if files else None
        return min(files, key=lambda file: self._squared_error(image, file))

    def smallest(self, image: Image) -> bytes:
        """The smallest file at the lowest quality."""
        check_image(image)
        return min((encode(self.qualities[0]) for encode in self.encoders(image)), key=len)

    def _squared_error(self, image: Image, file: bytes) -> int:
        difference = image.astype(np.int32) - self.decode(file, image.shape[:2])
        return int(np.sum(difference * difference, dtype=np.int64))

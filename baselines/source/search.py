"""The largest quality that fits a byte budget, in few encodes."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from baselines.source.base import SourceCodec
from linksim.errors import LinksimError
from linksim.link import Image

Encoder = Callable[[int], bytes]
"""Quality, on the codec's own scale, to the whole file."""


class Found(NamedTuple):
    """A file and the quality it was coded at."""

    quality: int
    file: bytes


def largest_fitting(
    encode: Encoder, qualities: Sequence[int], max_bytes: int, *, start: int, doubling: int, wiggle: int
) -> Found | None:
    """The file of the best quality within ``max_bytes``; None if the lowest qualities exceed it.

    start: the quality tried first. doubling: steps of quality that about double a file. wiggle: a file may be larger
    than those of this many qualities above it, so that many are tried beyond the first that is too large.

    Sizes grow about exponentially, so the next probe is where the line through the logarithms of the bracket's sizes
    meets the budget. After five probes the bracket is halved instead, which bounds their number whatever the sizes do.
    """
    sizes: dict[int, int] = {}
    fitting: dict[int, bytes] = {}

    def fits(index: int) -> bool:
        file = encode(qualities[index])
        sizes[index] = len(file)
        if len(file) <= max_bytes:
            fitting[index] = file
        return index in fitting

    low, high = -1, len(qualities)  # of what is known to fit, and to exceed
    probe = qualities.index(start)
    while high - low > 1:
        low, high = (probe, high) if fits(probe) else (low, probe)
        probe = min(max(_probe(sizes, low, high, max_bytes, doubling), low + 1), high - 1)
    for index in range(high + 1, min(high + 2 + wiggle if low < 0 else high + 1 + wiggle, len(qualities))):
        if index not in sizes:
            fits(index)
    if not fitting:
        return None
    best = max(fitting)
    return Found(qualities[best], fitting[best])


def _probe(sizes: dict[int, int], low: int, high: int, max_bytes: int, doubling: int) -> int:
    """Index near or between the bracket's ends: by size at first, later the middle."""
    if len(sizes) > 5:
        return (low + high) // 2
    if low in sizes and high in sizes and sizes[high] > sizes[low]:
        share = math.log(max_bytes / sizes[low]) / math.log(sizes[high] / sizes[low])
        return low + round((high - low) * share)
    known = low if low in sizes else high
    return known + round(doubling * math.log2(max(max_bytes, 1) / sizes[known]))


def check_image(image: Image) -> None:
    """LinksimError unless ``image`` is uint8 (H, W, 3) with at least one pixel."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        got = f"{getattr(image, 'dtype', type(image).__name__)} {getattr(image, 'shape', '')}".strip()
        raise LinksimError(f"image is {got}: must be uint8 (height, width, 3)")
    if not image.size:
        raise LinksimError(f"image of {image.shape[1]}x{image.shape[0]} pixels: must have at least one")


class SearchedCodec(SourceCodec):
    """A codec that meets a byte budget by searching its quality scale, once for each way it can sample colour.

    start, doubling, wiggle: see ``largest_fitting``; measured on photographs.
    """

    start: int
    doubling: int
    wiggle: int = 0

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

    def search(self, image: Image, max_bytes: int) -> Found | None:
        """The file with the best RGB PSNR among the largest that fit, one for each sampling of colour."""
        check_image(image)
        found: list[Found] = []
        for encode in self.encoders(image):
            start = found[-1].quality if found else self.start  # another sampling ends up near
            attempt = largest_fitting(
                encode, self.qualities, max_bytes, start=start, doubling=self.doubling, wiggle=self.wiggle
            )
            found += [attempt] if attempt else []
        if len(found) < 2:
            return found[0] if found else None
        return min(found, key=lambda attempt: self._squared_error(image, attempt.file))

    def encode_to_budget(self, image: Image, max_bytes: int) -> bytes | None:
        found = self.search(image, max_bytes)
        return found.file if found else None

    def smallest(self, image: Image) -> bytes:
        """The smallest file, which may be a step or two above the lowest quality."""
        check_image(image)
        lowest = self.qualities[: self.wiggle + 2]
        return min((encode(quality) for encode in self.encoders(image) for quality in lowest), key=len)

    def _squared_error(self, image: Image, file: bytes) -> int:
        difference = image.astype(np.int32) - self.decode(file, image.shape[:2])
        return int(np.sum(difference * difference, dtype=np.int64))

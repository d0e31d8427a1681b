"""Pictures for a page: equal ones are kept once, and all are encoded as WebP within a limit of bytes."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pillow

from linksim.cache import image_key
from linksim.errors import LinksimError
from linksim.link import Image

MAX_BYTES = 11 << 20
"""Of all pictures of a page, as base64: with the rest the page stays below 15 MB, and phones open it."""
SMALL = 256
"""Pixels of the longer side up to which a picture is kept losslessly, if the limit allows."""
_SAMPLE = 24  # pictures encoded to foresee what all of them take


@dataclass(frozen=True)
class Quality:
    """How pictures are encoded: the longer side is reduced to ``side`` pixels; ``webp`` is WebP's quality, None for
    lossless."""

    side: int
    webp: int | None

    def __str__(self) -> str:
        how = "lossless WebP" if self.webp is None else f"WebP of quality {self.webp}"
        return f"{how}, at most {self.side} pixels wide or high"

    def encode(self, image: Image) -> bytes:
        """The file of a picture."""
        picture = Pillow.fromarray(image)
        picture.thumbnail((self.side, self.side), Pillow.Resampling.LANCZOS)
        file = io.BytesIO()
        picture.save(file, "WEBP", lossless=self.webp is None, quality=self.webp or 50, method=3)
        return file.getvalue()


LADDER = (
    Quality(SMALL, None),
    *(Quality(384, webp) for webp in (95, 90)),
    *(Quality(side, 90) for side in (320, 256, 192, 128)),
)
"""From the best to the least; the first that keeps all pictures within the limit is taken."""


class Album:
    """Pictures by number. ``add`` them all, then ``encode``."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._pictures: list[Image] = []
        self._largest = 0

    def __len__(self) -> int:
        return len(self._pictures)

    def add(self, image: Image) -> int:
        """Number of this picture: that of an equal one, if there is one."""
        key = image_key(image)
        if key not in self._numbers:
            self._numbers[key] = len(self._pictures)
            self._largest = max(self._largest, *image.shape[:2])
            self._pictures.append(_reduced(image))
        return self._numbers[key]

    def encode(self, max_bytes: int = MAX_BYTES) -> tuple[list[str], Quality]:
        """The base64 text of each picture's WebP file, and how they were encoded."""
        for quality in LADDER:
            if quality.webp is None and self._largest > quality.side:
                continue
            if self._foreseen(quality) > max_bytes:
                continue
            files = [base64.b64encode(quality.encode(picture)).decode() for picture in self._pictures]
            if sum(map(len, files)) <= max_bytes:
                return files, quality
        raise LinksimError(f"{len(self)} different pictures make too large a page; show fewer with --images")

    def _foreseen(self, quality: Quality) -> float:
        """About how many bytes all pictures take as base64, from a few of them."""
        few = self._pictures[:: 1 + len(self) // _SAMPLE]
        return sum(len(quality.encode(picture)) for picture in few) / max(1, len(few)) * len(self) * 4 / 3


def _reduced(image: Image) -> Image:
    """The picture at the largest size that may be shown, so that waiting pictures take little memory."""
    picture = Pillow.fromarray(image)
    side = max(quality.side for quality in LADDER)
    if max(picture.size) <= side:
        return image
    picture.thumbnail((side, side), Pillow.Resampling.LANCZOS)
    return np.asarray(picture)

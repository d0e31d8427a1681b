"""Units of work: some images through one method, budget and channel at some SNRs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from linksim.identity import digest
from linksim.link import Budget

if TYPE_CHECKING:
    from linksim.engine.opened import Opened

VERSION = 1
"""Raise it when the engine itself measures something else: noise, block errors, scores."""
PIXELS_PER_UNIT = 1 << 20
MAX_IMAGES_PER_UNIT = 32


@dataclass(frozen=True)
class Unit:
    """A piece of work.

    opened: the experiment with what it names. images: numbers of the images in the data set. id: hash of all that
    determines the rows but for the images and SNRs, which the rows themselves name.
    """

    opened: Opened
    method: str
    budget: Budget
    channel: str
    images: tuple[int, ...]
    snr_db: tuple[float, ...]
    id: str
    contents: tuple[str, ...] = ()
    """The hash of each image (see ``Opened.contents``)."""

    @property
    def part(self) -> str:
        """Name of the file that its rows go to."""
        what = {"unit": self.id, "images": self.contents, "snr_db": self.snr_db}
        return f"part-{digest(what)[:32]}.parquet"

    def only(self, images: Sequence[int], snr_db: Sequence[float]) -> Unit:
        """The same unit for some of its images and SNRs."""
        known = dict(zip(self.images, self.contents, strict=True))
        contents = tuple(known[image] for image in images)
        return replace(self, images=tuple(images), snr_db=tuple(snr_db), contents=contents)

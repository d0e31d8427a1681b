"""What a data set is: a sequence of labelled images whose identity can be hashed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from linksim.link import Image


@dataclass(frozen=True)
class Objects:
    """Ground-truth objects of one image. boxes: (n, 4) float32 pixels x0, y0, x1, y1 (x1, y1 exclusive);
    labels: (n,) int64 into the data set's ``classes``; difficult: (n,) bool, not counted either way (Pascal VOC)."""

    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    difficult: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sample:
    """One image: uint8 (H, W, 3) RGB; ``key`` names it uniquely and stably within its data set; ``label`` is an
    index into the data set's ``classes``; ``sources`` names what it shares with other images (cut-outs,
    backgrounds): the bootstrap resamples the first of them."""

    image: Image
    key: str
    label: int | None = None
    objects: Objects | None = None
    sources: tuple[str, ...] = ()


class Dataset(ABC):
    """Images in a fixed order. Loading is lazy: ``__getitem__`` reads one image, so memory stays flat."""

    name: str = ""
    classes: tuple[str, ...] = ()
    task: str = ""
    """The task that predicts on this data set when the user names none ('' for none)."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Sample: ...

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """JSON-able description of the data: enough that equal identities mean equal images and labels."""

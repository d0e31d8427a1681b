"""What a data set is: a sequence of labelled images whose identity can be hashed."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from linksim.identity import Identified
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


class Dataset(Identified, ABC):
    """Images in a fixed order. Loading is lazy: ``__getitem__`` reads one image, so memory stays flat."""

    name: str = ""
    classes: tuple[str, ...] = ()
    task: str = ""
    """The task that predicts on this data set when the user names none ('' for none)."""
    trusted: bool = False
    """Whether its images are known to be sound, as embedded ones are, so that none is opened to check it."""
    remarks: tuple[str, ...] = ()
    """What was decided when it was opened: part of ``notes``."""

    def __init_subclass__(cls, **options: Any) -> None:
        """What vouches for the images of a class says nothing of a subclass that changes them."""
        super().__init_subclass__(**options)
        if "__getitem__" in vars(cls):
            for name in ("trusted", "digest"):
                if name not in vars(cls):
                    setattr(cls, name, vars(Dataset)[name])

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Sample: ...

    def name_of(self, index: int) -> str:
        """What messages call an image that cannot be read; for files, the key that it would have."""
        return f"image {index}"

    def notes(self) -> tuple[str, ...]:
        """Sentences that a reader of the results needs, such as which files were left out."""
        return self.remarks

    def digest(self, index: int, sample: Sample | None = None) -> str:
        """SHA-256 (hex) of all that is sent and scored of an image, so that equal digests mean equal results.

        It covers pixels, key, label and objects by the names of their classes, and sources. It is computed once.

        Args:
            index: Number of the image.
            sample: The image, if it has been read already.
        """
        known: dict[int, str] = self.__dict__.setdefault("_digests", {})
        if index not in known:
            known[index] = _digest(self[index] if sample is None else sample, self.classes)
        return known[index]


def _digest(sample: Sample, classes: tuple[str, ...]) -> str:
    def name(label: int) -> str:
        return classes[label] if classes else str(label)

    objects = sample.objects
    said = {
        "key": sample.key,
        "shape": sample.image.shape,
        "label": None if sample.label is None else name(int(sample.label)),
        "sources": sample.sources,
        "objects": None if objects is None else [name(int(label)) for label in objects.labels],
        "boxes": None if objects is None else np.asarray(objects.boxes, np.float64).tolist(),
        "difficult": None if objects is None else np.asarray(objects.difficult, bool).tolist(),
    }
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(sample.image).data)
    return digest.hexdigest()

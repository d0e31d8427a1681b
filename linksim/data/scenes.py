"""``scenes``: 384×384 scenes for object detection, composed of embedded cut-outs and backgrounds, with exact boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from linksim.data import embedded
from linksim.data.base import Dataset, Objects, Sample
from linksim.data.compose import VERSION, Box, Dice, backdrop, fit, paste
from linksim.data.embedded import Asset
from linksim.errors import unknown
from linksim.link import Image

SIDE = 384
MOST_OBJECTS = 4
TRIES = 8
"""Places tried for an object before the scene goes without it."""
OVERLAP = 0.1
"""The most that two boxes may share of the smaller one."""
SPLITS = {"train": (("train", "val"), 2000), "test": (("test",), 300)}
CLASSES = tuple(sorted({c.coco for c in embedded.cutouts()} - {""}))


class Scenes(Dataset):
    """One to four objects of classes that COCO has, boxes around what is seen of each. No background of ``test``
    is in ``train``; nor is a cut-out, where a class has several: most have but one or two."""

    name = "scenes"
    classes = CLASSES
    task = "detection"
    description = f"detection, {len(CLASSES)} COCO classes, 384×384, composed of cut-outs and backgrounds"
    splits = tuple(SPLITS)
    embedded = True
    trusted = True
    expects = "nothing: embedded"

    def __init__(self, split: str = "test"):
        if split not in SPLITS:
            raise unknown("split of scenes", split, SPLITS)
        self.split = split
        sides, self._length = SPLITS[split]
        self._backgrounds = [b for b in embedded.backgrounds() if b.scenic and b.split in sides]
        self._cutouts = [_pool(name, sides) for name in CLASSES]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < self._length:
            raise IndexError(f"scenes/{self.split} has {self._length} images, no index {index}")
        dice = Dice(self.name, self.split, index)
        background = self._backgrounds[dice.below(len(self._backgrounds))]
        labels = [index % len(CLASSES)] + [dice.below(len(CLASSES)) for _ in range(dice.below(MOST_OBJECTS))]
        cutouts = [self._cutouts[label][dice.below(len(self._cutouts[label]))] for label in labels]
        scene = Scene(backdrop(embedded.opened(background), SIDE, dice, smallest=0.96))
        for label, cutout in zip(labels, cutouts, strict=True):
            scene.add(cutout, label, dice)
        return Sample(
            scene.image,
            f"{self.split}-{index:05d}",
            objects=scene.objects(),
            sources=(background.of, *(c.name for c in cutouts)),
        )

    def digest(self, index: int, sample: Sample | None = None) -> str:
        return embedded.digest(self.name, self.split, VERSION, index)

    def identity(self) -> dict[str, Any]:
        return {
            "dataset": self.name,
            "split": self.split,
            "images": self._length,
            "composer": VERSION,
            "assets": embedded.fingerprint(),
        }


def _pool(name: str, sides: tuple[str, ...]) -> list[Asset]:
    """A class's cut-outs on this side; all of them where it has none there."""
    of_class = [c for c in embedded.cutouts() if c.coco == name]
    return [c for c in of_class if c.split in sides] or of_class


@dataclass
class Scene:
    """A scene under construction. ``owner``: (H, W), the number of the object that is seen at each pixel, or -1."""

    image: Image

    def __post_init__(self) -> None:
        self.owner: npt.NDArray[np.int8] = np.full(self.image.shape[:2], -1, np.int8)
        self._labels: list[int] = []
        self._boxes: list[Box] = []

    def add(self, cutout: Asset, label: int, dice: Dice) -> None:
        """Paste a cut-out where it hides (almost) nothing of another, if such a place is found."""
        stamp = embedded.opened(cutout)
        width, height = fit(stamp, SIDE, dice, smallest=0.25, largest=0.65)
        for _ in range(TRIES):
            box = (dice.below(SIDE - width + 1), dice.below(SIDE - height + 1), width, height)
            if all(_shared(box, other) <= OVERLAP for other in self._boxes):
                break
        else:
            return
        mirror = cutout.label != "road sign" and dice.uniform() < 0.5
        alpha = paste(self.image, stamp, box, dice, mirror)
        left, top = box[:2]
        self.owner[top : top + height, left : left + width][alpha >= 128] = len(self._labels)
        self._boxes.append(box)
        self._labels.append(label)

    def objects(self) -> Objects:
        """Tight boxes around the pixels (at least half opaque) at which each object is seen."""
        boxes = []
        for number in range(len(self._labels)):
            rows, columns = np.nonzero(self.owner == number)
            boxes.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
        return Objects(
            np.array(boxes, np.float32), np.array(self._labels, np.int64), np.zeros(len(self._labels), np.bool_)
        )


def _shared(a: Box, b: Box) -> float:
    """Area of two boxes' intersection over the area of the smaller one."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0, width) * max(0, height) / min(a[2] * a[3], b[2] * b[3])

"""``stamps10``: 96×96 images of ten classes, composed of embedded cut-outs and backgrounds."""

from __future__ import annotations

from typing import Any

from PIL import Image as Pillow

from linksim.data import embedded
from linksim.data.base import Dataset, Sample
from linksim.data.compose import VERSION, Dice, backdrop, fit, paste
from linksim.errors import unknown
from linksim.link import Image

SIDE = 96
CLASSES = (
    "bird",
    "hoofed animal",
    "carnivore",
    "fruit",
    "vegetable",
    "flower",
    "vehicle",
    "tool",
    "road sign",
    "planet",
)
# split: (split of its cut-outs, split of its backgrounds, images)
SPLITS = {
    "train": ("train", "train", 20_000),
    "val": ("val", "val", 500),
    "test": ("test", "test", 1000),
    "test-seen": ("train", "test", 1000),
}


class Stamps10(Dataset):
    """Ten classes in turn, a class's cut-outs in turn; background, place, size and tone at random. ``test`` has
    cut-outs and backgrounds that ``train`` has not, ``test-seen`` the cut-outs of ``train`` on the backgrounds
    of ``test``."""

    name = "stamps10"
    classes = CLASSES
    task = "classify"
    description = "10 classes, 96×96, composed of photographic cut-outs and backgrounds"
    splits = tuple(SPLITS)
    embedded = True
    trusted = True
    expects = "nothing: embedded"

    def __init__(self, split: str = "test"):
        if split not in SPLITS:
            raise unknown("split of stamps10", split, SPLITS)
        self.split = split
        cutout_split, background_split, self._length = SPLITS[split]
        cutouts = [c for c in embedded.cutouts() if c.split == cutout_split]
        self._cutouts = [[c for c in cutouts if c.label == label] for label in CLASSES]
        self._backgrounds = [b for b in embedded.backgrounds() if b.split == background_split]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Sample:
        """Image ``index`` of the split; the train split may be indexed beyond its length, without end."""
        if index < 0 or (index >= self._length and self.split != "train"):
            raise IndexError(f"stamps10/{self.split} has {self._length} images, no index {index}")
        label = index % len(CLASSES)
        pool = self._cutouts[label]
        cutout = pool[index // len(CLASSES) % len(pool)]
        dice = Dice(self.name, self.split, index)
        background = self._backgrounds[dice.below(len(self._backgrounds))]
        mirror = cutout.label != "road sign"
        image = compose(embedded.opened(cutout), embedded.opened(background), dice, mirror)
        return Sample(image, f"{self.split}-{index:05d}", label, sources=(cutout.name, background.of))

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


def compose(cutout: Pillow.Image, background: Pillow.Image, dice: Dice, mirror: bool) -> Image:
    """One 96×96 image: the premultiplied cut-out wholly in view, its longer side 0.55 to 1 of the image's; ``mirror``:
    whether it may be mirrored."""
    canvas = backdrop(background, SIDE, dice, smallest=0.4)
    width, height = fit(cutout, SIDE, dice, smallest=0.55, largest=1.0)
    box = (dice.below(SIDE - width + 1), dice.below(SIDE - height + 1), width, height)
    paste(canvas, cutout, box, dice, mirror and dice.uniform() < 0.5)
    return canvas

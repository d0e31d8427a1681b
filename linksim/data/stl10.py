"""STL-10 in its official binary files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from linksim.data.base import Dataset, Sample
from linksim.data.files import fingerprint, first_existing, missing, read_words, require_folder
from linksim.errors import LinksimError, unknown

SIDE = 96
CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")


class STL10(Dataset):
    """96×96 images of ten classes, memory-mapped. ``unlabeled`` has no labels. No task that is shipped knows these
    classes: train a head (``linksim train-task``) or bring a network."""

    name = "stl10"
    description = "STL-10, 96×96, 10 classes"
    splits = ("test", "train", "unlabeled")
    embedded = False
    expects = (
        "test_X.bin, test_y.bin (train_, unlabeled_X.bin) and class_names.txt, of stl10_binary.tar.gz; "
        "from https://cs.stanford.edu/~acoates/stl10/"
    )

    def __init__(self, root: Path, split: str = "test"):
        if split not in self.splits:
            raise unknown("split of stl10", split, self.splits)
        self.root = require_folder(self.name, Path(root), self.expects)
        self.root = first_existing([self.root / "stl10_binary"]) or self.root
        self.split = split
        self._pixels = self._map_pixels(self._require(f"{split}_X.bin"))
        self._labels = None if split == "unlabeled" else self._read_labels(self._require(f"{split}_y.bin"))
        names = self.root / "class_names.txt"
        self.classes = tuple(read_words(names)) if names.is_file() else CLASSES
        if len(self.classes) != len(CLASSES):
            raise LinksimError(f"{names}: {len(self.classes)} class names, expected {len(CLASSES)}")

    def _require(self, file: str) -> Path:
        path = self.root / file
        if not path.is_file():
            raise missing(self.name, self.root, f"no {file}", self.expects)
        return path

    def _map_pixels(self, path: Path) -> npt.NDArray[np.uint8]:
        """(N, 96, 96, 3). In the file: image, colour plane, column, row."""
        size, each = path.stat().st_size, 3 * SIDE * SIDE
        if size == 0 or size % each:
            what = f"{path.name} has {size} bytes, not a whole number of images of {each}: half-copied?"
            raise missing(self.name, self.root, what, self.expects)
        flat: npt.NDArray[np.uint8] = np.memmap(path, np.uint8, mode="r")
        return flat.reshape(-1, 3, SIDE, SIDE).transpose(0, 3, 2, 1)

    def _read_labels(self, path: Path) -> npt.NDArray[np.uint8]:
        labels = np.fromfile(path, np.uint8)
        if len(labels) != len(self._pixels):
            what = f"{len(labels)} labels for {len(self._pixels)} images: half-copied?"
            raise missing(self.name, self.root, what, self.expects)
        if labels.min() < 1 or labels.max() > len(CLASSES):
            raise LinksimError(f"{path}: labels {labels.min()} to {labels.max()}, expected 1 to {len(CLASSES)}")
        return labels - np.uint8(1)

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(f"stl10/{self.split} has {len(self)} images, no index {index}")
        key = f"{self.split}-{index:06d}"
        label = None if self._labels is None else int(self._labels[index])
        return Sample(np.array(self._pixels[index], order="C"), key, label, sources=(key,))

    def identity(self) -> dict[str, Any]:
        files = [self.root / f"{self.split}_X.bin"]
        files += [] if self._labels is None else [self.root / f"{self.split}_y.bin"]
        return {"dataset": self.name, "split": self.split, "classes": self.classes, **fingerprint(self.root, files)}

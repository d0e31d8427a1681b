"""ImageNet (ILSVRC 2012) in its two usual layouts on disk."""

from __future__ import annotations

import re
from pathlib import Path

from linksim.data.files import first_existing, listing, missing, read_text, require_folder
from linksim.data.folder import ClassFolder
from linksim.errors import LinksimError

SYNSET = re.compile(r"n\d{8}")
SOLUTION = "LOC_val_solution.csv"


def is_synset_folder(path: Path) -> bool:
    return path.is_dir() and SYNSET.fullmatch(path.name) is not None


class ImageNet(ClassFolder):
    """Validation images under folders named by synset (n01440764 ...), or flat beside Kaggle's list of
    their synsets. Images keep their own sizes, so that bits per pixel mean what they say; the task resizes. Classes
    are the synsets that occur: some of the thousand are enough."""

    name = "imagenet"
    task = "imagenet"
    description = "ImageNet (ILSVRC 2012) validation images, labels by synset"
    splits = ("val", "train")
    expects = (
        "n01440764/*.JPEG ... (there or in val/), or Kaggle's ILSVRC/Data/CLS-LOC/val/*.JPEG beside "
        "LOC_val_solution.csv; from https://image-net.org (an account is needed)"
    )

    def __init__(self, root: Path, split: str = "val"):
        self._split = split
        self._solution: dict[str, list[Path]] = {}
        super().__init__(root, split)

    def _class_folders(self) -> list[Path]:
        solution = self.root / SOLUTION
        if self._split == "val" and solution.is_file():
            self._solution = self._read_solution(solution)
            return [self.root / synset for synset in sorted(self._solution)]
        kaggle = self.root / "ILSVRC" / "Data" / "CLS-LOC" / self._split
        base = first_existing([self.root / self._split, kaggle]) or self.root
        self._base, here = base, listing(base)
        folders = [folder for folder in here.folders if is_synset_folder(folder)]
        if folders:
            return folders
        flat = f"{len(here.images)} images but no folder named by a synset in {base.name}/"
        raise missing(self.name, self.root, flat, self.expects)

    def _images(self, folder: Path) -> list[Path]:
        return self._solution.get(folder.name) or super()._images(folder)

    def notes(self) -> tuple[str, ...]:
        return self.remarks if self._solution else super().notes()

    def _read_solution(self, path: Path) -> dict[str, list[Path]]:
        """Images of each synset from lines such as ``ILSVRC2012_val_00000001,n01751748 111 108 470 297``."""
        images = require_folder(self.name, self.root / "ILSVRC" / "Data" / "CLS-LOC" / "val", self.expects)
        solution: dict[str, list[Path]] = {}
        for number, line in enumerate(read_text(path, limit=16 << 20).splitlines()[1:], 2):
            name, _, boxes = line.partition(",")
            synset, image = boxes[:9], images / f"{name}.JPEG"
            if not SYNSET.fullmatch(synset) or not re.fullmatch(r"\w+", name):
                raise LinksimError(f"{path}: line {number}: {line[:40]!r} is not 'IMAGE,SYNSET x y x y ...'")
            if not image.is_file():
                raise missing(self.name, self.root, f"{image.name} is listed but missing", self.expects)
            solution.setdefault(synset, []).append(image)
        return solution

"""Folders of images: plain, in a sub-folder for each class, and Kodak's."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import Any

from linksim.data.base import Dataset, Sample
from linksim.data.files import fingerprint, images_in, missing, require_folder, subfolders
from linksim.data.images import SUFFIXES, read_image
from linksim.errors import unknown


class ImageFolder(Dataset):
    """The image files directly in a folder, in natural order, each at its own size, without labels."""

    name = "folder"
    description = "image files in a folder, no labels"
    splits: tuple[str, ...] = ("test",)
    embedded = False
    expects = f"image files ({' '.join(SUFFIXES)}) directly in the folder"

    def __init__(self, root: Path, split: str = "test"):
        if split not in self.splits:
            raise unknown(f"split of {self.name}", split, self.splits)
        self.root = require_folder(self.name, Path(root), self.expects)
        self._paths = self._list()

    def _list(self) -> list[Path]:
        paths = images_in(self.root)
        if not paths:
            raise missing(self.name, self.root, "no image in it", self.expects)
        return paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Sample:
        key = self.name_of(index)
        return Sample(read_image(self._paths[index]), key, sources=(key,))

    def name_of(self, index: int) -> str:
        return self._paths[index].name

    def identity(self) -> dict[str, Any]:
        return {"dataset": self.name, **fingerprint(self.root, self._paths)}


class Kodak(ImageFolder):
    """The 24 images of the Kodak lossless true-colour suite, 768×512 or 512×768."""

    name = "kodak"
    description = "Kodak lossless true-colour suite, 24 photographs"
    expects = "kodim01.png to kodim24.png directly in the folder; from https://r0k.us/graphics/kodak/"

    def _list(self) -> list[Path]:
        paths = [self.root / f"kodim{number:02}.png" for number in range(1, 25)]
        absent = [path.name for path in paths if not path.is_file()]
        if absent:
            some = ", ".join(absent[:3]) + " ..." * (len(absent) > 3)
            raise missing(self.name, self.root, f"{len(absent)} of 24 missing ({some})", self.expects)
        return paths


class ClassFolder(Dataset):
    """A sub-folder for each class, named as the class, with its images in natural order: the first of each class, then
    the second of each and so on, so that the first N are of as many classes as can be."""

    name = "class-folder"
    description = "a sub-folder of images for each class"
    splits: tuple[str, ...] = ("test",)
    embedded = False
    expects = "a sub-folder for each class, with its image files in it"

    def __init__(self, root: Path, split: str = "test"):
        if split not in self.splits:
            raise unknown(f"split of {self.name}", split, self.splits)
        self.root = require_folder(self.name, Path(root), self.expects)
        folders = self._class_folders()
        self.classes = tuple(folder.name for folder in folders)
        rounds = zip_longest(*(self._images(folder) for folder in folders))
        self._items = [(path, label) for paths in rounds for label, path in enumerate(paths) if path is not None]

    def _class_folders(self) -> list[Path]:
        folders = subfolders(self.root)
        if not folders:
            raise missing(self.name, self.root, "no sub-folder in it", self.expects)
        return folders

    def _images(self, folder: Path) -> list[Path]:
        images = images_in(folder)
        if not images:
            raise missing(self.name, self.root, f"no image in its sub-folder {folder.name!r}", self.expects)
        return images

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Sample:
        (path, label), key = self._items[index], self.name_of(index)
        return Sample(read_image(path), key, label, sources=(key,))

    def name_of(self, index: int) -> str:
        path, _ = self._items[index]
        return f"{path.parent.name}/{path.name}"

    def identity(self) -> dict[str, Any]:
        return {"dataset": self.name, "classes": self.classes, **fingerprint(self.root, [p for p, _ in self._items])}

"""Folders of images: plain, in a sub-folder for each class, and Kodak's."""

from __future__ import annotations

from collections import Counter
from itertools import zip_longest
from pathlib import Path
from typing import Any

from linksim.data.base import Dataset, Sample
from linksim.data.files import fingerprint, holds_images, left_out, listing, missing, require_folder
from linksim.data.images import SUFFIXES, read_image
from linksim.errors import as_text, unknown


class ImageFolder(Dataset):
    """The image files directly in a folder, sorted by name as text, each at its own size, without labels."""

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
        paths = listing(self.root).images
        if not paths:
            raise missing(self.name, self.root, "no image in it", self.expects)
        return list(paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Sample:
        key = self.name_of(index)
        return Sample(read_image(self._paths[index]), key, sources=(key,))

    def name_of(self, index: int) -> str:
        return as_text(self._paths[index].name)

    def notes(self) -> tuple[str, ...]:
        here = listing(self.root)
        rest = left_out(here.others, here.hidden, here.folders)
        said = [f"Of {as_text(self.root)}, the image files directly in it are read; left out: {rest}."] if rest else []
        if any(map(holds_images, here.folders)):
            said.append(f"For a class of each sub-folder, write --dataset class-folder:{as_text(self.root)}.")
        return (*super().notes(), *said)

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
            what = f"{len(absent)} of 24 missing ({some}); write folder:{as_text(self.root)} to take what is there"
            raise missing(self.name, self.root, what, self.expects)
        return paths


class ClassFolder(Dataset):
    """A sub-folder for each class, named as the class. Classes, and images within a class, are sorted by name as text:
    label 2 of folders named by number is "10", as with torchvision and Keras. Images come in turns, the first of each
    class, then the second of each and so on, so that the first N are of as many classes as can be."""

    name = "class-folder"
    description = "a sub-folder of images for each class"
    splits: tuple[str, ...] = ("test",)
    embedded = False
    expects = "a sub-folder for each class, with its image files in it"

    def __init__(self, root: Path, split: str = "test"):
        if split not in self.splits:
            raise unknown(f"split of {self.name}", split, self.splits)
        self.root = require_folder(self.name, Path(root), self.expects)
        self._base = self.root
        folders = self._class_folders()
        self._folders = folders
        self.classes = tuple(as_text(folder.name) for folder in folders)
        rounds = zip_longest(*(self._images(folder) for folder in folders))
        self._items = [(path, label) for paths in rounds for label, path in enumerate(paths) if path is not None]

    def _class_folders(self) -> list[Path]:
        folders = listing(self.root).folders
        if not folders:
            raise missing(self.name, self.root, "no sub-folder in it", self.expects)
        return list(folders)

    def _images(self, folder: Path) -> list[Path]:
        images = listing(folder).images
        if not images:
            raise missing(self.name, self.root, f"no image in its sub-folder {as_text(folder.name)!r}", self.expects)
        return list(images)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Sample:
        (path, label), key = self._items[index], self.name_of(index)
        return Sample(read_image(path), key, label, sources=(key,))

    def name_of(self, index: int) -> str:
        path, _ = self._items[index]
        return as_text(f"{path.parent.name}/{path.name}")

    def notes(self) -> tuple[str, ...]:
        here, inside = listing(self._base), [listing(folder) for folder in self._folders if folder.is_dir()]
        others = sum((folder.others for folder in inside), here.others)
        hidden = here.hidden + sum(folder.hidden for folder in inside)
        folders = [f for f in here.folders if f not in self._folders] + [f for each in inside for f in each.folders]
        rest = left_out(others, hidden, folders, here.images)
        where = as_text(self._base)
        said = (
            [f"Of {where}, the image files in a sub-folder for each class are read; left out: {rest}."] if rest else []
        )
        if here.images:
            said.append(f"For the images beside the sub-folders, write --dataset folder:{where}.")
        alike = [name for name, times in Counter(map(str.casefold, self.classes)).items() if times > 1]
        if alike:
            said.append(f"Classes whose names differ in case alone are different classes: {', '.join(alike[:3])}.")
        return (*super().notes(), *said)

    def identity(self) -> dict[str, Any]:
        return {"dataset": self.name, "classes": self.classes, **fingerprint(self.root, [p for p, _ in self._items])}

"""Which loader a folder is for, when the user names none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from linksim.data.cifar10 import BATCHES
from linksim.data.files import images_in, subfolders
from linksim.data.imagenet import SOLUTION, is_synset_folder
from linksim.data.voc import year_folders
from linksim.errors import LinksimError


def guess(path: Path) -> str:
    """Name of the loader (an entry point of ``linksim.datasets``) for what lies in a folder, told by names alone; a
    LinksimError that lists what is recognised where nothing is."""
    root = Path(path)
    if not root.is_dir():
        raise LinksimError(f"data set {root}: {'not a folder' if root.exists() else 'no such folder'}")
    for name, fits in _SIGNS.items():
        if fits(root):
            return name
    raise LinksimError(
        f"data set {root}: neither images, nor sub-folders of images, nor the files of {', '.join(sorted(_SIGNS))}; "
        "`linksim datasets` tells what each expects"
    )


def found(folder: Path) -> dict[Path, str]:
    """The published data sets in a folder and their loaders: the folder itself, since some keep their files in
    sub-folders, or those of its sub-folders that are one, where it is none or they are of several kinds."""
    own = _published(folder)
    inside = {path: _published(path) for path in (subfolders(folder) if folder.is_dir() else [])}
    inside = {path: name for path, name in inside.items() if name}
    return {folder: own} if own and len(set(inside.values())) < 2 else inside


def _published(path: Path) -> str:
    return next((name for name, fits in _SIGNS.items() if name not in _ANYBODYS and fits(path)), "")


def _stl10(root: Path) -> bool:
    return any((root / folder / "test_X.bin").is_file() for folder in (".", "stl10_binary")) or any(
        root.glob("*_X.bin")
    )


def _cifar10(root: Path) -> bool:
    names = [name for batches in BATCHES.values() for name in batches]
    return any((root / folder / name).is_file() for folder in (".", "cifar-10-batches-py") for name in names)


def _imagenet(root: Path) -> bool:
    places = (root, root / "val", root / "train")
    synsets = any(is_synset_folder(f) for place in places if place.is_dir() for f in subfolders(place))
    return synsets or (root / SOLUTION).is_file()


def _kodak(root: Path) -> bool:
    return any(root.glob("kodim[0-9][0-9].png"))


def _class_folder(root: Path) -> bool:
    return not images_in(root) and any(images_in(folder) for folder in subfolders(root))


_SIGNS: dict[str, Callable[[Path], bool]] = {
    "stl10": _stl10,
    "cifar10": _cifar10,
    "voc": lambda root: bool(year_folders(root)),
    "imagenet": _imagenet,
    "kodak": _kodak,
    "class-folder": _class_folder,
    "folder": lambda root: bool(images_in(root)),
}
_ANYBODYS = ("class-folder", "folder")
"""Layouts that nearly any folder of pictures has."""

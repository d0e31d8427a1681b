"""Which loader a folder is for, when the user names none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path

from linksim.data.cifar10 import BATCHES
from linksim.data.files import holds_images, left_out, listing
from linksim.data.imagenet import SOLUTION, is_synset_folder
from linksim.data.voc import year_folders
from linksim.errors import LinksimError, as_text


def guess(path: Path) -> str:
    """Name of the loader (an entry point of ``linksim.datasets``) for what lies in a folder, told by names alone.

    Raises:
        LinksimError: If nothing is recognised: lists what is, and what the folder holds instead.
    """
    root, shown = Path(path), as_text(path)
    if not root.is_dir():
        raise LinksimError(f"data set {shown}: {'not a folder' if root.exists() else 'no such folder'}")
    here = listing(root)
    recognised = _recognise(root, _SIGNS)
    if recognised:
        return recognised
    held = left_out(here.others, here.hidden, here.folders) or "nothing"
    inside = [folder for folder in here.folders if _recognise(folder, _SIGNS)]
    hint = f"write {as_text(inside[0])} for the data set in its sub-folder; " if inside else ""
    raise LinksimError(
        f"data set {shown}: neither images, nor sub-folders of images, nor the files of {', '.join(sorted(_SIGNS))}; "
        f"it holds {held}; {hint}`linksim datasets` tells what each expects"
    )


def found(folder: Path) -> dict[Path, str]:
    """The published data sets in a folder and their loaders: the folder itself, since some keep their files in
    sub-folders, or those of its sub-folders that are one, where it is none or they are of several kinds."""
    own = _recognise(folder, _PUBLISHED)
    inside = {path: _recognise(path, _PUBLISHED) for path in (listing(folder).folders if folder.is_dir() else ())}
    inside = {path: name for path, name in inside.items() if name}
    return {folder: own} if own and len(set(inside.values())) < 2 else inside


def _recognise(root: Path, names: Iterable[str]) -> str:
    """The first of these layouts that a folder has; '' for none, and for a folder that cannot be listed."""
    for name in names:
        with suppress(LinksimError):
            if _SIGNS[name](root):
                return name
    return ""


def _stl10(root: Path) -> bool:
    return any((root / folder / "test_X.bin").is_file() for folder in (".", "stl10_binary")) or any(
        root.glob("*_X.bin")
    )


def _cifar10(root: Path) -> bool:
    names = [name for batches in BATCHES.values() for name in batches]
    return any((root / folder / name).is_file() for folder in (".", "cifar-10-batches-py") for name in names)


def _imagenet(root: Path) -> bool:
    places = (root, root / "val", root / "train")
    synsets = any(is_synset_folder(f) for place in places if place.is_dir() for f in listing(place).folders)
    return synsets or (root / SOLUTION).is_file()


def _kodak(root: Path) -> bool:
    return any(root.glob("kodim[0-9][0-9].png"))


def _class_folder(root: Path) -> bool:
    """More sub-folders hold images than images lie beside them, which are then strays such as an overview."""
    here = listing(root)
    full = (folder for folder in here.folders if holds_images(folder))
    return len(list(islice(full, len(here.images) + 1))) > len(here.images)


_SIGNS: dict[str, Callable[[Path], bool]] = {
    "stl10": _stl10,
    "cifar10": _cifar10,
    "voc": lambda root: bool(year_folders(root)),
    "imagenet": _imagenet,
    "kodak": _kodak,
    "class-folder": _class_folder,
    "folder": lambda root: bool(listing(root).images),
}
_PUBLISHED = [name for name in _SIGNS if name not in ("class-folder", "folder")]
"""All but the layouts that nearly any folder of pictures has."""

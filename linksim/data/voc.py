"""Pascal VOC: the layout of VOC2007 and VOC2012, read and written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image as Pillow

from linksim.data.base import Dataset, Objects, Sample
from linksim.data.files import fingerprint, first_existing, listing, missing, read_text, read_words, require_folder
from linksim.data.images import read_image
from linksim.errors import LinksimError, unknown

CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)


class PascalVOC(Dataset):
    """Images and boxes of one split, of every year in the folder that has that split (so ``trainval`` of a VOCdevkit
    with both is 07+12). Classes are those for which ``ImageSets/Main`` has a list (``CLASS_SPLIT.txt``)."""

    name = "voc"
    task = "detection"
    description = "Pascal VOC 2007 and 2012, detection"
    splits = ("test", "val", "train", "trainval")
    embedded = False
    expects = (
        "VOC2007/ or VOC2012/ (there or in VOCdevkit/) with Annotations/, ImageSets/Main/SPLIT.txt and JPEGImages/; "
        "from http://host.robots.ox.ac.uk/pascal/VOC/"
    )

    def __init__(self, root: Path, split: str = "test"):
        if split not in self.splits:
            raise unknown("split of voc", split, self.splits)
        self.root, self.split = require_folder(self.name, Path(root), self.expects), split
        every = year_folders(self.root)
        years = [year for year in every if (_main(year) / f"{split}.txt").is_file()]
        if not years:
            where = (
                f"{', '.join(y.name for y in every)} without ImageSets/Main/{split}.txt" if every else "no VOC folder"
            )
            raise missing(self.name, self.root, where, self.expects)
        self.classes = tuple(sorted({name for year in years for name in _listed_classes(year, split)})) or CLASSES
        self._items = [(year, name) for year in years for name in self._names(year)]

    def _names(self, year: Path) -> list[str]:
        path = _main(year) / f"{self.split}.txt"
        names = read_words(path)
        if not names:
            raise missing(self.name, self.root, f"{path.name} of {year.name} lists no image", self.expects)
        for name in names:
            if name in (".", "..") or not re.fullmatch(r"[^/\\\0]+", name):
                raise LinksimError(f"{path}: {name[:40]!r} is not the name of an image")
            for part in (_picture(year, name), _annotation(year, name)):
                if not part.is_file():
                    what = f"{part.relative_to(self.root)} is listed but missing: half-copied?"
                    raise missing(self.name, self.root, what, self.expects)
        return names

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Sample:
        (year, name), key = self._items[index], self.name_of(index)
        objects = read_annotation(_annotation(year, name), self.classes)
        return Sample(read_image(_picture(year, name)), key, objects=objects, sources=(key,))

    def name_of(self, index: int) -> str:
        year, name = self._items[index]
        return f"{year.name}/{name}"

    def identity(self) -> dict[str, Any]:
        files = [part for year, name in self._items for part in (_picture(year, name), _annotation(year, name))]
        return {"dataset": self.name, "split": self.split, "classes": self.classes, **fingerprint(self.root, files)}


def year_folders(root: Path) -> list[Path]:
    """Folders in VOC's layout: the folder itself, or those in it or in its VOCdevkit."""
    if _main(root).is_dir():
        return [root]
    base = first_existing([root / "VOCdevkit"]) or root
    return [folder for folder in listing(base).folders if _main(folder).is_dir()] if base.is_dir() else []


def _main(year: Path) -> Path:
    return year / "ImageSets" / "Main"


def _picture(year: Path, name: str) -> Path:
    return year / "JPEGImages" / f"{name}.jpg"


def _annotation(year: Path, name: str) -> Path:
    return year / "Annotations" / f"{name}.xml"


def _listed_classes(year: Path, split: str) -> list[str]:
    return [path.name.removesuffix(f"_{split}.txt") for path in _main(year).glob(f"*_{split}.txt")]


def read_annotation(path: Path, classes: tuple[str, ...]) -> Objects:
    """Objects of one annotation file. VOC counts pixels from 1 and includes the last, so x0 = xmin − 1 and x1 = xmax
    (xmin = 0, as some tools write, is taken for 1)."""
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # VOC's have none, and entities can expand without end
        raise LinksimError(f"{path}: declares a document type or entities, which an annotation never does")
    try:
        tree = ElementTree.fromstring(text)
        objects = [_object(element, classes) for element in tree.findall("object")]
    except LinksimError as error:
        raise LinksimError(f"{path}: {error}") from None
    except Exception as error:  # expat and float() raise of what they do not understand
        raise LinksimError(f"{path}: not a VOC annotation ({error})") from None
    boxes = np.array([o[0] for o in objects], np.float32).reshape(-1, 4)
    return Objects(boxes, np.array([o[1] for o in objects], np.int64), np.array([o[2] for o in objects], np.bool_))


def _object(element: ElementTree.Element, classes: tuple[str, ...]) -> tuple[list[float], int, bool]:
    name = (element.findtext("name") or "").strip()
    if name not in classes:
        raise unknown("class", name, classes)
    corners = [element.findtext(f"bndbox/{corner}") for corner in ("xmin", "ymin", "xmax", "ymax")]
    x0, y0, x1, y1 = (float(c) if c else float("nan") for c in corners)
    if not (0 <= x0 <= x1 < 1e6 and 0 <= y0 <= y1 < 1e6 and x1 > 0 and y1 > 0):
        raise LinksimError(f"box {corners} of {name!r} is none")
    return (
        [max(x0 - 1, 0.0), max(y0 - 1, 0.0), x1, y1],
        classes.index(name),
        (element.findtext("difficult") or "0").strip() == "1",
    )


def export_voc(dataset: Dataset, root: Path, *, split: str = "test", year: str = "VOC2007") -> Path:
    """Write a detection set in VOC's layout below ``root`` and return the folder made, ``root/year``. Images become
    JPEG of quality 100 without chroma sub-sampling, since the layout knows no other format."""
    folder = Path(root) / year
    if folder.exists():
        raise LinksimError(f"{folder}: exists; a data set is only written to a new folder")
    for part in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (folder / part).mkdir(parents=True)
    present: dict[str, list[set[str]]] = {}
    for sample in (dataset[i] for i in range(len(dataset))):
        if sample.objects is None:
            raise LinksimError(f"data set {dataset.name!r} has no boxes: only a detection set has a VOC layout")
        Pillow.fromarray(sample.image).save(_picture(folder, sample.key), "JPEG", quality=100, subsampling=0)
        names = [dataset.classes[label] for label in sample.objects.labels]
        text = _annotation_text(sample, names, year)
        _annotation(folder, sample.key).write_text(text, encoding="utf-8")
        hard = {n for n, d in zip(names, sample.objects.difficult, strict=True) if d}
        present[sample.key] = [
            set(names),
            hard - {n for n, d in zip(names, sample.objects.difficult, strict=True) if not d},
        ]
    for name in dataset.classes:
        lines = [f"{key} {_flag(name, *sets):>2}" for key, sets in present.items()]
        (_main(folder) / f"{name}_{split}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (_main(folder) / f"{split}.txt").write_text("\n".join(present) + "\n", encoding="utf-8")
    return folder


def _flag(name: str, there: set[str], only_difficult: set[str]) -> int:
    """VOC's 1, -1, 0: present, absent, present but only as difficult."""
    return -1 if name not in there else 0 if name in only_difficult else 1


def _annotation_text(sample: Sample, names: list[str], year: str) -> str:
    assert sample.objects is not None
    height, width = sample.image.shape[:2]
    lines = ["<annotation>", f"\t<folder>{year}</folder>", f"\t<filename>{sample.key}.jpg</filename>"]
    lines += [f"\t<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"]
    for name, box, difficult in zip(names, sample.objects.boxes, sample.objects.difficult, strict=True):
        corners = zip(("xmin", "ymin", "xmax", "ymax"), (box[0] + 1, box[1] + 1, box[2], box[3]), strict=True)
        bounds = "".join(f"<{corner}>{value:g}</{corner}>" for corner, value in corners)
        lines += ["\t<object>", f"\t\t<name>{escape(name)}</name>", f"\t\t<difficult>{int(difficult)}</difficult>"]
        lines += [f"\t\t<bndbox>{bounds}</bndbox>", "\t</object>"]
    return "\n".join([*lines, "</annotation>", ""])

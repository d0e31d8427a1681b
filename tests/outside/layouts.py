"""Small data sets in the official layouts, as their readers find them on disk."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

Pixels = npt.NDArray[np.uint8]
RNG = np.random.default_rng(5)


def picture(height: int = 8, width: int = 10) -> Pixels:
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, pixels: Pixels | None = None) -> Pixels:
    pixels = picture() if pixels is None else pixels
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(pixels).save(path)
    return pixels


def make_stl10(root: Path, split: str = "test", count: int = 3) -> Pixels:
    """As the STL-10 page has it: planes R, G, B, each column by column; labels 1 to 10."""
    images = RNG.integers(0, 256, (count, 96, 96, 3), dtype=np.uint8)
    with (root / f"{split}_X.bin").open("wb") as file:
        for image in images:
            for plane in range(3):
                for column in range(96):
                    file.write(image[:, column, plane].tobytes())
    (root / f"{split}_y.bin").write_bytes(bytes([1, 10, 4][:count]))
    names = "airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck\n"
    (root / "class_names.txt").write_text(names)
    return images


def make_cifar10(root: Path, count: int = 4) -> Pixels:
    """As the CIFAR-10 page has it: rows of 1024 red, 1024 green, 1024 blue values, row by row; a pickled dict."""
    images = RNG.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    rows = np.stack([np.concatenate([image[:, :, plane].ravel() for plane in range(3)]) for image in images])
    batch = {b"batch_label": b"testing batch 1 of 1", b"labels": [3, 8, 0, 9][:count], b"data": rows}
    for name in ("test_batch", *(f"data_batch_{i}" for i in range(1, 6))):
        (root / name).write_bytes(pickle.dumps(batch, protocol=2))
    return images


ANNOTATION = """<annotation><folder>VOC2007</folder><filename>000005.jpg</filename>
<size><width>10</width><height>8</height><depth>3</depth></size>
<object><name>chair</name><pose>Rear</pose><truncated>0</truncated><difficult>0</difficult>
 <bndbox><xmin>2</xmin><ymin>1</ymin><xmax>10</xmax><ymax>8</ymax></bndbox>
 <part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part></object>
<object><name>person</name><difficult>1</difficult>
 <bndbox><ymin>2</ymin><xmin>1.5</xmin><ymax>3</ymax><xmax>4</xmax></bndbox></object></annotation>"""


def make_voc(root: Path, year: str = "VOC2007", split: str = "test", annotation: str = ANNOTATION) -> Path:
    folder = root / "VOCdevkit" / year
    save(folder / "JPEGImages" / "000005.jpg")
    (folder / "Annotations").mkdir()
    (folder / "Annotations" / "000005.xml").write_text(annotation)
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("000005\n")
    return folder


def make_imagenet(root: Path) -> Pixels:
    save(root / "val" / "n01440764" / "ILSVRC2012_val_00000293.JPEG")
    save(root / "val" / "n02102040" / "ILSVRC2012_val_00000665.JPEG")
    return save(root / "val" / "n02102040" / "b.png")


def make_kodak(root: Path) -> None:
    for number in range(1, 25):
        save(root / f"kodim{number:02}.png")


def make_class_folder(root: Path) -> None:
    for name in ("cat", "bird"):
        save(root / name / "1.png")


def make_folder(root: Path) -> None:
    for name in ("img10.png", "img9.png", "Img1.PNG"):
        save(root / name)
    (root / "notes.txt").write_text("no image")
    (root / ".hidden.png").write_bytes(b"no image either")

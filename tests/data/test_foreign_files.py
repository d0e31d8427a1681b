"""Garbled and cut files of others: a LinksimError or a sound result, never anything else."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linksim.data.base import Dataset
from linksim.data.cifar10 import read_batch
from linksim.data.detect import guess
from linksim.data.folder import ImageFolder
from linksim.data.imagenet import ImageNet
from linksim.data.stl10 import STL10
from linksim.data.voc import PascalVOC, read_annotation
from linksim.errors import LinksimError

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
VALID_BATCH = pickle.dumps({b"labels": [1, 2], b"data": np.zeros((2, 3072), np.uint8)}, protocol=2)
VALID_XML = (
    b"<annotation><object><name>cat</name><difficult>0</difficult><bndbox><xmin>1</xmin><ymin>1</ymin>"
    b"<xmax>5</xmax><ymax>4</ymax></bndbox></object></annotation>"
)


@st.composite
def damaged(draw: st.DrawFn, valid: bytes) -> bytes:
    """A valid file that was cut short, had bytes overwritten, or had a piece put in."""
    content = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, min(len(content), 400) - 1)))
        piece = draw(st.binary(min_size=1, max_size=8))
        match draw(st.sampled_from(("cut", "overwrite", "insert"))):
            case "cut":
                del content[at + 1 :]
            case "overwrite":
                content[at : at + len(piece)] = piece
            case "insert":
                content[at:at] = piece
    return bytes(content)


def sound(action: Callable[[], object]) -> None:
    """Run what may succeed or fail, but only with a LinksimError of one line."""
    message = ""
    try:
        action()
    except LinksimError as error:
        message = str(error)
    assert "\n" not in message


@QUICK
@given(st.one_of(st.binary(max_size=300), damaged(VALID_BATCH)))
def test_cifar10_batch(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "test_batch"
    path.write_bytes(content)
    read_batch.cache_clear()

    def check() -> None:
        images, labels = read_batch(path)
        assert images.shape == (len(labels), 32, 32, 3)
        assert 0 <= labels.min() <= labels.max() < 10

    sound(check)


@QUICK
@given(st.one_of(st.binary(max_size=300), damaged(VALID_XML)))
def test_voc_annotation(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "000001.xml"
    path.write_bytes(content)

    def check() -> None:
        objects = read_annotation(path, ("cat", "dog"))
        assert np.isfinite(objects.boxes).all()
        assert (objects.boxes[:, 2:] > objects.boxes[:, :2]).all()

    sound(check)


@QUICK
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_voc_image_list(tmp_path: Path, names: bytes, marker: bytes) -> None:
    main = tmp_path / "VOC2007" / "ImageSets" / "Main"
    main.mkdir(parents=True, exist_ok=True)
    (main / "test.txt").write_bytes(names)
    sound(lambda: PascalVOC(tmp_path))


def test_voc_image_list_cannot_leave_its_folder(tmp_path: Path) -> None:
    main = tmp_path / "VOC2007" / "ImageSets" / "Main"
    main.mkdir(parents=True)
    (main / "test.txt").write_text("../../secret\n")
    with pytest.raises(LinksimError, match=re.escape("'../../secret'")):
        PascalVOC(tmp_path)


@QUICK
@given(st.binary(max_size=40), st.integers(0, 3), st.integers(-2, 2), st.binary(max_size=120))
def test_stl10(tmp_path: Path, labels: bytes, images: int, extra: int, names: bytes) -> None:
    (tmp_path / "test_X.bin").write_bytes(bytes(max(0, images * 27648 + extra)))
    (tmp_path / "test_y.bin").write_bytes(labels)
    (tmp_path / "class_names.txt").write_bytes(names)
    sound(lambda: STL10(tmp_path)[0])


@QUICK
@given(
    st.one_of(
        st.binary(max_size=200), damaged(b"ImageId,PredictionString\nILSVRC2012_val_00000001,n01440764 1 2 3 4\n")
    )
)
def test_imagenet_list(tmp_path: Path, content: bytes) -> None:
    images = tmp_path / "ILSVRC" / "Data" / "CLS-LOC" / "val"
    images.mkdir(parents=True, exist_ok=True)
    (images / "ILSVRC2012_val_00000001.JPEG").write_bytes(b"")
    (tmp_path / "LOC_val_solution.csv").write_bytes(content)
    sound(lambda: ImageNet(tmp_path))


@QUICK
@given(st.binary(max_size=200))
def test_image_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    dataset: Dataset = ImageFolder(tmp_path)
    sound(lambda: dataset[0])


@QUICK
@given(st.sets(st.sampled_from(["VOC2007", "val", "test_X.bin", "n01440764", "kodim01.png", "a.png", "ImageSets"])))
def test_guessing(tmp_path_factory: pytest.TempPathFactory, names: set[str]) -> None:
    folder = tmp_path_factory.mktemp("mixed")
    for name in names:
        (folder / name).mkdir() if "." not in name else (folder / name).write_bytes(b"")
    sound(lambda: guess(folder))

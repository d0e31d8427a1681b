"""All bad images are named at once, and digests tell apart whatever changes a result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign import Plasma, Retold
from layouts import make_voc, picture, save

from linksim.data.base import Dataset, Objects, Sample
from linksim.data.checking import complaint, left_out, listed, readable
from linksim.data.folder import ClassFolder, ImageFolder
from linksim.data.photos import Photos
from linksim.data.scenes import Scenes
from linksim.data.stamps10 import Stamps10
from linksim.data.things import Things
from linksim.data.voc import PascalVOC
from linksim.errors import LinksimError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight files, of which one is cut short, one is empty, one is text and one is transparent."""
    for name in "abcdefgh":
        save(tmp_path / f"{name}.png")
    whole = (tmp_path / "b.png").read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "d.png").write_bytes(b"")
    (tmp_path / "f.png").write_text("no image")
    save(tmp_path / "h.png", np.full((4, 4, 4), 9, np.uint8))
    return tmp_path


def test_all_bad_images_are_named_with_their_reasons(folder: Path) -> None:
    with pytest.raises(LinksimError) as caught:
        readable(ImageFolder(folder), range(8), skip_bad=False)
    message = str(caught.value)
    assert message.startswith("data set 'folder': 4 of 8 images cannot be used: b.png (")
    for said in ("truncated", "d.png (empty file)", "f.png (not an image", "h.png (has transparent", "--skip-bad"):
        assert said in message
    assert str(folder) not in message


def test_the_rest_is_kept_when_bad_images_are_skipped(folder: Path) -> None:
    kept, reasons = readable(ImageFolder(folder), range(1, 8), skip_bad=True)
    assert kept == [2, 4, 6]
    assert list(reasons) == ["b.png", "d.png", "f.png", "h.png"]
    assert left_out(reasons, 7).startswith("4 of 7 images were left out, since they cannot be used: b.png (")
    assert left_out({}, 7) == ""


def test_nothing_to_keep_is_an_error_even_when_bad_images_are_skipped(folder: Path) -> None:
    with pytest.raises(LinksimError, match=r"1 of 1 images cannot be used: d\.png \(empty file\)$"):
        readable(ImageFolder(folder), [3], skip_bad=True)


def test_long_lists_are_shortened() -> None:
    assert listed({f"{i}.png": "bad" for i in range(12)}).endswith("9.png (bad) and 2 more")


def test_bad_annotations_and_bad_images_of_voc_are_named(tmp_path: Path) -> None:
    folder = make_voc(tmp_path)
    for name in ("000006", "000007", "000008"):
        save(folder / "JPEGImages" / f"{name}.jpg")
        (folder / "Annotations" / f"{name}.xml").write_text("<annotation></annotation>")
    (folder / "ImageSets" / "Main" / "test.txt").write_text("000005\n000006\n000007\n000008\n")
    (folder / "Annotations" / "000006.xml").write_text("<annotation>")
    (folder / "JPEGImages" / "000007.jpg").write_bytes(b"\xff\xd8")
    kept, reasons = readable(PascalVOC(tmp_path), range(4), skip_bad=True)
    assert kept == [0, 3]
    assert list(reasons) == ["VOC2007/000006", "VOC2007/000007"]
    assert "not a VOC annotation" in reasons["VOC2007/000006"]


class Failing(Plasma):
    """Raises what data sets of others raise."""

    def __getitem__(self, index: int) -> Sample:
        if index == 2:
            raise KeyError("row\n2")
        if index == 4:
            raise SystemExit("no licence")
        return super().__getitem__(index)


def test_whatever_a_data_set_raises_is_a_reason() -> None:
    kept, reasons = readable(Failing(), range(6), skip_bad=True)
    assert kept == [0, 1, 3, 5]
    assert reasons == {"image 2": "KeyError: 'row\\n2'", "image 4": "SystemExit: no licence"}


def test_two_images_of_one_key_are_told() -> None:
    data = Retold(lambda sample: replace(sample, key="plasma1"))
    with pytest.raises(LinksimError, match=r"image 3 \(plasma1\) \(has the same key as image 1\)"):
        readable(data, range(6), skip_bad=False)


def test_progress_is_told() -> None:
    seen: list[tuple[int, int]] = []
    readable(Plasma(), range(2, 5), skip_bad=False, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_images_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Plasma()
    kept, _ = readable(data, range(6), skip_bad=False)
    monkeypatch.setattr(Plasma, "__getitem__", lambda self, index: pytest.fail("read again"))
    assert len({data.digest(index) for index in kept}) == 6


@pytest.mark.parametrize("data", [Photos(), Stamps10(), Scenes(), Things()], ids=lambda data: data.name)
def test_embedded_images_are_neither_opened_nor_composed(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(data), "__getitem__", lambda self, index: pytest.fail("opened"))
    assert readable(data, range(5), skip_bad=False) == ([0, 1, 2, 3, 4], {})
    assert len({data.digest(index) for index in range(len(data))}) == len(data)


def test_embedded_digests_tell_splits_and_sets_apart() -> None:
    sets = [Photos(), *(Stamps10(s) for s in Stamps10.splits), *(Scenes(s) for s in Scenes.splits)]
    assert len({data.digest(0) for data in sets}) == len(sets)


def test_a_subclass_that_changes_images_is_not_vouched_for() -> None:
    class Mirrored(Photos):
        def __getitem__(self, index: int) -> Sample:
            sample = super().__getitem__(index)
            return replace(sample, image=np.ascontiguousarray(sample.image[:, ::-1]))

    class Few(Photos):
        def __len__(self) -> int:
            return 2

    assert not Mirrored.trusted
    assert Mirrored().digest(0) != Photos().digest(0)
    assert Few.trusted
    assert Few().digest(0) == Photos().digest(0)


def plain(**changes: Any) -> Sample:
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    objects = Objects(np.array([[0, 0, 3, 2]], np.float32), np.array([1]), np.array([False]))
    return replace(Sample(image, "one", 1, objects, ("sky",)), **changes)


class One(Plasma):
    """One sample, with classes."""

    def __init__(self, sample: Sample, classes: tuple[str, ...] = ("warm", "cold")) -> None:
        super().__init__(1)
        self.sample, self.classes = sample, classes

    def __getitem__(self, index: int) -> Sample:
        return self.sample


def test_digest_is_of_the_label_by_name() -> None:
    assert One(plain()).digest(0) == One(plain()).digest(0)
    objects = Objects(np.array([[0, 0, 3, 2]], np.float32), np.array([0]), np.array([False]))
    swapped = plain(label=0, objects=objects)
    assert One(swapped, ("cold", "warm")).digest(0) == One(plain()).digest(0)
    assert One(plain(), ("cold", "warm")).digest(0) != One(plain()).digest(0)


@pytest.mark.parametrize(
    "change",
    [
        {"image": np.arange(1, 4 * 6 * 3 + 1, dtype=np.uint8).reshape(4, 6, 3)},
        {"image": np.arange(4 * 6 * 3, dtype=np.uint8).reshape(6, 4, 3)},
        {"key": "two"},
        {"label": 0},
        {"label": None},
        {"sources": ("sky", "sea")},
        {"objects": None},
        {"objects": Objects(np.array([[0, 0, 3, 3]], np.float32), np.array([1]), np.array([False]))},
        {"objects": Objects(np.array([[0, 0, 3, 2]], np.float32), np.array([0]), np.array([False]))},
        {"objects": Objects(np.array([[0, 0, 3, 2]], np.float32), np.array([1]), np.array([True]))},
    ],
)
def test_digest_changes_with_all_that_is_sent_and_scored(change: dict[str, Any]) -> None:
    assert One(plain(**change)).digest(0) != One(plain()).digest(0)


def test_digest_of_a_file_follows_its_content(tmp_path: Path) -> None:
    pixels = picture()
    for name in ("bird/1.png", "bird/2.png", "cat/1.png"):
        save(tmp_path / name, pixels)
    first = [ClassFolder(tmp_path).digest(index) for index in range(3)]
    assert len(set(first)) == 3  # names and labels differ
    save(tmp_path / "ape" / "1.png")
    assert ClassFolder(tmp_path).digest(1) == first[0]  # another class moves labels, not names
    save(tmp_path / "bird" / "1.png")
    assert ClassFolder(tmp_path).digest(1) != first[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: replace(s, key="\udcff.png"), "must have a key and sources that UTF-8 can write"),
        (lambda s: replace(s, sources=("a", "\udcff")), "must have a key and sources that UTF-8 can write"),
        (lambda s: replace(s, objects=Objects(np.zeros((2, 4)), np.zeros(1), np.zeros(2))), "boxes \\(n, 4\\)"),
        (lambda s: replace(s, objects=Objects(np.zeros(4), np.zeros(1), np.zeros(1))), "boxes \\(n, 4\\)"),
        (lambda s: replace(s, objects=Objects(np.full((1, 4), np.nan), np.zeros(1), np.zeros(1))), "finite boxes"),
        (lambda s: replace(s, objects=Objects(np.array([[3, 0, 1, 1]]), np.zeros(1), np.zeros(1))), "x0 <= x1"),
        (lambda s: replace(s, objects=Objects(np.zeros((1, 4)), np.array([2]), np.zeros(1))), "classes from 0 to 1"),
    ],
)
def test_what_cannot_be_scored_is_told(change: Callable[[Sample], Sample], message: str) -> None:
    with pytest.raises(LinksimError, match=message):
        readable(Retold(change), range(6), skip_bad=False)
    assert complaint(plain(), 2) == ""

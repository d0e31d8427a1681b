"""Folders as people have them: the order of others' loaders, what is left out is said, and no name breaks a run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from layouts import make_voc, save

from linksim.data.checking import readable
from linksim.data.detect import found, guess
from linksim.data.files import listing
from linksim.data.folder import ClassFolder, ImageFolder, Kodak
from linksim.data.imagenet import ImageNet
from linksim.data.voc import PascalVOC
from linksim.errors import LinksimError, as_text

NUMBERS = [str(number) for number in range(12)]
AS_TEXT = ["0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9"]
"""torchvision.datasets.folder.find_classes: sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())"""
UNDECODABLE = os.fsdecode(b"caf\xe9")


def test_classes_named_by_number_are_in_the_order_of_torchvision(tmp_path: Path) -> None:
    for name in NUMBERS:
        save(tmp_path / name / "1.png")
    data = ClassFolder(tmp_path)
    assert list(data.classes) == AS_TEXT
    assert [data.classes[data[i].label or 0] for i in range(12)] == [data[i].key.split("/")[0] for i in range(12)]


@pytest.mark.parametrize(
    "names",
    [
        ["cat", "Dog", "ape"],  # capitals first
        ["class 10", "class 9", "class-1", "class_1", "class1"],
        ["ä", "z", "Z", "é"],
        ["img1", "img01", "img001"],  # one number, three names
    ],
)
def test_other_names_are_in_the_order_of_torchvision(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        save(tmp_path / name / "1.png")
    assert list(ClassFolder(tmp_path).classes) == sorted(names)


def test_images_are_sorted_by_name_as_text(tmp_path: Path) -> None:
    for name in ("img10.png", "img9.png", "Img1.PNG", "img09.png", "img9.jpg"):
        save(tmp_path / "a" / name)
    expected = ["Img1.PNG", "img09.png", "img10.png", "img9.jpg", "img9.png"]
    assert [ImageFolder(tmp_path / "a").name_of(i) for i in range(5)] == expected
    assert [ClassFolder(tmp_path).name_of(i) for i in range(5)] == [f"a/{name}" for name in expected]


def test_synsets_and_years_are_sorted_by_name_as_text(tmp_path: Path) -> None:
    for name in ("n02102040", "n01440764", "n10565667"):
        save(tmp_path / "imagenet" / "val" / name / "1.png")
    assert ImageNet(tmp_path / "imagenet").classes == ("n01440764", "n02102040", "n10565667")
    for year in ("VOC2012", "VOC2007", "VOC10"):
        make_voc(tmp_path, year)
    assert [PascalVOC(tmp_path).name_of(i).split("/")[0] for i in range(3)] == ["VOC10", "VOC2007", "VOC2012"]


def test_whatever_the_formats_are_called_is_read(tmp_path: Path) -> None:
    for name in ("a.jfif", "b.jpe", "c.JPG", "d.j2k", "e.dib", "f.jpx", "g.Tif"):
        save(tmp_path / name)
    (tmp_path / "h.pnm").write_bytes(b"P5 1 1 255\n\0")
    data = ImageFolder(tmp_path)
    assert len(data) == 8
    assert readable(data, range(8), skip_bad=False)[1] == {}
    assert data.notes() == ()


def test_what_a_folder_holds_beside_its_images_is_said(tmp_path: Path) -> None:
    for name in ("a.png", "thumbs/a.png", ".hidden.png"):
        save(tmp_path / name)
    for name in ("b.tga", "c.TGA", "notes.txt", "README", ".DS_Store"):
        (tmp_path / name).touch()
    assert ImageFolder(tmp_path).notes() == (
        f"Of {tmp_path}, the image files directly in it are read; left out: 4 other files (2 .tga, 1 .txt, 1 without "
        "suffix), 1 hidden image, 1 sub-folder (thumbs).".replace("2 .tga, 1 .txt, 1 without suffix", _kinds(tmp_path)),
        f"For a class of each sub-folder, write --dataset class-folder:{tmp_path}.",
    )


def _kinds(folder: Path) -> str:
    """Suffixes that are as frequent stand in the order of the file system."""
    others = listing(folder).others
    assert others == {".tga": 2, ".txt": 1, "": 1}
    return ", ".join(f"{n} {suffix or 'without suffix'}" for suffix, n in others.most_common())


def test_what_a_class_folder_holds_beside_its_images_is_said(tmp_path: Path) -> None:
    for name in ("bird/1.png", "cat/1.png", "Cat/1.png", "overview.png", "cat/more/2.png"):
        save(tmp_path / name)
    (tmp_path / "bird" / "1.xml").touch()
    data = ClassFolder(tmp_path)
    assert len(data) == 3
    assert data.notes() == (
        f"Of {tmp_path}, the image files in a sub-folder for each class are read; left out: 1 image beside the "
        "sub-folders (overview.png), 1 other file (1 .xml), 1 sub-folder (more).",
        f"For the images beside the sub-folders, write --dataset folder:{tmp_path}.",
        "Classes whose names differ in case alone are different classes: cat.",
    )


def test_folders_without_synsets_are_said_of_imagenet(tmp_path: Path) -> None:
    save(tmp_path / "val" / "n01440764" / "1.png")
    save(tmp_path / "val" / "fish" / "1.png")
    assert "left out: 1 sub-folder (fish)" in ImageNet(tmp_path).notes()[0]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["cats/1.png", "dogs/1.png", "overview.png"], "class-folder"),
        (["a.png", "b.png", "thumbs/a.png", "thumbs/b.png"], "folder"),
        (["a.png", "b.png", "masks/a.png", "thumbs/a.png"], "folder"),
        (["a.png", "raw/a.txt", "notes/b.txt", "c/d.txt"], "folder"),
        (["only/1.png"], "class-folder"),
        (["cats/1.png", "dogs/1.png", "lost/x.txt", "one.png"], "class-folder"),
    ],
)
def test_images_beside_sub_folders(tmp_path: Path, files: list[str], expected: str) -> None:
    for name in files:
        if name.endswith(".png"):
            save(tmp_path / name)
        else:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
    assert guess(tmp_path) == expected


def test_a_folder_of_splits_is_told(tmp_path: Path) -> None:
    for name in ("train/cat/1.png", "val/cat/1.png"):
        save(tmp_path / name)
    with pytest.raises(LinksimError, match=f"it holds 2 sub-folders .train, val.; write {tmp_path}/train for the data"):
        guess(tmp_path)


def test_a_folder_of_other_files_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.tga").touch()
    with pytest.raises(LinksimError, match=r"it holds 1 other file \(1 \.tga\)"):
        guess(tmp_path)


def test_some_images_of_kodak_can_be_taken_as_a_folder(tmp_path: Path) -> None:
    save(tmp_path / "kodim01.png")
    with pytest.raises(LinksimError, match=f"23 of 24 missing .*; write folder:{tmp_path} to take what is there"):
        Kodak(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["a b", "a#b", "a+b", "a,b", "a:b", "a%b", "a\\b", "a\nb", "a\tb", "a'b\"c", "🐦", "a\u0301", "-a", UNDECODABLE],
)
def test_any_name_can_be_read_and_written(tmp_path: Path, name: str) -> None:
    save(tmp_path / "classes" / name / f"{name}.png")
    save(tmp_path / "other" / "x.png")
    plain, labelled = ImageFolder(tmp_path / "classes" / name), ClassFolder(tmp_path / "classes")
    assert guess(tmp_path / "classes" / name) == "folder"
    for data in (plain, labelled):
        sample = data[0]
        assert readable(data, [0], skip_bad=False) == ([0], {})
        said = {"key": [sample.key], "source": [sample.sources[0]], "class": [(*data.classes, "")[0]]}
        pd.DataFrame(said).to_parquet(tmp_path / "rows.parquet")
        assert pd.read_parquet(tmp_path / "rows.parquet")["key"][0] == sample.key
        json.dumps([said, data.identity(), data.notes()], ensure_ascii=False).encode()
    if name != UNDECODABLE:
        assert plain[0].key == f"{name}.png"


def test_bytes_that_are_no_text_are_escaped(tmp_path: Path) -> None:
    save(tmp_path / f"{UNDECODABLE}.png")
    assert ImageFolder(tmp_path)[0].key == "caf\\xe9.png"
    (tmp_path / f"{UNDECODABLE}.png").write_bytes(b"")
    with pytest.raises(LinksimError, match=r": caf\\xe9\.png \(empty file\)"):
        readable(ImageFolder(tmp_path), [0], skip_bad=False)


def test_names_that_are_escaped_alike_are_told(tmp_path: Path) -> None:
    save(tmp_path / f"{UNDECODABLE}.png")
    save(tmp_path / "caf\\xe9.png")
    with pytest.raises(LinksimError, match="has the same key as image"):
        readable(ImageFolder(tmp_path), range(2), skip_bad=False)


def test_names_that_differ_in_case_are_two_images(tmp_path: Path) -> None:
    for name in ("a.png", "A.png", "A.PNG"):
        save(tmp_path / name)
    data = ImageFolder(tmp_path)
    assert readable(data, range(3), skip_bad=False)[0] == [0, 1, 2]
    assert len({data.digest(i) for i in range(3)}) == 3


def test_what_cannot_be_opened_is_named_and_not_left_out(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    (tmp_path / "dead.png").symlink_to("nowhere.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    data = ImageFolder(tmp_path)
    assert len(data) == 4
    kept, reasons = readable(data, range(4), skip_bad=True)
    assert (kept, list(reasons)) == ([0], ["dead.png", "loop.png", "pipe.png"])
    assert "1 sub-folder (folder.png)" in data.notes()[0]
    assert data.identity() == ImageFolder(tmp_path).identity()


def test_folders_that_contain_themselves(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "1.png")
    (tmp_path / "cat" / "again").symlink_to(tmp_path)
    (tmp_path / "itself").symlink_to("itself")
    assert guess(tmp_path) == "class-folder"
    assert ClassFolder(tmp_path).classes == ("cat",)
    assert found(tmp_path) == {}


def test_linked_classes_are_classes(tmp_path: Path) -> None:
    save(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "data").mkdir()
    for name in ("a", "b"):
        (tmp_path / "data" / name).symlink_to(tmp_path / "elsewhere")
    assert ClassFolder(tmp_path / "data").classes == ("a", "b")


def test_a_folder_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told by the system's refusal, which root never meets."""
    save(tmp_path / "a.png")
    save(tmp_path / "locked" / "a.png")
    allowed = os.scandir

    def refusing(path: str | Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return allowed(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(LinksimError, match="locked: Permission denied"):
        listing(tmp_path / "locked")
    with pytest.raises(LinksimError, match="locked: Permission denied"):
        guess(tmp_path / "locked")
    assert guess(tmp_path) == "folder"
    assert "1 sub-folder (locked)" in ImageFolder(tmp_path).notes()[0]
    assert found(tmp_path) == {}


def test_many_files_are_listed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One pass over the folder, and no call for each file."""
    for number in range(300):
        (tmp_path / f"{number}.png").touch()
    monkeypatch.setattr(Path, "stat", lambda self, **options: pytest.fail("asked for each file"))
    assert len(listing(tmp_path).images) == 300


def test_names_of_voc_with_spaces_and_signs(tmp_path: Path) -> None:
    folder = make_voc(tmp_path)
    for part, suffix in (("JPEGImages", "jpg"), ("Annotations", "xml")):
        (folder / part / f"000005.{suffix}").rename(folder / part / f"IMG (1) #2+3,4.{suffix}")
    (folder / "ImageSets" / "Main" / "test.txt").write_bytes(b"\xef\xbb\xbfIMG (1) #2+3,4\r\n")  # as Windows writes it
    assert PascalVOC(tmp_path)[0].key == "VOC2007/IMG (1) #2+3,4"


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "/etc/passwd"])
def test_names_of_voc_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    (make_voc(tmp_path) / "ImageSets" / "Main" / "test.txt").write_text(name)
    with pytest.raises(LinksimError, match="is not the name of an image"):
        PascalVOC(tmp_path)


def test_text_as_text() -> None:
    assert as_text("bird") == "bird"
    assert as_text(Path("a") / UNDECODABLE) == "a/caf\\xe9"

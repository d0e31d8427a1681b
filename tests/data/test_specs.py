"""Names of data sets: read without files, written so that they are read again, and opened as they were meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from foreign import Plasma
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layouts import make_kodak, make_voc, save

from linksim import registry
from linksim.data.folder import ClassFolder, ImageFolder
from linksim.data.photos import Photos
from linksim.data.specs import DatasetSpec, open_dataset, parse, parse_several
from linksim.data.voc import PascalVOC
from linksim.errors import LinksimError


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("photos", DatasetSpec("photos")),
        ("stamps10/test-seen", DatasetSpec("stamps10", split="test-seen")),
        ("stamps10#val", DatasetSpec("stamps10", split="val")),
        ("path/to/images", DatasetSpec(path="path/to/images")),
        ("./photos", DatasetSpec(path="./photos")),
        ('"photos"', DatasetSpec(path="photos")),
        ("voc:a/VOCdevkit#val", DatasetSpec("voc", "a/VOCdevkit", "val")),
        ("folder:a:b", DatasetSpec("folder", "a:b")),
        ('folder:"my#dir"#test', DatasetSpec("folder", "my#dir", "test")),
        ('"stl10:x"', DatasetSpec(path="stl10:x")),
        (r'"a\"b\\c\x0a"', DatasetSpec(path='a"b\\c\n')),
        (r'"caf\xe9"', DatasetSpec(path="caf\udce9")),
        (r"C:\data\kodak", DatasetSpec(path=r"C:\data\kodak")),
        (r"kodak:C:\data", DatasetSpec("kodak", r"C:\data")),
        ("foreign:Plasma", DatasetSpec("foreign:Plasma")),
        ("my.own.module:Data_2", DatasetSpec("my.own.module:Data_2")),
        ("a b, c+d", DatasetSpec(path="a b, c+d")),
    ],
)
def test_what_names_mean(text: str, spec: DatasetSpec) -> None:
    assert parse(text) == spec
    assert parse(str(spec)) == spec


@pytest.mark.parametrize(
    "text", ["photos", "stamps10/val", "a/b", "voc:a#val", "foreign:Plasma", 'folder:"my#dir"#test', '"photos"']
)
def test_canonical_names_are_written_as_they_were(text: str) -> None:
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no folder"),
        ("folder:", "names no folder"),
        ("voc:#val", "names no folder"),
        ("photos:some/path", "photos is embedded and takes no folder; write photos"),
        ('folder:"a', 'in quotes as "PATH"'),
        ('"a"b', 'in quotes as "PATH"'),
        ("a\0b", "names no folder"),
    ],
)
def test_what_is_no_name_is_told(text: str, message: str) -> None:
    with pytest.raises(LinksimError, match=message):
        parse(text)


def test_several_names() -> None:
    expected = [DatasetSpec("stamps10", split="test"), DatasetSpec("folder", "a, b", "test"), DatasetSpec(path="c")]
    assert parse_several('stamps10/test,folder:"a, b"#test,c') == expected
    assert parse_several("") == []


PATHS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=12)
RAW = st.binary(min_size=1, max_size=8).filter(lambda raw: b"\0" not in raw).map(os.fsdecode)
TRICKY = st.text(st.sampled_from('#:"\\/. a\nphotos\udce9'), min_size=1, max_size=10)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["", "folder", "voc"]), PATHS | RAW | TRICKY, st.sampled_from(["", "test", "val"]))
def test_any_folder_has_a_name_that_is_text_and_is_read_again(loader: str, path: str, split: str) -> None:
    spec = DatasetSpec(loader, path, split)
    assert parse(str(spec)) == spec
    assert str(spec).isprintable()
    str(spec).encode()


@pytest.mark.parametrize("name", ["my#dir", "a:b", "a,b+c", "photos", "a b", 'say "so"', "a\\b", os.fsdecode(b"\xe9")])
def test_any_folder_can_be_opened(tmp_path: Path, name: str) -> None:
    save(Path(name) / "1.png")
    data = open_dataset(str(DatasetSpec(path=name)))
    assert isinstance(data, ImageFolder)
    assert data.root == Path(name)


def test_loaders_and_splits(tmp_path: Path) -> None:
    make_voc(Path("data"), split="val")
    make_kodak(Path("suite"))
    assert isinstance(open_dataset("voc:data#val"), PascalVOC)
    assert open_dataset("suite").name == "kodak"
    assert isinstance(open_dataset("folder:suite"), ImageFolder)
    save(Path("classes") / "cat" / "1.png")
    assert isinstance(open_dataset(DatasetSpec("class-folder", "classes", "test")), ClassFolder)


def test_python_data_sets() -> None:
    assert isinstance(open_dataset("foreign:Plasma"), Plasma)
    with pytest.raises(LinksimError, match=r"must give a linksim\.data\.base\.Dataset, not Analog"):
        open_dataset("foreign:Analog")


def test_which_of_two_meanings_was_taken_is_noted(tmp_path: Path) -> None:
    assert open_dataset("photos").notes() == ()
    save(tmp_path / "photos" / "mine.png")
    save(tmp_path / "stamps10" / "val" / "mine.png")
    assert isinstance(registry.dataset("photos"), Photos)
    assert registry.dataset("photos").notes() == (
        "The embedded data set photos is used; for the folder, write --dataset ./photos.",
    )
    assert registry.dataset("stamps10/val").notes() == (
        "The embedded data set stamps10/val is used; for the folder, write --dataset ./stamps10/val.",
    )
    assert len(open_dataset("./photos")) == len(open_dataset('"photos"')) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fotos", r"unknown data set 'fotos' \(did you mean 'photos'\?\)"),
        ("no/where", "no such folder: no/where"),
        ("kodac:suite", r"unknown loader of data sets 'kodac' \(did you mean 'kodak'\?\)"),
        ("kodac:./suite", r"unknown loader of data sets 'kodac' \(did you mean 'kodak'\?\)"),
        ("kodak:nowhere", "no such folder: nowhere"),
        ("my#dir", """no such folder: my; write '"my#dir"' in quotes"""),
        ("folder:my#dir", """no such folder: my; write 'folder:"my#dir"' in quotes"""),
        ("owned:thing", "cannot import module 'owned': .*; for the folder, write ./owned:thing"),
        ("suite#val", "data set 'folder' has no split 'val'; it has test"),
        ("stamps10/tset", "data set 'stamps10' has no split 'tset'; it has train, val"),
        ("file.txt", "file.txt: not a folder"),
        ("empty", "it holds nothing"),
    ],
)
def test_what_cannot_be_opened_is_told(tmp_path: Path, text: str, message: str) -> None:
    for folder in ("my#dir", "owned:thing", "suite"):
        save(tmp_path / folder / "1.png")
    (tmp_path / "file.txt").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(LinksimError, match=message) as caught:
        open_dataset(text)
    assert "\n" not in str(caught.value)

"""``linksim datasets FOLDER`` tells how a folder is understood."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from layouts import make_kodak, save

from linksim.cli.main import run
from linksim.data.specs import open_dataset


def test_classes_are_told_in_their_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in map(str, range(12)):
        save(tmp_path / "data" / name / "1.png")
    (tmp_path / "data" / "README").touch()
    assert run(["datasets", "data"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "data: class-folder, 12 images, 12 classes in this order: 0, 1, 10, 11, 2, ..."
    assert "left out: 1 other file (1 without suffix)" in second


def test_a_plain_folder_has_no_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "data" / "a.png")
    assert run(["datasets", "data"]) == 0
    assert capsys.readouterr().out == "data: folder, 1 image, no classes\n"


def test_names_of_folders_that_need_quotes_can_be_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    make_kodak(Path("suite #1"))
    assert run(["datasets"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line == """  --dataset 'kodak:"suite #1"'"""
    assert open_dataset(shlex.split(line)[1]).name == "kodak"
    assert run(["datasets", "suite #1"]) == 0
    assert capsys.readouterr().out == "suite #1: kodak, 24 images, no classes\n"

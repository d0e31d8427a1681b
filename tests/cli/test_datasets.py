"""``linksim datasets FOLDER`` tells how a folder is understood."""

from __future__ import annotations

from pathlib import Path

import pytest
from layouts import save

from linksim.cli.main import run


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
    assert capsys.readouterr().out == "data: folder, 1 images, no classes\n"

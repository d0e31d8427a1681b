"""Atomic files, and folders that one run at a time writes to."""

from __future__ import annotations

import errno
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from linksim.errors import LinksimError
from linksim.files import NO_LOCKS, folder_lock, make_folder, write_atomically

HOLD = """
import sys
from pathlib import Path
import filelock
if sys.argv[2] == "without":
    def refuse(*_, **__):
        raise OSError(95, "Operation not supported")
    filelock.lock_descriptor = refuse
from linksim.files import folder_lock
with folder_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["with", "without"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file system with and one without locks."""
    if request.param == "without":
        monkeypatch.setattr("filelock.lock_descriptor", raising(errno.EOPNOTSUPP))
    return str(request.param)


def raising(number: int) -> Any:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


def another_run(folder: Path, system: str) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", HOLD, str(folder), system]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_folder_is_held_by_one_run_and_the_message_names_it(system: str, tmp_path: Path) -> None:
    with another_run(tmp_path, system) as process:
        who = f"another run (process {process.pid} on {platform.node()}) is writing to {tmp_path}; wait for it"
        with pytest.raises(LinksimError) as caught, folder_lock(tmp_path):
            pytest.fail("held twice")
        assert str(caught.value).startswith(who)
        assert ("delete" in str(caught.value)) == (system == "without")
        process.communicate("")
    with folder_lock(tmp_path):
        pass
    assert not (tmp_path / ".lock-holder").exists()


def test_a_killed_run_holds_nothing(system: str, tmp_path: Path) -> None:
    with another_run(tmp_path, system) as process:
        process.kill()
    with folder_lock(tmp_path):
        assert f"process {os.getpid()} " in (tmp_path / ".lock-holder").read_text()


@pytest.mark.parametrize("number", NO_LOCKS)
def test_a_file_system_without_locks_is_no_other_run(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filelock.lock_descriptor", raising(number))
    for _ in range(2):
        with folder_lock(tmp_path):
            pass


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_cannot_be_written_is_no_other_run(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linksim.files.os.open", raising(number))
    with pytest.raises(LinksimError, match=f"cannot write in {tmp_path}: {os.strerror(number)}"), folder_lock(tmp_path):
        pass


def test_an_error_while_a_folder_is_held_frees_it(system: str, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), folder_lock(tmp_path):
        raise ZeroDivisionError
    with folder_lock(tmp_path):
        pass


def test_a_file_that_cannot_be_written_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"before")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for failing in (raising(errno.ENOSPC), interrupt):
        monkeypatch.setattr("linksim.files.os.replace", failing)
        with pytest.raises((LinksimError, KeyboardInterrupt), match=r"No space left|^$"):
            write_atomically(path, b"after")
        assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file", b"before")]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LinksimError, match=r"cannot make the folder .*file/folder: Not a directory"):
        make_folder(tmp_path / "file" / "folder")

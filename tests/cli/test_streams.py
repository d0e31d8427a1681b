"""Standard output that is closed, full or ASCII loses no result, in real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from linksim.cli.streams import ASCII

LINKSIM = [sys.executable, "-m", "linksim"]
BER = "ber --code uncoded --modulation qpsk --snr 3 --max-blocks 5 --out made"
COMPARE = "compare --methods jpeg --dataset pictures --task none --snr 10 --bpp 8 --workers 1 --out made --no-figures"
ENCODE = "encode pictures/0.png pictures/1.png --codec jpeg --bpp 20 --out-dir made"
MADE = {BER: "ber.csv", COMPARE: "summary.csv", ENCODE: "1.jpg"}


@pytest.fixture(autouse=True)
def pictures(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for i in range(2):
        noise = np.random.default_rng(i).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "pictures" / f"{i}.png")


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a shell makes of a line in which ``linksim`` is ours."""
    ours = f'linksim() {{ {sys.executable} -m linksim "$@"; }}; set -o pipefail; '
    env = {**os.environ, **environment}
    return subprocess.run(["bash", "-c", ours + line], env=env, capture_output=True, text=True, timeout=120)


ENDINGS = ["| true", ">&-", ">&- 2>&-", "2>/dev/full", "2>&-", "<&-"]


@pytest.mark.parametrize(
    ("command", "ending"), [*((ENCODE, ending) for ending in ENDINGS), (COMPARE, "| true"), (BER, "| true")]
)
def test_nothing_is_lost_and_nothing_said(command: str, ending: str) -> None:
    done = shell(f"linksim {command} {ending}")
    assert Path("made", MADE[command]).stat().st_size
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@pytest.mark.parametrize("command", MADE, ids=lambda command: command.split()[0])
def test_a_full_output_is_said_after_the_work(command: str) -> None:
    done = shell(f"linksim {command} >/dev/full")
    assert Path("made", MADE[command]).stat().st_size
    assert done.returncode == 2
    said = "linksim: standard output: No space left on device; results in files are complete"
    assert done.stderr.splitlines()[-1] == said
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        *((command, {"PYTHONIOENCODING": "ascii"}) for command in ("datasets", "train --help", *MADE)),
        *(("datasets", environment) for environment in ({"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C"})),
    ],
)
def test_no_encoding_stops_a_command(command: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [*LINKSIM, *command.split()], env={**os.environ, **environment}, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    assert done.stdout.decode(encoding)
    assert b"Traceback" not in done.stderr


def test_ascii_reads_the_same() -> None:
    done = shell("linksim methods", PYTHONIOENCODING="ascii")
    assert "?" not in done.stdout
    assert "tau = 1" in done.stdout
    assert all(written.isascii() for written in ASCII.values())


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_names_that_are_not_utf8(encoding: str) -> None:
    name = os.fsdecode(b"pictures/\xff.png")
    Path("pictures/0.png").rename(name)
    done = subprocess.run(
        [*LINKSIM, "encode", "missing-\udcfe.png", name, "--codec=jpeg", "--bpp=20", "--out-dir=made"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    assert done.returncode == 2
    assert b"made/\\xff.jpg" in done.stdout
    assert done.stderr.startswith(b"linksim: missing-")
    assert done.stderr.count(b"\n") == 1
    assert b"missing-\\xfe.png: no such file" in done.stderr
    assert os.listdir(b"made") == [b"\xff.jpg"]


def test_many_lines_into_a_reader_that_leaves() -> None:
    done = shell("linksim datasets | head -n 1")
    assert done.returncode == 0
    assert done.stderr == ""

"""Values that no option takes: exit code 2, one line, no traceback."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from linksim.cli.main import run

ODD = [
    "",
    " ",
    "nan",
    "inf",
    "-1",
    "0",
    "1e400",
    "9" * 30,
    "1.5",
    "x",
    "ü∞",
    "a,b",
    "1/0",
    "\x1b[31m",
    "folder",
    "0.png",
]
COMMANDS = {
    "ber --code uncoded --modulation qpsk --snr 5 --max-blocks 2": [
        *("code", "modulation", "demapper", "channel", "snr", "block-errors", "max-blocks", "seed", "workers"),
    ],
    "encode 0.png --codec jpeg": ["codec", "bpp", "quality", "out-dir"],
    "decode png.bpg --out-dir out": ["codec", "out-dir"],
    "plot folder": ["metric", "x", "style", "out"],
    "report folder": ["images", "title", "out", "workers"],
    "run broken.yaml": ["dataset", "task", "limit", "out", "workers", "timeout"],
    "compare --methods none --dataset pictures --snr 10 --workers 1": [
        *("methods", "dataset", "snr", "bpp", "cbr", "over-budget", "task", "channel", "limit", "trials", "seed"),
    ],
    "train-task head.txt": ["train", "val", "test", "images", "size", "name"],
}


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(tmp_path / "0.png")
    (tmp_path / "png.bpg").write_bytes((tmp_path / "0.png").read_bytes())
    (tmp_path / "broken.yaml").write_text("a: [1")
    (tmp_path / "folder").mkdir()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/0.png").write_bytes((tmp_path / "0.png").read_bytes())


@pytest.mark.parametrize("command", COMMANDS)
def test_odd_values_are_taken_or_refused_in_one_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    for option in COMMANDS[command]:
        for value in ODD:
            code = run([*command.split(), f"--{option}={value}"])
            said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("linksim:")]
            assert (code, len(said)) in ((0, 0), (2, 1)), f"{command} --{option}={value!r}: {code}, {said}"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("train deepjscc --out t --threads -1", "--threads -1: must be a whole number from 0 to 1024"),
        (f"train deepjscc --out t --seed {2**63}", "--seed 9223372036854775808: must be"),
        ("train deepjscc --out t --seed -1", "--seed -1: must be"),
        ("train deepjscc --out t --bpp 1/0", "--bpp '1/0': must be a number such as 0.25 or 1/4"),
        ("encode 0.png --out-dir o --bpp one", "--bpp 'one': must be a number such as 0.25 or 1/4"),
        ("encode 0.png --bpp 1", "Missing option '--out-dir'"),
        ("train deepjscc", "Missing option '--out'"),
        ("decode --out-dir o", "Missing argument 'files'"),
        (
            "compare --methods jpeg --dataset pictures --task none --workers 1025",
            "--workers 1025: must be",
        ),
        ("ber --workers 5000", "workers 5000: must be at most 1024"),
        ("ber --out=", "--out '': must be a path"),
        ("train deepjscc --out t --start=", "--start '': must be a path"),
        ("encode 0.png --bpp 1 --out-dir=", "--out-dir '': must be a path"),
    ],
)
def test_what_is_allowed_is_said(arguments: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments.split()) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1
    assert not Path("t").exists()


def test_bits_per_pixel_as_a_fraction(capsys: pytest.CaptureFixture[str]) -> None:
    for text, folder in (("9/2", "fraction"), ("4.5", "decimal")):
        assert run(["encode", "0.png", "--codec", "webp", "--bpp", text, "--out-dir", folder]) == 0
    assert Path("fraction/0.webp").read_bytes() == Path("decimal/0.webp").read_bytes()

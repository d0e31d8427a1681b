"""Results before a run ends, and runs that end once they are precise enough."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from foreign import Many, compare

import linksim
from linksim.comparison import run_comparison
from linksim.engine.opened import open_experiment
from linksim.engine.pools import Pool
from linksim.errors import LinksimError
from linksim.experiment import Experiment
from linksim.interim import Display, Precision

COMPARED = ("foreign:Analog", "original")


class Kept(Display):
    """Keeps what it is shown."""

    wants_summaries = True

    def __init__(self) -> None:
        self.seen: list[tuple[int, pd.DataFrame]] = []

    def summary(self, summary: pd.DataFrame, images: int) -> None:
        self.seen.append((images, summary))


def test_the_table_grows_towards_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linksim.interim.SHARE_OF_TIME", 1e9)
    opened, kept = open_experiment(COMPARED, Many(), (10.0, 20.0), task=""), Kept()
    last = run_comparison(opened, tmp_path, Pool(), display=kept, figures=False).summary
    assert [images for images, _ in kept.seen] == [32, 64, 96, 128]
    for images, summary in kept.seen:
        limited = linksim.compare(list(COMPARED), Many(), (10.0, 20.0), task="", limit=images)
        pd.testing.assert_frame_equal(summary, limited)
        assert list(summary["method"]) == list(last["method"])


def test_a_run_ends_once_it_is_precise_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linksim.interim.SHARE_OF_TIME", 1e9)
    whole = compare(tmp_path / "whole", *COMPARED, dataset=Many())
    half = (whole["psnr_hi"] - whole["psnr_lo"]) / 2
    within = 1.5 * half.max()  # of 160 images: about 71 suffice
    table = compare(tmp_path / "some", *COMPARED, dataset=Many(), precision=f"psnr:{within}")
    assert 64 <= table["images"].unique().item() < 160
    assert ((table["psnr_hi"] - table["psnr_lo"]) / 2 <= within).all()
    there = json.loads((tmp_path / "some" / "experiment.json").read_text())["experiment"]
    assert Experiment.from_json(there).precision == f"psnr:{within}"
    facts = (tmp_path / "some" / "table.md").read_text()
    assert "ended before all 160 images: precision psnr:" in facts

    before = (tmp_path / "some" / "summary.csv").read_bytes()
    compare(tmp_path / "some", *COMPARED, dataset=Many(), precision=f"psnr:{within}")
    assert (tmp_path / "some" / "summary.csv").read_bytes() == before
    compare(tmp_path / "some", *COMPARED, dataset=Many())  # goes on to the end
    assert (tmp_path / "some" / "summary.csv").read_bytes() == (tmp_path / "whole" / "summary.csv").read_bytes()


def test_the_precision_is_not_part_of_what_is_measured(tmp_path: Path) -> None:
    plain, precise = (open_experiment(COMPARED, Many(), (1.0,), task="", precision=p) for p in (None, "0.1"))
    assert plain.hash() == precise.hash()
    assert precise.experiment.command().endswith("--precision 0.1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("much", "precision 'much': must be a number above 0 such as 0.02, or METRIC:NUMBER"),
        ("0", "must be a number above 0"),
        ("nan", "must be a number above 0"),
        ("psnr:-1", "must be a number above 0"),
        ("pnsr:1", "metric 'pnsr'"),
        ("acc:0.1", "unknown metric of the precision: .acc.; known: bler, exact, outage, psnr, ssim"),
    ],
)
def test_a_precision_that_means_nothing_is_refused(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(LinksimError, match=says):
        compare(tmp_path, precision=text)


def test_the_metric_is_a_tasks_where_there_is_one(tmp_path: Path) -> None:
    with_task = compare(tmp_path / "a", task="foreign:Warmth", snr_db=(10,))
    without = compare(tmp_path / "b", snr_db=(10,))
    assert [Precision(0.1).of(table).column for table in (with_task, without)] == ["acc", "psnr"]


def test_a_terminal_shows_the_table_while_it_grows(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    words = "compare --methods foreign:Analog,original --dataset foreign:Many --task none --snr 10 --workers 1 --out o"
    environment = os.environ | {"COLUMNS": "100", "LINES": "40", "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-m", "linksim", *words.split()], stdout=-1, stderr=theirs, cwd=tmp_path, env=environment
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            said += os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0
    assert re.search(rb"after \S*\d+\S* images:", said)
    assert b"after" not in out

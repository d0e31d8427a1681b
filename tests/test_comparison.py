"""Whole comparisons: links from outside, resuming, workers, and everything that may go wrong with them."""

from __future__ import annotations

import contextlib
import math
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from foreign import (
    Analog,
    Blank,
    Deadly,
    Fragile,
    Lofty,
    Mute,
    Odd,
    Painting,
    Plasma,
    Received,
    Retold,
    Scribbling,
    Silent,
    Unsure,
    Warmth,
)

import linksim
from linksim.aggregate import COLUMNS
from linksim.channel import AWGN
from linksim.comparison import run_comparison
from linksim.contract import CheckedTask
from linksim.errors import LinksimError
from linksim.experiment import Experiment
from linksim.link import Image
from linksim.runner import InProcess, Pool, ProcessPool
from linksim.tasks.base import Task

OUTPUTS = ("summary.csv", "table.md", "table.tex", "experiment.json")
FIGURES = ("psnr.png", "psnr.pdf", "ssim.png", "ssim.pdf", "outage.png", "outage.pdf")


def compare(out: Path, *methods: str, workers: int = 1, **changes: object) -> pd.DataFrame:
    options: dict[str, object] = {"dataset": "foreign:Plasma", "snr_db": (0, 10, 20), "task": "", "figures": False}
    options |= changes
    return linksim.compare(list(methods) or ["foreign:Analog"], out=out, workers=workers, **options)  # type: ignore[arg-type]


def outputs(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in (*OUTPUTS, *FIGURES) if (folder / name).exists()}


def test_a_foreign_link_has_the_psnr_of_its_channel(tmp_path: Path) -> None:
    """Analog's error is the noise itself, scaled by 127.5·scale, so its PSNR follows from the SNR."""
    table = linksim.compare([Analog()], Plasma(), [20.0], task="", out=tmp_path)
    assert list(table.columns) == COLUMNS
    assert table["cbr"].item() == table["bpp"].item() == 1.5
    expected = []
    for i in range(6):
        values = Plasma()[i].image / 127.5 - 1
        noise = np.mean(values**2) * 2 * 10**-2.0 / 2 * 127.5**2 + 1 / 12  # per sample, and rounding
        expected.append(10 * math.log10(255**2 / noise))
    assert table["psnr"].item() == pytest.approx(np.mean(expected), abs=0.3)  # 0.3: clipping at 0 and 255


def test_scores_and_columns_of_a_labelled_comparison(tmp_path: Path) -> None:
    table = compare(tmp_path, "original", "foreign:Analog", "foreign:Knowing", task="foreign:Warmth")
    assert list(table.columns) == COLUMNS
    lines = table.set_index(["method", "snr_db"])
    assert lines.loc[("original", 0.0), "acc"] == 1
    assert lines.loc[("original", 0.0), "psnr"] == math.inf
    assert lines.loc[("foreign:Knowing", 0.0), "outage"] == 1
    assert lines.loc[("foreign:Knowing", 10.0), "outage"] == 0
    assert (lines["acc_lo"] <= lines["acc"]).all()
    assert (lines["acc"] <= lines["acc_hi"]).all()
    assert lines["map"].isna().all()
    rising = lines.loc["foreign:Analog", "psnr"].to_numpy()
    assert (np.diff(rising) > 5).all()


def test_images_without_labels_are_judged_by_agreement(tmp_path: Path) -> None:
    class Unlabelled(Plasma):
        def __getitem__(self, index: int) -> linksim.data.base.Sample:  # type: ignore[name-defined]
            sample = super().__getitem__(index)
            return type(sample)(sample.image, sample.key)

    table = linksim.compare([Analog(), "original"], Unlabelled(), [-10.0, 20.0], task=Warmth(), out=tmp_path)
    lines = table.set_index(["method", "snr_db"])
    assert (lines.loc["original", "agreement"] == 1).all()
    assert lines["acc"].isna().all()


def test_odd_sizes_pass(tmp_path: Path) -> None:
    table = compare(tmp_path, "foreign:Analog", "bpg", dataset="foreign:Odd", bpp=2, snr_db=[30])
    assert (table["n"] == 6).all()
    assert (table["outage"] == 0).all()


def test_workers_and_reruns_change_nothing(tmp_path: Path) -> None:
    methods = ("foreign:Analog", "bpg")
    compare(tmp_path / "one", *methods, bpp=1.0, figures=True)
    first = outputs(tmp_path / "one")
    assert set(first) == {*OUTPUTS, *FIGURES}
    parts = {p.name: p.read_bytes() for p in (tmp_path / "one" / "rows").iterdir()}
    stamps = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "one" / "rows").iterdir()}
    for workers in (2, 4):
        folder = tmp_path / str(workers)
        compare(folder, *methods, bpp=1.0, workers=workers, figures=True)
        assert outputs(folder) == first
        assert {p.name: p.read_bytes() for p in (folder / "rows").iterdir()} == parts
    compare(tmp_path / "one", *methods, bpp=1.0, figures=True)
    assert outputs(tmp_path / "one") == first
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "one" / "rows").iterdir()} == stamps  # nothing was redone


def test_a_grid_may_grow_and_gives_what_one_run_gives(tmp_path: Path) -> None:
    compare(tmp_path / "grown", "foreign:Analog", snr_db=(10,))
    compare(tmp_path / "grown", "foreign:Analog", "original", snr_db=(0, 10, 20))
    compare(tmp_path / "once", "foreign:Analog", "original", snr_db=(0, 10, 20))
    assert outputs(tmp_path / "grown") == outputs(tmp_path / "once")
    assert len(list((tmp_path / "grown" / "rows").iterdir())) == 3


def test_a_folder_of_another_experiment_is_refused(tmp_path: Path) -> None:
    compare(tmp_path, snr_db=(10,))
    before = outputs(tmp_path)
    with pytest.raises(LinksimError, match=r"another experiment \(seed: 0 there, 1 now\)"):
        compare(tmp_path, snr_db=(10,), seed=1)
    assert outputs(tmp_path) == before


def session(leader: int) -> list[int]:
    """Processes that are alive in a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rsplit(")", 1)[1].split()
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found


def test_a_killed_run_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "linksim", "compare", "--methods", "foreign:Slow,foreign:Analog"]
    command += ["--dataset", "foreign:Many", "--snr", "0:20:10", "--task", "none", "--workers", "1", "--no-figures"]
    folder = tmp_path / "killed"
    process = subprocess.Popen([*command, "--out", str(folder)], start_new_session=True, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(folder.glob("rows/part-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    while session(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not session(process.pid), "workers outlive the run"
    kept = {p.name: p.stat().st_mtime_ns for p in folder.glob("rows/part-*")}
    assert kept
    assert not (folder / "summary.csv").exists()
    subprocess.run([*command, "--out", str(folder)], check=True, capture_output=True)
    subprocess.run([*command, "--out", str(tmp_path / "whole")], check=True, capture_output=True)
    assert outputs(folder) == outputs(tmp_path / "whole")
    assert {name: (folder / "rows" / name).stat().st_mtime_ns for name in kept} == kept


def test_a_torn_part_is_measured_again(tmp_path: Path) -> None:
    compare(tmp_path)
    before = outputs(tmp_path)
    part = next((tmp_path / "rows").iterdir())
    part.write_bytes(part.read_bytes()[:100])
    compare(tmp_path)
    assert outputs(tmp_path) == before


def test_a_part_with_a_single_wrong_byte_is_measured_again_or_does_no_harm(tmp_path: Path) -> None:
    compare(tmp_path)
    before = outputs(tmp_path)
    part = next((tmp_path / "rows").iterdir())
    whole = part.read_bytes()
    for at in range(4, len(whole), len(whole) // 23):
        part.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        compare(tmp_path)
        assert outputs(tmp_path) == before, at


def test_two_runs_on_one_folder_do_not_mix(tmp_path: Path) -> None:
    from linksim.store import Store

    with Store(tmp_path).lock(), pytest.raises(LinksimError, match="another run is writing"):
        compare(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Loud", "average power of image 0 is 2 "),
        ("Greedy", "average power of image 0 is 1.44 "),
        ("Lost", "offsets must rise from 0"),
        ("Sick", "NaN or infinity"),
        ("Small", r"received image 0 must be \(64, 64, 3\) uint8, not \(63, 64, 3\)"),
        ("Broken", "receive failed with ZeroDivisionError: something is zero"),
        ("Leaving", r"receive failed with SystemExit: no \[31mlicence$"),
        ("Vague", "payload_bits must be 6 whole numbers of at least 0, not "),
        ("Empty", "reading what receive returned failed with TypeError: "),
    ],
)
def test_a_link_that_breaks_the_contract_is_named_and_the_others_finish(
    tmp_path: Path, name: str, message: str
) -> None:
    with pytest.warns(UserWarning, match=f"'foreign:{name}'.*{message}"):
        table = compare(tmp_path, f"foreign:{name}", "foreign:Analog")
    assert set(table["method"]) == {"foreign:Analog"}
    with pytest.raises(LinksimError, match=message):
        compare(tmp_path / "alone", f"foreign:{name}")


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (Silent(), "must judge 6 images, but gave 5 verdicts"),
        (Mute(), "judge failed with TypeError"),
        (Unsure(), "a verdict must be a class index below 2, not nan"),
        (Lofty(), "a verdict must be a class index below 2, not 7"),
        (Fragile(), "judge failed with KeyError: 'a weight'"),
    ],
)
def test_a_task_that_breaks_the_contract_is_named(tmp_path: Path, task: Warmth, message: str) -> None:
    with pytest.raises(LinksimError, match=f"task 'warmth': {message}"):
        linksim.compare(["original"], Plasma(), [10], task=task, out=tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y, n: (y * np.complex64(np.nan), n), "its symbols hold NaN or infinity"),
        (lambda y, n: (y[1:], n), r"symbols must be \(36864,\) complex64, not \(36863,\) complex64"),
        (lambda y, n: (y.real.copy(), n), "symbols must be .* not .* float32"),
        (lambda y, n: (y, -n), "noise variances must be above 0, not -0.1"),
        (lambda y, n: (y, 0.1), "noise variances must be an array, not float"),
        (lambda y, n: y, "transmit must return symbols and noise variances, not "),
        (lambda y, n: 1 / 0, "transmit failed with ZeroDivisionError"),
    ],
)
def test_a_channel_that_breaks_the_contract_is_named(tmp_path: Path, change: Any, message: str) -> None:
    experiment = Experiment((Analog(),), Plasma(), (10.0,), channel=Received(change), task="")
    with pytest.raises(LinksimError, match=f"channel 'awgn': {message}"):
        run_comparison(experiment, tmp_path, Pool(), figures=False)


def test_a_channel_cannot_change_what_is_sent_at_the_next_snr(tmp_path: Path) -> None:
    experiment = Experiment((Analog(),), Plasma(), (10.0, 20.0), channel=Scribbling(), task="")
    with pytest.raises(LinksimError, match=r"channel 'awgn': transmit failed with ValueError: .*read-only"):
        run_comparison(experiment, tmp_path, Pool(), figures=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: 1 / 0, "reading image 3 failed with ZeroDivisionError"),
        (lambda s: None, "image 3 must be a Sample whose key is text, not NoneType"),
        (lambda s: replace(s, key=3), "image 3 must be a Sample whose key is text, not int"),
        (lambda s: replace(s, image=s.image / 255), r"image 'plasma3' must be \(H, W, 3\) uint8, not .* float64"),
        (lambda s: replace(s, image=s.image[:, :, 0]), "image 'plasma3' must be .* not .64, 64. uint8"),
        (lambda s: replace(s, image=s.image[:0]), "image 'plasma3' must be .* not .0, 64, 3. uint8"),
        (lambda s: replace(s, image=s.image.tolist()), "image 'plasma3' must be .* not list"),
        (lambda s: replace(s, label=2), "image 'plasma3' must have a class from 0 to 1 as its label, not 2"),
        (lambda s: replace(s, label=math.nan), "image 'plasma3' must have a class from 0 to 1 as its label, not nan"),
        (lambda s: replace(s, label=None), "image 'plasma3' has no label, though others of its data set have"),
    ],
)
def test_a_data_set_that_breaks_the_contract_is_named_once(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(LinksimError, match=message):
        linksim.compare([Analog(), "original"], Retold(change), [10], task=Warmth(), out=tmp_path)


def test_neither_a_link_nor_a_task_can_change_what_it_is_compared_with(tmp_path: Path) -> None:
    honest = linksim.compare([Analog(), Blank()], Plasma(), [20], task=Warmth(), out=tmp_path / "a")
    painted = linksim.compare([Analog()], Plasma(), [20], task=Painting(), out=tmp_path / "b")
    lines = honest.set_index("method")
    assert lines.loc["Blank", "psnr"] < lines.loc["Analog", "psnr"] - 10
    assert painted["psnr"].item() == lines.loc["Analog", "psnr"]


class Unspeakable(Analog):
    """Its identity is not JSON."""

    def identity(self) -> dict[str, Any]:
        return {"self": self}


def test_what_cannot_identify_itself_is_named_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(LinksimError, match=r"method 'Unspeakable': its identity\(\) failed with TypeError"):
        linksim.compare([Unspeakable(), "original"], Plasma(), [10], task="", out=tmp_path)
    with pytest.raises(LinksimError, match=r"method 'foreign:Deadly': making it failed with TypeError: .*marker"):
        compare(tmp_path, "foreign:Deadly", "original")


class Interpreted(Warmth):
    """Fails as TorchScript does, which quotes code."""

    def judge(self, images: Sequence[Image]) -> list[int]:
        raise RuntimeError("Failed in the TorchScript interpreter.\n  code\n\nRuntimeError: sizes differ")


def test_what_all_methods_fail_for_is_said_once_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(LinksimError) as caught:
        linksim.compare(["original", "webp"], Plasma(), [10], task=Interpreted(), out=tmp_path)
    assert str(caught.value) == "task 'warmth': judge failed with RuntimeError: sizes differ"


class Finder(Warmth):
    """Finds a thing of a class it does not know, everywhere."""

    kind = "detection"

    def judge(self, images: Sequence[Image]) -> list[Any]:
        return [np.array([[0, 0, 9, 9, 0.5, 2]], np.float32) for _ in images]


def test_a_detector_needs_boxes_to_be_scored_by(tmp_path: Path) -> None:
    with pytest.raises(LinksimError, match="'plasma' has no boxes for task 'warmth'"):
        linksim.compare(["original"], Plasma(), [10], task=Finder(), out=tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_class_that_the_detector_does_not_have_is_named() -> None:
    with pytest.raises(LinksimError, match="its last column a class index below 2, not array"):
        CheckedTask(Finder()).judge([Plasma()[0].image])


def run_with_workers(out: Path, *methods: str | linksim.Link, timeout: float = 60.0) -> dict[str, str]:
    experiment = Experiment(methods, "foreign:Plasma", (10.0,), task="")
    pool = ProcessPool(2)
    try:
        return run_comparison(experiment, out, pool, timeout=timeout, figures=False).failures
    finally:
        pool.stop()


def test_a_worker_that_dies_costs_its_unit_and_not_the_run(tmp_path: Path) -> None:
    assert run_with_workers(tmp_path / "once", Deadly(tmp_path / "marker"), "foreign:Analog") == {}
    failures = run_with_workers(tmp_path / "always", Deadly(tmp_path / "no" / "marker"), "foreign:Analog")
    assert failures == {"deadly": "every worker that tried images 0 to 5 died"}


def test_a_link_that_does_not_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own process, which names it; or with its process, if it cannot be interrupted."""
    monkeypatch.setattr("linksim.runner.GRACE", 0.5)
    failures = run_with_workers(tmp_path, "foreign:Endless", "foreign:Deaf", "foreign:Analog", timeout=4.0)
    assert failures == {
        "foreign:Endless": "link 'foreign:Endless': receive took more than 4 s and was stopped",
        "foreign:Deaf": "a unit took more than 4 s and was stopped",
    }


def wait(*_: object) -> Any:
    while True:
        time.sleep(0.01)


class WaitingTask(Task):
    name, kind, classes, judge = "waiting", "classification", ("warm", "cold"), wait


class WaitingData(Plasma):
    __getitem__ = wait


class WaitingChannel(AWGN):
    name, transmit_one = "waiting", wait


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"task": WaitingTask()}, "task 'waiting': judge"),
        ({"dataset": WaitingData()}, "data set 'plasma': reading image 0"),
        ({"channel": WaitingChannel()}, "channel 'waiting': transmit"),
    ],
)
def test_what_does_not_end_is_named(part: dict[str, Any], named: str, tmp_path: Path) -> None:
    experiment = Experiment(**{"methods": (Analog(),), "dataset": Plasma(), "snr_db": (10.0,), "task": "", **part})
    with pytest.raises(LinksimError, match=f"{named} took more than 0.2 s and was stopped"):
        run_comparison(experiment, tmp_path, Pool(), timeout=0.2, figures=False)


class OverflowingChannel(AWGN):
    name = "overflowing"

    def transmit_one(self, symbols: Any, n0: float, stream: Any) -> Any:
        return symbols.astype(np.complex128) * 1e300, n0


@pytest.mark.filterwarnings("error")
def test_a_channel_whose_symbols_are_too_large_for_them_is_named(tmp_path: Path) -> None:
    experiment = Experiment((Analog(),), Plasma(), (10.0,), channel=OverflowingChannel(), task="")
    with pytest.raises(LinksimError, match="channel 'overflowing': its symbols hold NaN or infinity"):
        run_comparison(experiment, tmp_path, Pool(), figures=False)


def test_a_unit_that_the_executor_drops_is_submitted_again(tmp_path: Path) -> None:
    """As Dask does when somebody restarts the cluster; and nobody is blamed for it."""

    class Forgetful(InProcess):
        dropped = 0

        def submit(self, fn: Any, /, *args: object, **kwargs: object) -> Future[Any]:  # type: ignore[override]
            if self.dropped < 5:
                self.dropped += 1
                future: Future[Any] = Future()
                future.cancel()
                future.set_running_or_notify_cancel()
                return future
            return super().submit(fn, *args, **kwargs)

    pool = Pool()
    pool.executor = Forgetful()
    experiment = Experiment((Analog(), "original"), Plasma(), (10.0,), task="")
    assert run_comparison(experiment, tmp_path, pool, figures=False).failures == {}
    assert pool.executor.dropped == 5


def test_differences_are_paired(tmp_path: Path) -> None:
    experiment = Experiment((Analog(), "original"), Odd(), (10.0,), task=Warmth())
    result = run_comparison(experiment, tmp_path, Pool(), baseline="Analog")
    assert result.differences is not None
    line = result.differences.iloc[0]
    summary = result.summary.set_index("method")
    assert line["ssim"] == pytest.approx(summary.loc["original", "ssim"] - summary.loc["Analog", "ssim"])
    assert line["ssim_lo"] <= line["ssim"] <= line["ssim_hi"]
    with pytest.raises(LinksimError, match="baseline 'x'"):
        run_comparison(experiment, tmp_path, Pool(), baseline="x")


def test_a_full_disk_gives_one_line_and_the_run_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """A limit of the size of files stands for the disk: writing fails in the middle of a part."""
    compare(tmp_path / "whole")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        with pytest.raises(LinksimError, match=r"cannot write .*part-\w+.parquet: File too large"):
            compare(tmp_path / "full")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((tmp_path / "full" / "rows").iterdir()), "a torn part is left"
    compare(tmp_path / "full")
    assert outputs(tmp_path / "full") == outputs(tmp_path / "whole")


def test_a_read_only_folder_gives_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LinksimError, match="cannot make the folder"):
        compare(tmp_path / "file" / "out")

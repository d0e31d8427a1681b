"""Whole comparisons: links from outside, resuming, and folders that are not as they should be."""

from __future__ import annotations

import contextlib
import math
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from foreign import (
    Analog,
    Odd,
    Plasma,
    Warmth,
    compare,
)

import linksim
from baselines.fec.wifi import WifiLDPC
from baselines.modulation import modulation
from baselines.separate import SeparateLink
from baselines.source.jpeg import JPEG
from linksim.comparison import run_comparison
from linksim.data.base import Sample
from linksim.engine.opened import open_experiment
from linksim.engine.pools import Pool
from linksim.errors import LinksimError
from linksim.link import Budget, Image, Transmission
from linksim.original import OriginalLink
from linksim.scoring.aggregation import COLUMNS
from linksim.scoring.metrics import PSNR_CAP

OUTPUTS = ("summary.csv", "table.md", "table.tex", "experiment.json")
FIGURES = ("psnr.png", "psnr.pdf", "ssim.png", "ssim.pdf", "outage.png", "outage.pdf")


def outputs(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in (*OUTPUTS, *FIGURES) if (folder / name).exists()}


def test_a_foreign_link_has_the_psnr_of_its_channel(tmp_path: Path) -> None:
    """Analog's error is the noise itself, scaled by 127.5·scale, so its PSNR follows from the SNR."""
    table = linksim.compare([Analog()], Plasma(), [20.0], task="", out=tmp_path)
    assert list(table.columns) == COLUMNS
    assert (table["cbr"].item(), table["bpp"].item()) == (0.5, 1.5)
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
    assert lines.loc[("original", 0.0), "psnr"] == pytest.approx(PSNR_CAP)
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


def test_large_images_after_a_small_one_are_sent_a_few_at_a_time(tmp_path: Path) -> None:
    sent: list[list[int]] = []

    class Noting(Analog):
        def send(self, images: Sequence[Image]) -> Transmission:
            sent.append([len(image) for image in images])
            return super().send(images)

    table = linksim.compare([Noting()], Growing(), [10.0], task="", out=tmp_path, figures=False)
    assert sent == [[64, 800], [800], [1200], [64, 64]]
    assert table["n"].item() == 6


class Growing(Plasma):
    """Two megapixels follow a thumbnail."""

    def __getitem__(self, index: int) -> Sample:
        side = (64, 800, 800, 1200, 64, 64)[index]
        return Plasma(6, (side, side))[index]


def test_workers_and_reruns_change_nothing(tmp_path: Path) -> None:
    methods = ("foreign:Analog", "bpg")
    compare(tmp_path / "one", *methods, bpp=1.0, figures=True)
    first = outputs(tmp_path / "one")
    assert set(first) == {*OUTPUTS, *FIGURES}
    rows = tmp_path / "one" / "rows.parquet"
    measured, stamp = rows.read_bytes(), rows.stat().st_mtime_ns
    for workers in (2, 4):
        folder = tmp_path / str(workers)
        compare(folder, *methods, bpp=1.0, workers=workers, figures=True)
        assert outputs(folder) == first
        assert (folder / "rows.parquet").read_bytes() == measured
    compare(tmp_path / "one", *methods, bpp=1.0, figures=True)
    assert outputs(tmp_path / "one") == first
    assert rows.stat().st_mtime_ns == stamp  # nothing was redone


def test_a_grid_may_grow_and_gives_what_one_run_gives(tmp_path: Path) -> None:
    compare(tmp_path / "grown", "foreign:Analog", snr_db=(10,))
    compare(tmp_path / "grown", "foreign:Analog", "original", snr_db=(0, 10, 20))
    compare(tmp_path / "once", "foreign:Analog", "original", snr_db=(0, 10, 20))
    assert outputs(tmp_path / "grown") == outputs(tmp_path / "once")
    assert (tmp_path / "grown" / "rows.parquet").read_bytes() == (tmp_path / "once" / "rows.parquet").read_bytes()


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
    kept = sum(pq.read_metadata(part).num_rows for part in folder.glob("rows/part-*"))
    assert kept
    assert not (folder / "summary.csv").exists()
    subprocess.run([*command, "--out", str(folder)], check=True, capture_output=True)
    subprocess.run([*command, "--out", str(tmp_path / "whole")], check=True, capture_output=True)
    assert outputs(folder) == outputs(tmp_path / "whole")
    assert kept < pq.read_metadata(folder / "rows.parquet").num_rows


def test_a_torn_part_is_measured_again(tmp_path: Path) -> None:
    compare(tmp_path)
    before = outputs(tmp_path)
    part = tmp_path / "rows.parquet"
    part.write_bytes(part.read_bytes()[:100])
    compare(tmp_path)
    assert outputs(tmp_path) == before


def test_a_part_with_a_single_wrong_byte_is_measured_again_or_does_no_harm(tmp_path: Path) -> None:
    compare(tmp_path)
    before = outputs(tmp_path)
    part = tmp_path / "rows.parquet"
    whole = part.read_bytes()
    for at in range(4, len(whole), len(whole) // 23):
        part.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        compare(tmp_path)
        assert outputs(tmp_path) == before, at


def test_two_runs_on_one_folder_do_not_mix(tmp_path: Path) -> None:
    from linksim.engine.store import Store

    with Store(tmp_path).lock(), pytest.raises(LinksimError, match=r"another run \(process .*is writing"):
        compare(tmp_path)


def test_differences_are_paired(tmp_path: Path) -> None:
    opened = open_experiment((Analog(), "original"), Odd(), (10.0,), task=Warmth())
    result = run_comparison(opened, tmp_path, Pool(), baseline="Analog")
    assert result.differences is not None
    line = result.differences.iloc[0]
    summary = result.summary.set_index("method")
    assert line["ssim"] == pytest.approx(summary.loc["original", "ssim"] - summary.loc["Analog", "ssim"])
    assert line["ssim_lo"] <= line["ssim"] <= line["ssim_hi"]
    with pytest.raises(LinksimError, match="baseline 'x'"):
        run_comparison(opened, tmp_path, Pool(), baseline="x")


def test_exact_images_differ_by_nothing_and_from_others_by_what_the_cap_leaves(tmp_path: Path) -> None:
    opened = open_experiment((Exact(), "original", Analog()), Plasma(), (10.0,), task="")
    change = run_comparison(opened, tmp_path, Pool(), baseline="Exact", figures=False).differences
    assert change is not None
    lines = change.set_index("method")
    assert (lines.loc["original", "psnr"], lines.loc["original", "ssim"]) == (0, 0)
    analog = run_comparison(opened, tmp_path, Pool(), figures=False).summary.set_index("method").loc["Analog"]
    assert lines.loc["Analog", "psnr"] == pytest.approx(analog["psnr"] - PSNR_CAP)
    assert not (tmp_path / "differences.csv").exists(), "left from a run with a baseline"


class Exact(OriginalLink):
    name = "Exact"


def test_differences_come_in_one_order_however_the_run_was_cut(tmp_path: Path) -> None:
    budgets = (Budget("bpp", 0.5), Budget("bpp", 0.25))
    for folder, grids in (("once", [(10.0, 20.0)]), ("twice", [(20.0,), (10.0, 20.0)])):
        for snr_db in grids:
            opened = open_experiment(("webp", "jpeg"), Plasma(), snr_db, budgets, task="")
            run_comparison(opened, tmp_path / folder, Pool(), baseline="jpeg", figures=False)
    once, twice = ((tmp_path / folder / "differences.csv").read_bytes() for folder in ("once", "twice"))
    assert once == twice
    assert [line.split(",")[1] for line in once.decode().splitlines()[1:]] == ["bpp=0.25"] * 2 + ["bpp=0.5"] * 2


def test_certainty_is_not_had_by_sending_the_same_images_twice(tmp_path: Path) -> None:
    once, twice = (
        linksim.compare(["original"], Plasma(), [10.0], task=Warmth(), trials=trials, out=tmp_path / str(trials))
        for trials in (1, 2)
    )
    assert once["acc"].item() == twice["acc"].item() == 1
    assert once["acc_lo"].item() == twice["acc_lo"].item() < 0.7


def test_differences_of_agreement_are_called_so(tmp_path: Path) -> None:
    opened = open_experiment((Analog(), "original"), Unlabelled(), (10.0,), task=Warmth())
    change = run_comparison(opened, tmp_path, Pool(), baseline="original", figures=False).differences
    assert change is not None
    assert change["agreement"].notna().all()
    assert change["acc"].isna().all()


class Unlabelled(Plasma):
    def __getitem__(self, index: int) -> Sample:
        return replace(super().__getitem__(index), label=None)


class HalfLabelled(Plasma):
    """The first unit's images have labels, the second one's none."""

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return sample if index < 32 else replace(sample, label=None)


def test_labels_on_some_images_only_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LinksimError, match="some images have labels and some have none"):
        linksim.compare([Analog()], HalfLabelled(40), [10.0], task=Warmth(), out=tmp_path)


def test_labels_of_numpy_reach_the_report(tmp_path: Path) -> None:
    linksim.compare([Analog()], NumpyLabelled(), [10.0], task=Warmth(), out=tmp_path, figures=True)
    assert (tmp_path / "report.html").is_file()


class NumpyLabelled(Plasma):
    def __getitem__(self, index: int) -> Sample:
        return replace(super().__getitem__(index), label=np.int64(index % 2))


def test_links_that_are_alike_but_in_name_have_rows_of_their_own(tmp_path: Path) -> None:
    methods = ("bpg", "bpg+ldpc-3/4+16qam", "bpg+app")
    table = linksim.compare(methods, Plasma(), [20.0], task="", out=tmp_path, workers=2)
    assert table["method"].tolist() == list(methods)
    assert table["n"].tolist() == [6, 6, 6]


def test_codecs_of_one_name_do_not_share_files(tmp_path: Path) -> None:
    links = []
    for name, subsamplings in (("coarse", ("4:2:0",)), ("fine", ("4:4:4",))):
        link = SeparateLink(JPEG(subsamplings), WifiLDPC(1944, "3/4"), modulation("16qam"), Budget("bpp", 3.0))
        link.name = name
        links.append(link)
    coarse, fine = linksim.compare(links, Plasma(), [20.0], bpp=3.0, task="", out=tmp_path)["psnr"]
    assert fine > coarse + 0.5


@pytest.mark.parametrize("timeout", [0.0, -1.0, math.inf, math.nan])
def test_a_timeout_that_is_no_time_is_refused(tmp_path: Path, timeout: float) -> None:
    with pytest.raises(LinksimError, match=f"timeout {timeout:g}: must be above 0"):
        run_comparison(open_experiment((Analog(),), Plasma(), (10.0,), task=""), tmp_path, Pool(), timeout=timeout)


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

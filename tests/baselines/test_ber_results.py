"""Counts of ``linksim ber`` survive interruptions: what is resumed equals what was never interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from baselines import ber_results
from baselines.ber import ErrorCounts, Simulation
from baselines.ber_results import Results, facts
from baselines.fec.nr import NRLDPC
from baselines.fec.uncoded import Uncoded
from baselines.fec.wifi import WifiLDPC
from baselines.modulation import modulation
from linksim.cli.main import run
from linksim.errors import LinksimError
from linksim.files import folder_lock

POINTS = (9.75, 10.25)


def simulation(**settings: Any) -> Simulation:
    return Simulation(WifiLDPC(648, "3/4"), modulation("16qam"), **{"max_blocks": 700, "block_errors": 300} | settings)


class Stopped(Exception):
    pass


@pytest.mark.parametrize("batches", range(1, 6))
def test_an_interrupted_run_resumes_after_its_last_batch(
    batches: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ber_results, "SECONDS_BETWEEN_SAVES", 0.0)
    whole = Results(simulation(), tmp_path / "whole")
    whole.measure(POINTS)
    whole.save()

    measured = 0

    def stop(done: int, total: int) -> None:
        nonlocal measured
        measured += 1
        if measured == batches:
            raise Stopped

    with pytest.raises(Stopped):
        Results(simulation(), tmp_path / "cut").measure(POINTS, stop)
    kept = pd.read_csv(tmp_path / "cut" / "ber.csv")
    assert kept["blocks"].sum() > 0
    resumed = Results(simulation(), tmp_path / "cut")
    resumed.measure(POINTS, stop)
    resumed.save()
    assert measured == 5  # no batch twice
    for name in ("ber.csv", "ber.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_points_that_are_done_are_not_measured_again_and_others_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Results(simulation(), tmp_path)
    first.measure([10.25])
    first.save()
    measured: list[float] = []
    batch = Simulation.batch
    monkeypatch.setattr(
        Simulation, "batch", lambda self, snr, *rest: (measured.append(snr), batch(self, snr, *rest))[1]
    )
    second = Results(simulation(), tmp_path)
    second.measure([9.75, 10.25, 11.0])
    second.save()
    assert set(measured) == {9.75, 11.0}
    assert pd.read_csv(tmp_path / "ber.csv")["snr_db"].tolist() == [9.75, 10.25, 11.0]
    assert second.table([10.25]).to_dict() == first.table([10.25]).to_dict()


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (simulation(seed=1), "seed 0, not 1"),
        (simulation(max_blocks=600), "max_blocks 700, not 600"),
        (simulation(block_errors=5), "block_errors 300, not 5"),
        (Simulation(WifiLDPC(648, "3/4"), modulation("qpsk"), 700, 300), "modulation 16qam, not qpsk"),
        (Simulation(WifiLDPC(648, "1/2"), modulation("16qam"), 700, 300), "rate 3/4, not 1/2"),
        (
            Simulation(WifiLDPC(648, "3/4"), modulation("16qam"), 700, 300, demapper="maxlog"),
            "demapper app, not maxlog",
        ),
    ],
)
def test_other_settings_are_refused_by_name(other: Simulation, says: str, tmp_path: Path) -> None:
    earlier = Results(simulation(), tmp_path)
    earlier.counts[10.0] = ErrorCounts(10.0, 256, 1, 0, 256 * 486, 3, 9)
    earlier.save()
    before = (tmp_path / "ber.csv").read_bytes()
    with pytest.raises(LinksimError, match=says) as error:
        Results(other, tmp_path)
    assert "\n" not in str(error.value)
    assert (tmp_path / "ber.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("snr_db\n1\n", "cannot be read"),
        ("snr_db,blocks,block_errors,undetected,bits,bit_errors,squared_bit_errors\n1,a,0,0,0,0,0\n", "cannot be read"),
        ("snr_db,blocks,block_errors,undetected,bits,bit_errors,squared_bit_errors\n1,5,0,0,0,0,0\n", "whole batches"),
    ],
)
def test_a_damaged_table_is_refused(text: str, says: str, tmp_path: Path) -> None:
    Results(simulation(), tmp_path)
    (tmp_path / "ber.csv").write_text(text)
    with pytest.raises(LinksimError, match=says):
        Results(simulation(), tmp_path)


def test_a_table_without_settings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ber.csv").write_text("snr_db\n")
    with pytest.raises(LinksimError, match=r"no ber\.json"):
        Results(simulation(), tmp_path)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_what_is_kept(sent: signal.Signals) -> None:
    words = "ber --code uncoded --modulation qpsk --snr 3:9 --max-blocks 4000 --block-errors 4000 --out made".split()  # noqa: SIM905
    process = subprocess.Popen([sys.executable, "-m", "linksim", *words], stdout=-1, stderr=-1, text=True)
    while not Path("made/ber.csv").exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    said = err.splitlines()[-1]
    assert said.startswith("linksim: interrupted; ")
    assert "of 7 SNRs are done; the counts so far are in made/ber.csv, and the same command resumes" in said
    assert "uncoded" in out  # the table of what is measured
    assert pd.read_csv("made/ber.csv")["undetected"].isna().all()


def test_one_run_at_a_time_writes_to_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "made").mkdir()
    words = "ber --code uncoded --modulation qpsk --snr 3 --max-blocks 2 --out".split()  # noqa: SIM905
    with folder_lock(tmp_path / "made"):
        assert run([*words, str(tmp_path / "made")]) == 2
    assert "is writing to" in capsys.readouterr().err
    assert not (tmp_path / "made" / "ber.csv").exists()
    assert run([*words, str(tmp_path / "made")]) == 0


def test_a_code_that_detects_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ber", "--code", "uncoded", "--modulation", "qpsk", "--snr", "3", "--max-blocks", "2"]) == 0
    assert "uncoded detects no error: the receiver takes every block as it is" in capsys.readouterr().out
    assert run(["ber", "--code", "ldpc-648-1/2", "--modulation", "qpsk", "--snr", "-3", "--max-blocks", "2"]) == 0
    assert "undetected by the decoder: 0 of the 2 wrong blocks" in capsys.readouterr().out
    assert not Uncoded.detects_errors


def test_below_one_bit_per_use_eb_n0_is_the_larger() -> None:
    lines = facts(
        Simulation(NRLDPC(Fraction(1, 3)), modulation("qpsk")), pd.DataFrame({"block_errors": [], "undetected": []})
    )
    assert "Eb/N0 = Es/N0 + 1.76 dB" in lines[1]  # 10 log10(3/2)

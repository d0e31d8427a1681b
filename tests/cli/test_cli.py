"""The command line as a user meets it: quick help, one line for a bad request, nothing lost."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from linksim.cli.main import COMMANDS, run


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    y, x = np.mgrid[:80, :96]
    for i in range(3):
        smooth = np.stack([128 + 100 * np.sin(x / 17 + i), 128 + 90 * np.cos(y / 13), x + y], -1)
        Image.fromarray(smooth.clip(0, 255).astype(np.uint8)).save(folder / f"{i}.png")
    return folder


def test_help_is_quick() -> None:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        shown = subprocess.run([sys.executable, "-m", "linksim", "--help"], capture_output=True, text=True, check=True)
        times.append(time.perf_counter() - start)
    for command in COMMANDS:
        assert command in shown.stdout
    # Importing torch alone takes longer; the bound is generous, since machines that run tests are busy.
    assert min(times) < 3
    heavy = ("torch", "numba", "matplotlib", "pandas")
    loaded = f"import sys, linksim.cli.main as m; m.build(); print([n for n in {heavy} if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True).stdout.strip() == "[]"


def test_lists_and_help_load_no_torch() -> None:
    lines = [["methods"], ["channels"], ["datasets"], *([name, "--help"] for name in COMMANDS)]
    loaded = f"import sys, linksim.cli.main as m; print([x for x in {lines} if m.run(x) or 'torch' in sys.modules][:1])"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    assert "Usage" in capsys.readouterr().out


def test_no_command_shows_the_help_and_an_unknown_one_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    out, err = capsys.readouterr()
    assert "\n  compare " in out
    assert err == ""
    assert run(["compre", "--methods", "bpg"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"linksim: unknown command 'compre' (did you mean 'compare'?); known: {', '.join(sorted(COMMANDS))}\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--methods"),
        (["--methods", "bgp"], "unknown method 'bgp' (did you mean 'bpg'?); known: "),
        (["--methods", "bpg+ldpc-7/8"], "rate '7/8'"),
        (["--methods", "bpg+17qam"], "17qam"),
        (["--methods", "bpg+qpsk+16qam"], "second modulation"),
        (["--methods", "no.such:Link"], "cannot import module 'no.such'"),
        (["--methods", "foreign:Nothing"], "has no 'Nothing'"),
        (["--methods", "foreign:Warmth"], "must give a linksim.Link, but gives Warmth"),
        (["--methods", "bpg,bpg"], "given twice"),
        (["--methods", "bpg", "--snr", "20:0"], "SNR '20:0'"),
        (["--methods", "bpg", "--snr", "warm"], "SNR 'warm'"),
        (["--methods", "bpg", "--bpp", "0"], "bpp 0"),
        (["--methods", "bpg", "--bpp", "-1"], "bpp -1"),
        (["--methods", "bpg", "--bpp", "x"], "bpp 'x'"),
        (["--methods", "bpg", "--bpp", "1", "--cbr", "1"], "give one of them"),
        (["--methods", "bpg", "--match", "cbr"], "No such option: --match"),
        (["--methods", "bpg", "--channel", "rice"], "unknown channel 'rice'"),
        (["--methods", "bpg", "--over-budget", "nearst"], "'nearst' (did you mean 'nearest'?); known: nearest, outage"),
        (["--methods", "bpg", "--limit", "0"], "limit 0"),
        (["--methods", "bpg", "--trials", "0"], "trials 0"),
        (["--methods", "bpg", "--workers", "-1"], "workers -1"),
        (["--methods", "bpg", "--baseline", "webp"], "baseline 'webp'"),
        (["--methods", "bpg", "--frob"], "--frob"),
        (["--methods", "bpg", "--limit", "many"], "--limit 'many': must be a whole number"),
        (["--methods", "bpg", "--timeout", "long"], "--timeout 'long': must be a number"),
    ],
)
def test_a_bad_request_gets_one_line(
    arguments: list[str], says: str, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare", "--dataset", str(pictures), "--task", "none", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert says in err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("dataset", "says"),
    [
        ("no/such/folder", "no such folder"),
        ("phots", "did you mean 'photos'"),
        ("stamps10/third", "no split 'third'"),
        ("kodak:elsewhere", "no such folder: elsewhere"),
    ],
)
def test_a_bad_data_set_gets_one_line(dataset: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "--methods", "bpg", "--dataset", dataset]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert says in err


@pytest.mark.parametrize(
    "command",
    [
        "compare --methods deepjscc",
        "reproduce fig4",
        "train deepjscc --out trained",
        "train-task head.safetensors",
    ],
)
@pytest.mark.parametrize("device", ["cuda:99", "gpu"])
def test_a_device_that_is_not_there_gets_one_line(
    command: str, device: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command.split(), "--device", device]) == 2
    said = f"linksim: --device '{device}': torch has no such device here; there is cpu"
    assert capsys.readouterr().err.startswith(said)
    assert not list(Path().iterdir())


def test_a_broken_image_is_named(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = pictures / "1.png"
    path.write_bytes(path.read_bytes()[:200])
    assert run(["compare", "--methods", "jpeg", "--dataset", str(pictures), "--task", "none"]) == 2
    err = capsys.readouterr().err.splitlines()
    assert "1.png" in err[-1]
    assert "Traceback" not in "".join(err)


def test_compare_plot_and_a_second_run(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", "--methods", "jpeg,bpg", "--dataset", str(pictures), "--task", "none", "--snr", "8:14:2"]
    words += ["--bpp", "2", "--workers", "1", "--out", "run", "--no-figures"]
    assert run(words) == 0
    out = capsys.readouterr().out
    assert "PSNR (dB) at bpp=2" in out
    assert "Es/N0 per complex symbol" in out
    table = pd.read_csv("run/summary.csv").set_index(["method", "snr_db"])
    assert (table.loc[("bpg", [8.0]), "outage"] == 1).all()
    assert (table.loc[("bpg", [12.0, 14.0]), "outage"] == 0).all()
    assert table.loc[("bpg", 12.0), "psnr"] == table.loc[("bpg", 14.0), "psnr"] > 30
    assert run(words) == 0
    assert run(["plot", "run", "--metric", "psnr", "--style", "ieee", "--out", "figures"]) == 0
    assert {p.name for p in Path("figures").iterdir()} == {"psnr.png", "psnr.pdf"}
    capsys.readouterr()
    for words, says in (
        (["plot", "run", "--metric", "map"], "unknown metric 'map'"),
        (["plot", "run", "--style", "iee"], "unknown style 'iee' (did you mean 'ieee'?)"),
        (["plot", "run", "--x", "snr"], "unknown x axis 'snr' (did you mean 'snr_db'?)"),
        (["plot", "elsewhere"], "holds no summary.csv"),
    ):
        assert run(words) == 2
        assert says in capsys.readouterr().err


def test_a_method_that_fails_is_named_and_the_exit_code_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", "--methods", "original,foreign:Loud", "--dataset", "foreign:Plasma", "--snr", "10"]
    assert run([*words, "--task", "none", "--out", "run", "--no-figures"]) == 1
    assert "method 'foreign:Loud' failed: link 'foreign:Loud': average power" in capsys.readouterr().err
    assert set(pd.read_csv("run/summary.csv")["method"]) == {"original"}


def test_ber_refuses_its_folder_before_the_work(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    occupied = pictures / "0.png"
    assert run(["ber", "--snr", "10", "--max-blocks", "1", "--out", str(occupied)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"linksim: cannot make the folder {occupied}: File exists\n"


def test_methods_lists_every_registered_name(capsys: pytest.CaptureFixture[str]) -> None:
    from linksim import registry

    assert run(["methods"]) == 0
    out = capsys.readouterr().out
    for group in ("linksim.links", "linksim.sources", "linksim.fec"):
        for name in registry.names(group):
            assert name in out or name == "separate"

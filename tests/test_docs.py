"""Everything that README and docs tell a reader to type, typed; and what they quote, compared with its source.

Each page is one test: its commands and Python blocks run in order, in a folder that holds what the page takes for
granted (``photo.png``, ``path/to/stl10``, ``model.onnx`` ...) and the files that the page itself shows (blocks with a
``title``). To make that quick every experiment is cut to two images and two SNRs, photographs are reduced to a quarter,
training ends after two steps, and Slurm is a script that runs its job at once, with one worker.
"""

from __future__ import annotations

import configparser
import csv
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from layouts import make_imagenet, make_stl10, make_voc
from PIL import Image
from torch import nn

from linksim import registry
from linksim.cli.main import run
from linksim.errors import DISTRIBUTION

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MORE = {
    "compare": ["--no-figures"],
    "run": ["--no-figures"],
    "reproduce": ["--no-figures"],
    "ber": ["--max-blocks", "64"],
    "train": ["--steps", "2", "--batch", "2", "--val-images", "4"],
    "train-task": ["--size", "32"],
}
"""Options that make a command quick."""
SLURM = {
    "sbatch": 'job=$(cat "$1")\nnohup bash -c "$job" >/dev/null 2>&1 &\necho "Submitted batch job 1"',
    "scancel": "exit 0",
}
HAMMING_ALIST = """7 3
3 4
1 1 2 1 2 2 3
4 4 4
1 0 0
2 0 0
1 2 0
3 0 0
1 3 0
2 3 0
1 2 3
1 3 5 7
2 3 6 7
4 5 6 7
"""


class Block(NamedTuple):
    """A fenced block of a page."""

    line: int
    language: str
    title: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    fence = re.compile(r"^( *)```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^\1```$", re.M | re.S)
    for found in fence.finditer(text):
        indent, language, title, body = found.groups()
        body = re.sub(f"^{indent}", "", body, flags=re.M)
        yield Block(text[: found.start()].count("\n") + 2, language, title or "", body)


def commands(block: Block) -> list[list[str]]:
    """The words of each line of a console block that begins with a prompt."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [shlex.split(line[2:], comments=True) for line in lines if line.startswith("$ ")]


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader's folder, and smaller work: fewer images and SNRs, smaller photographs, no worker processes."""
    from linksim.data.base import Sample
    from linksim.data.photos import Photos
    from linksim.engine import pools
    from linksim.experiment import Experiment

    check, load = Experiment.__post_init__, Photos.__getitem__

    def cut(experiment: Experiment) -> None:
        check(experiment)
        object.__setattr__(experiment, "limit", min(experiment.limit or 2, 2))
        object.__setattr__(experiment, "snr_db", tuple(dict.fromkeys((experiment.snr_db[0], experiment.snr_db[-1]))))

    def quarter(photos: Photos, index: int) -> Sample:
        sample = load(photos, index)
        return Sample(np.asarray(Image.fromarray(sample.image).reduce(4)), sample.key, sources=sample.sources)

    monkeypatch.setattr(Experiment, "__post_init__", cut)
    monkeypatch.setattr(Photos, "__getitem__", quarter)
    monkeypatch.setattr(pools, "ProcessPool", lambda workers, preload=(): pools.Pool())
    for place in (ROOT, tmp_path):
        monkeypatch.syspath_prepend(place)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    picture = Image.fromarray(load(Photos(), 0).image).reduce(6)
    pictures = [
        "photo.png",
        *(f"path/to/{name}.png" for name in ("images/a", "images/b", "classes/x/a", "classes/y/b")),
    ]
    for name in (*pictures, *(f"bin/{name}" for name in SLURM), "linksim/.venv/bin/activate", "path/to/code.alist"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    for name in pictures:
        picture.save(tmp_path / name)
    (tmp_path / "path/to/code.alist").write_text(HAMMING_ALIST)
    (tmp_path / "linksim/.venv/bin/activate").touch()
    for name, script in SLURM.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    for name, make in {"stl10": make_stl10, "ILSVRC": make_imagenet, "VOCdevkit": make_voc}.items():
        (tmp_path / "path/to" / name).mkdir()
        make(tmp_path / "path/to" / name)
        for path in (tmp_path / "path/to" / name).rglob("*.[jJpP]*[gG]"):
            picture.save(path)  # theirs are smaller than BPG allows


def make_models() -> None:
    """What a page calls a reader's own model of ten classes, in each format."""
    keras = pytest.importorskip("tensorflow").keras
    Path("names.txt").write_text("".join(f"{name}\n" for name in registry.dataset("stamps10").classes))
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch would rather have torch.export
        torch.jit.save(torch.jit.trace(network, torch.zeros(1, 3, 96, 96)), "model.pt")
        for name, size in {"model.onnx": 224, "path/to/birds.onnx": 96}.items():
            torch.onnx.export(network, (torch.zeros(1, 3, size, size),), name, dynamo=False)
    layers = keras.layers
    keras.Sequential([keras.Input((96, 96, 3)), layers.GlobalAveragePooling2D(), layers.Dense(10)]).save("model.keras")


@pytest.fixture
def servers() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Programs that a page starts and that run on until its end, the last first."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in reversed(started):
        process.terminate()
        process.wait(30)


@pytest.mark.usefixtures("reader")
@pytest.mark.filterwarnings("ignore:Matplotlib is building the font cache")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's, beside numpy 2
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page_does_as_it_says(page: Path, servers: list[subprocess.Popen[bytes]]) -> None:
    shown = list(blocks(page))
    if re.search(r"model\.pt|birds\.onnx", page.read_text(encoding="utf-8")):
        make_models()
    for block in shown:
        if block.title:
            Path(block.title).write_text(on_this_machine(block.text), encoding="utf-8")
    names: dict[str, Any] = {"__name__": "__page__"}
    for block in shown:
        if block.language == "console":
            for words in commands(block):
                where = f"{page.name}:{block.line}: {shlex.join(words)}"
                carry_out([on_this_machine(word) for word in words], where, servers)
        elif block.language == "python" and not block.title:
            source = "\n" * (block.line - 1) + block.text  # so that a traceback names the page's own line
            exec(compile(source, str(page), "exec"), names)
        elif block.language == "ini":
            check_entry_points(block.text)


def on_this_machine(text: str) -> str:
    """A cluster's sizes and names cut down to one worker here."""
    for theirs, ours in {
        "cores: 16 ": "cores: 1",
        "jobs: 8\n": "jobs: 1\n",
        "//scheduler:8786": "//127.0.0.1:18786",
    }.items():
        text = text.replace(theirs, ours)
    return text


def carry_out(words: list[str], where: str, servers: list[subprocess.Popen[bytes]]) -> None:
    """Do what a line says."""
    program, *arguments = words
    if program == "make":
        carry_out_target(arguments[0], where, servers)
    elif program == "pip":
        check_extras(arguments[-1], where)
    elif program == "python":
        subprocess.run([sys.executable, ROOT / arguments[0], "--help"], check=True, capture_output=True)
    elif program == "jupyter":
        assert list((ROOT / arguments[-1]).glob("*.ipynb")), where
    elif program == "dask":
        more = {
            "scheduler": ["--host", "tcp://127.0.0.1:18786", "--no-dashboard"],
            "worker": ["--nworkers", "1", "--no-dashboard"],
        }
        servers.append(subprocess.Popen([sys.executable, "-m", "dask", *arguments, *more[arguments[0]]]))
    else:
        assert program == "linksim", where
        assert run([*arguments, *MORE.get(arguments[0], [])]) == 0, where


def carry_out_target(target: str, where: str, servers: list[subprocess.Popen[bytes]]) -> None:
    """What ``make`` would call in an environment that is set up; of other programs than linksim only the names."""
    settled = [option for name in (".installed", ".extras") for option in ("-o", f".venv/{name}")]
    planned = subprocess.run(["make", "-n", *settled, target], cwd=ROOT, capture_output=True, text=True)
    assert planned.returncode == 0, f"{where}: {planned.stderr}"
    lines = planned.stdout.replace("\\\n", " ").splitlines()
    called = [shlex.split(line)[1:] for line in lines if line.startswith(".venv/bin/linksim ")]
    assert called or target == "test", where  # which is what runs this
    for arguments in called:
        carry_out(["linksim", *arguments], where, servers)


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def check_extras(requirement: str, where: str) -> None:
    extras = re.fullmatch(rf"(?:{DISTRIBUTION}|\.)(?:\[([\w,]+)\])?", requirement)
    assert extras, where
    for extra in filter(None, (extras[1] or "").split(",")):
        assert extra in setup_cfg()["options.extras_require"], where


def check_entry_points(text: str) -> None:
    from linksim.registry import GROUPS

    parser = configparser.ConfigParser()
    parser.read_string(text)
    assert set(parser["options.entry_points"]) <= set(GROUPS)


def test_the_rules_for_commands_tell_right_from_wrong() -> None:
    for wrong in (["linksim", "train", "deepjscc", "--no-such-option", "1"], ["make", "nothing"], ["curl", "x"]):
        with pytest.raises(AssertionError):
            carry_out(wrong, "here", [])


def first_column(page: Path, heading: str) -> list[str]:
    """Names in backticks in the first column of a section's table."""
    section = page.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    return [name for row in re.findall(r"^\| (`[^|]*)\|", section, re.M) for name in re.findall(r"`(\w+)`", row)]


def test_files_page_lists_every_column() -> None:
    from baselines.ber import Simulation
    from baselines.ber_results import Results
    from baselines.fec.uncoded import Uncoded
    from baselines.modulation import QAM
    from linksim.engine.store import SCHEMA
    from linksim.scoring.aggregation import COLUMNS

    page = ROOT / "docs/reference/files.md"
    assert first_column(page, "Rows") == SCHEMA.names
    assert first_column(page, "Summary") == COLUMNS
    simulation = Simulation(Uncoded(), QAM(2), max_blocks=1)
    results = Results(simulation)
    results.measure([10.0])
    assert first_column(page, "Error rates") == list(results.table([10.0]))


def test_recipe_page_lists_every_key() -> None:
    from linksim.recipes.reading import GAIN_KEYS, KEYS, METHOD_KEYS, QUICK_KEYS

    page = ROOT / "docs/how-to/reproduce-and-recipes.md"
    assert sorted(first_column(page, "A recipe of your own")) == sorted(KEYS)
    rows = {row.split("|")[1].strip(): row for row in page.read_text(encoding="utf-8").splitlines() if row[:3] == "| `"}
    for key, inner in (("methods", METHOD_KEYS), ("gains", GAIN_KEYS), ("quick", QUICK_KEYS)):
        assert {f"`{name}`" for name in inner} <= set(re.findall(r"`\w+`", rows[f"`{key}`"])) | {"`paper`"}


def test_data_page_quotes_the_heads_scores() -> None:
    page = (ROOT / "docs/reference/data.md").read_text(encoding="utf-8")
    card = json.loads((ROOT / "linksim/tasks/weights/stamps10_head.json").read_text(encoding="utf-8"))
    for split, score in card["scores"].items():
        low, high = score["interval"]
        quoted = f"| `{split}` | {score['images']} | {score['accuracy']:.3f} | {low:.3f} to {high:.3f} |"
        assert quoted in page, f"not on the page: {quoted}"


def load_tool(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


def test_command_page_is_what_the_commands_say() -> None:
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    assert page == load_tool("document_cli").reference(), "run: python tools/document_cli.py"


def test_mistakes_page_quotes_what_was_measured() -> None:
    page = (ROOT / "docs/explanation/mistakes.md").read_text(encoding="utf-8")
    with open(ROOT / "docs/explanation/mistakes.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            quoted = load_tool("measure_mistakes").table_row(row)
            assert quoted in page, f"not on the page: {quoted}"


def test_a_measured_mistake_comes_out_again() -> None:
    from baselines.fec.wifi import WifiLDPC
    from baselines.modulation import QAM

    tool, code, qam = load_tool("measure_mistakes"), WifiLDPC(), QAM(4)
    with open(ROOT / "docs/explanation/mistakes.csv", encoding="utf-8", newline="") as file:
        row = next(r for r in csv.DictReader(file) if r["mistake"] == "noise of N0 in each real dimension")
    assert tool.threshold(code, qam, tool.correct) == pytest.approx(float(row["right"]), abs=0.03)
    assert tool.threshold(code, qam, tool.noise_per_dimension) == pytest.approx(float(row["wrong"]), abs=0.03)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_site_builds_without_warnings(tmp_path: Path) -> None:
    for part in ("docs", "tools"):
        shutil.copytree(ROOT / part, tmp_path / part)
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert "paths: [.]" in settings
    (tmp_path / "mkdocs.yml").write_text(settings.replace("paths: [.]", f"paths: ['{ROOT}']"), encoding="utf-8")
    made = subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "TorchLink" in (tmp_path / "site/reference/api/index.html").read_text(encoding="utf-8")


def test_channels_page_quotes_what_was_measured() -> None:
    page = (ROOT / "docs/explanation/channels.md").read_text(encoding="utf-8")
    with open(ROOT / "docs/explanation/channels.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            quoted = load_tool("measure_mistakes").table_row(row)
            assert quoted in page, f"not on the page: {quoted}"


def test_a_measured_choice_of_channel_comes_out_again() -> None:
    load_tool("measure_mistakes")
    found = {effect.number: effect for effect in load_tool("measure_channels").counting()}
    with open(ROOT / "docs/explanation/channels.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["number"] in found]
    assert len(rows) == len(found) == 2
    for row in rows:
        assert found[row["number"]].right == pytest.approx(float(row["right"]), abs=1e-4)

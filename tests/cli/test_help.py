"""What the commands say of themselves: summaries, headings, names, examples, completion."""

from __future__ import annotations

import configparser
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from linksim import registry
from linksim.cli.main import COMMANDS, build, run


@pytest.fixture(scope="module")
def group() -> Any:
    return typer.main.get_command(build())


def test_every_summary_is_a_short_sentence_that_the_list_shows_whole(
    group: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in COMMANDS:
        summary = group.commands[name].help.split("\n\n")[0]
        assert summary[0].isupper()
        assert summary.endswith(".")
        assert len(summary) < 60
        assert f"  {name:<10}  {summary}\n" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_heading_and_help_fits_a_terminal(
    name: str, group: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [p for p in group.commands[name].params if p.param_type_name == "option"]
    assert all(p.rich_help_panel and p.help for p in options)
    assert run([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "{names}" not in shown.split("\n", 1)[1]
    for heading in {p.rich_help_panel for p in options}:
        assert f"\n{heading}:\n" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_examples_that_parse(name: str, group: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    examples = capsys.readouterr().out.split("\nExamples:\n")[1].splitlines()
    assert 2 <= len(examples) <= 3
    for line in examples:
        program, command, *arguments = shlex.split(line.split(" | ")[0])
        assert program == "linksim"
        group.commands[command].make_context(command, arguments)
    assert any(f" {name} " in f"{line} " for line in examples)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("ber --modulation ", ["bpsk", "qpsk", "16qam", "64qam", "256qam", "1024qam"]),
        ("ber --demapper m", ["maxlog"]),
        ("compare --over-budget ", ["outage", "nearest"]),
        ("compare --channel ", registry.names("linksim.channels")),
        ("encode --codec ", registry.names("linksim.sources")),
        ("plot x --style ", ["default", "ieee"]),
        ("plot x --x ", ["snr_db", "budget"]),
        ("reproduce t", ["table1", "table2"]),
        ("re", ["report", "reproduce"]),
    ],
)
def test_the_shell_completes_names(line: str, names: list[str]) -> None:
    words = f"linksim {line}"
    asked = {"_LINKSIM_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    shown = subprocess.run(
        [sys.executable, "-m", "linksim"], env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == names


def test_help_of_train_lists_what_is_registered(capsys: pytest.CaptureFixture[str]) -> None:
    from jscc.architecture import MAPPINGS
    from jscc.loss import TERMS
    from jscc.methods import ALIASES, METHODS
    from jscc.presets import PRESETS

    assert run(["train", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for names in ([*METHODS, *ALIASES], TERMS, PRESETS, MAPPINGS):
        assert ", ".join(names) in shown


@pytest.mark.parametrize(
    "arguments",
    [
        "train sdjcc --out x",
        "train deepjscc --preset cpus --out x",
        "train deepjscc --loss pixels --out x",
        "train deepjscc --mapping antipodals --out x",
        "train sdjscc --variant papers --out x",
        "ber --modulation 17qam",
        "ber --demapper ap",
        "encode a.png --codec bgp --bpp 1 --out-dir x",
        "decode a.bpg --codec bgp --out-dir x",
        "reproduce fig44",
    ],
)
def test_an_unknown_name_gets_the_nearest_and_the_list(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "did you mean" in err
    assert "known: " in err


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    written = configparser.ConfigParser()
    written.read(Path(__file__).parents[2] / "setup.cfg", encoding="utf-8")
    assert capsys.readouterr().out == f"linksim {written['metadata']['version']}\n"

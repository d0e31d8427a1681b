"""Committed results follow from their command; and the check that says so can fail."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import linksim

TOOL = Path(__file__).parents[1] / "tools" / "check_results.py"


def load_tool() -> Any:
    spec = importlib.util.spec_from_file_location("check_results", TOOL)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_results"] = module
    spec.loader.exec_module(module)
    return module


tool = load_tool()


@pytest.mark.parametrize("folder", tool.folders(), ids=lambda folder: folder.name)
def test_committed_results_follow_from_their_command(folder: Path) -> None:
    assert tool.check(folder) == []


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    options: dict[str, Any] = {"dataset": "foreign:Plasma", "task": "foreign:Warmth", "limit": 4}
    linksim.compare(["original", "foreign:Analog"], snr_db=[0, 10, 20], out=folder, figures=False, **options)
    return folder


def change_rows(folder: Path, name: str, change: Any) -> None:
    """One column of the analog link's rows, changed."""
    path = folder / "rows.parquet"
    table = pq.read_table(path)
    i = table.schema.get_field_index(name)
    mine = [method == "foreign:Analog" for method in table["method"].to_pylist()]
    values = [change(value) if own else value for own, value in zip(mine, table[name].to_pylist(), strict=True)]
    column = pa.array(values, table.schema.field(i).type)
    pq.write_table(table.set_column(i, table.schema.field(i), column), path)


def test_results_as_they_were_made_pass(results: Path) -> None:
    assert tool.check(results) == []
    assert tool.check(results, full=True) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("psnr", lambda value: value + 1e-6),
        ("ssim", lambda value: value - 1e-6),
        ("prediction", lambda value: 1 - value),
        ("correct", lambda value: not value),
        ("ok", lambda value: not value),
        ("bpp", lambda value: value / 2),
        ("key", lambda value: value + "x"),
        ("label", lambda value: value + 7),
    ],
)
def test_a_changed_row_is_found(results: Path, name: str, change: Any) -> None:
    change_rows(results, name, change)
    problems = tool.check(results)
    assert any(line.startswith("foreign:Analog at bpp=0.25, 0 dB, image 0: " + name) for line in problems)


def test_a_changed_summary_is_found(results: Path) -> None:
    path = results / "summary.csv"
    text = path.read_text()
    path.write_text(text.replace("foreign:Analog,bpp=0.25,20,4", "foreign:Analog,bpp=0.25,20,5"))
    assert any(line.startswith("summary.csv lacks the line") for line in tool.check(results))
    assert tool.check(results, full=True) == ["summary.csv does not follow from the rows"]
    path.write_text(text + text.splitlines()[1] + "\n")
    assert tool.check(results) == ["summary.csv has 8 lines, not 7"]


def test_lost_rows_and_another_experiment_are_found(results: Path) -> None:
    path = results / "rows.parquet"
    table = pq.read_table(path)
    pq.write_table(table.filter(pc.equal(table["method"], "original")), path)
    assert [line.split(": ", 1)[1] for line in tool.check(results)] == ["0 rows of what is now asked for, not 12"]
    path = results / "experiment.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    assert len(tool.check(results)) == 2
    path.unlink()
    assert "holds no experiment.json" in tool.check(results)[0]

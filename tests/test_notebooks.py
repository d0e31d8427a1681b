"""The notebooks run from a fresh kernel, on less data than they show, and are committed with their figures."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
REDUCED: dict[str, dict[str, Any]] = {
    "01-first-comparison": {"PHOTOS": 1, "SNR_DB": [8, 12], "STAMPS": 2, "WIDE_SNR_DB": [0, 20]},
    "02-cliff-effect": {"TRIALS": 2, "SNR_DB": [8.0, 11.0]},
    "03-your-own-link": {"IMAGES": 2, "SNR_DB": [0, 20]},
    "04-semantic-weights": {"IMAGES": 4},
    "05-multipath": {"IMAGES": 2, "SNR_DB": [0, 20], "KNOWLEDGE_DB": [6, 22]},
}
"""What the cell tagged ``parameters`` is followed by."""


def figures(notebook: Any) -> int:
    """How many pictures the outputs hold."""
    outputs = (output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs)
    return sum("image/png" in output.get("data", {}) for output in outputs)


def parameters_cell(notebook: Any) -> int:
    (found,) = (i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ()))
    return int(found)


def test_every_notebook_has_a_reduced_form() -> None:
    assert [path.stem for path in NOTEBOOKS] == sorted(REDUCED)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_as_it_ran(path: Path) -> None:
    notebook = nbformat.read(path, 4)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert figures(notebook)
    assert not any(output.output_type == "error" for cell in notebook.cells for output in cell.get("outputs", ()))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, 4)
    shown = figures(notebook)
    where = parameters_cell(notebook)
    assigned = [t.id for s in ast.parse(notebook.cells[where].source).body for t in s.targets]  # type: ignore[attr-defined]
    assert assigned == list(REDUCED[path.stem])
    smaller = "\n".join(f"{name} = {value!r}" for name, value in REDUCED[path.stem].items())
    notebook.cells.insert(where + 1, nbformat.v4.new_code_cell(smaller))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert figures(notebook) == shown

"""A comparison as one self-contained HTML page: curves, table, fairness facts, and pictures of what arrived."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from linksim.engine.opened import Opened
from linksim.engine.pools import Pool
from linksim.engine.replay import MIN_SCORE
from linksim.errors import LinksimError
from linksim.files import write_atomically
from linksim.output import curve_tables, tables
from linksim.output.report.album import Album
from linksim.output.report.page import render
from linksim.output.report.pictures import chosen, gather
from linksim.output.tables import Grid
from linksim.scoring.metrics import Metric


def write_report(
    folder: Path,
    opened: Opened,
    summary: pd.DataFrame,
    facts: Sequence[str],
    *,
    differences: pd.DataFrame | None = None,
    curves: pd.DataFrame | None = None,
    changes: Sequence[str] = (),
    images: int | None = None,
    title: str = "",
    out: Path | None = None,
    pool: Pool | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Write the page of a finished comparison.

    Args:
        folder: where the page goes.
        opened, summary, facts: the comparison.
        differences, curves: to a baseline, if there is one.
        changes: sentences on what has changed since it was measured.
        images: how many images the viewer shows, evenly spaced over the data set; they go through the links again.
        title: the page's heading; by default what was compared.
        out: the file; report.html in the folder by default.
        pool: where the links run; here by default.
        progress: called with the number of finished calls and of all.

    Returns:
        The path of the page.
    """
    if images is not None and images < 0:
        raise LinksimError(f"images {images}: must be at least 0")
    data = _content(opened, summary) | {"facts": list(facts), "csv": tables.as_csv(summary)}
    if differences is not None and len(differences):
        data["differences"] = {
            "baseline": str(differences["baseline"].iloc[0]),
            "rows": [_row(line) for line in differences.to_dict("records")],
        }
    if curves is not None and len(curves):
        data["curves"] = {
            "grids": [_grid(grid) for grid in curve_tables.grids(curves)],
            "notes": curve_tables.notes(curves),
        }
    album = Album()
    numbers = chosen(opened, images)
    if numbers:
        data["viewer"] = gather(opened, data["methods"], numbers, album, pool or Pool(), progress)
    pictures, quality = album.encode()
    data["notes"] = [*_notes(opened, len(numbers), str(quality)), *changes] if numbers else []
    path = out or folder / "report.html"
    write_atomically(path, render(title or _title(opened), data, pictures).encode())
    return path


def _title(opened: Opened) -> str:
    given = opened.experiment
    budgets = " and ".join(budget.text for budget in given.budgets)
    return f"{opened.dataset.name} over {', '.join(given.channels)} at {budgets} {given.budgets[0].kind}"


def _content(opened: Opened, summary: pd.DataFrame) -> dict[str, Any]:
    """What curves, table and command need."""
    return {
        "methods": list(dict.fromkeys(summary["method"].astype(str))),
        "snr_db": sorted(float(value) for value in summary["snr_db"].unique()),
        "channels": list(opened.experiment.channels),
        "budgets": [str(budget) for budget in opened.experiment.budgets],
        "images": opened.size,
        **{name: opened.description[name] for name in ("command", "versions")},
        "metrics": [_metric(metric) for metric in tables.measured(summary)],
        "rows": [_row(line) for line in summary.to_dict("records")],
    }


def _metric(metric: Metric) -> dict[str, Any]:
    """How the page shows a metric."""
    shown = {name: getattr(metric, name) for name in ("column", "label", "digits", "bounds", "log")}
    return shown | {"capped": math.isfinite(metric.cap)}


def _grid(grid: Grid) -> dict[str, Any]:
    """A table of texts."""
    return {
        "title": grid.title,
        "columns": [grid.corner, *grid.columns],
        "rows": [[first, *cells] for first, _, cells in grid.rows],
    }


def _row(line: dict[Any, Any]) -> dict[str, Any]:
    """A line of the summary as JSON can hold it: what was not measured is left out."""
    return {str(name): value for name, value in line.items() if not pd.isna(value)}


def _notes(opened: Opened, count: int, quality: str) -> list[str]:
    """What the reader of the pictures should know."""
    notes = [
        f"{count} of {opened.size} images, evenly spaced over the data set, sent again with the noise of the "
        "first realisation",
        f"pictures are {quality}; numbers and predictions are of what was received",
    ]
    if opened.task and opened.task.kind == "detection":
        notes.append(f"boxes of a score of at least {MIN_SCORE:g} are drawn; mAP counts the weaker ones too")
    return notes

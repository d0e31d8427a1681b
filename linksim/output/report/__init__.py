"""A comparison as one self-contained HTML page: curves, table, fairness facts, and pictures of what arrived."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from linksim.engine.pools import Pool
from linksim.engine.replay import MIN_SCORE
from linksim.engine.store import Store
from linksim.errors import LinksimError
from linksim.experiment import Experiment
from linksim.files import write_atomically
from linksim.output import tables
from linksim.output.report.album import Album
from linksim.output.report.page import render
from linksim.output.report.pictures import chosen, gather
from linksim.output.report.rebuild import check_same, experiment_from
from linksim.scoring.metrics import Metric

__all__ = ["experiment_from", "read_description", "write_report"]


def write_report(
    folder: Path,
    experiment: Experiment,
    *,
    images: int | None = None,
    title: str = "",
    out: Path | None = None,
    pool: Pool | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Write the page of a finished comparison and return its path.

    folder: holds the comparison's experiment.json and summary.csv. images: how many images the viewer shows, evenly
    spaced over the data set; they go through the links again. title: the page's heading, by default what was
    compared. out: the file, report.html in the folder by default. pool: where the links run, here by default.
    """
    if images is not None and images < 0:
        raise LinksimError(f"images {images}: must be at least 0")
    summary = tables.read_summary(folder)
    description = read_description(folder)
    changes = check_same(description, experiment, summary)
    data = _content(description, summary) | {"facts": tables.facts(experiment, summary)}
    data["csv"] = (folder / "summary.csv").read_text(encoding="utf-8")
    album = Album()
    numbers = chosen(experiment, images)
    if numbers:
        data["viewer"] = gather(experiment, data["methods"], numbers, album, pool or Pool(), progress)
    pictures, quality = album.encode()
    data["notes"] = [*_notes(experiment, len(numbers), str(quality)), *changes] if numbers else []
    path = out or folder / "report.html"
    write_atomically(path, render(title or _title(experiment), data, pictures).encode())
    return path


def read_description(folder: Path) -> dict[str, Any]:
    """What experiment.json of a comparison's folder holds."""
    found = Store(folder).experiment() if (folder / "experiment.json").is_file() else None
    if found is None:
        raise LinksimError(f"{folder} holds no experiment.json; make one with 'linksim compare --out {folder}'")
    return found


def _title(experiment: Experiment) -> str:
    budgets = " and ".join(f"{budget.value:g}" for budget in experiment.budgets)
    return f"{experiment.data.name} over {experiment.medium.name} at {budgets} {experiment.budgets[0].kind}"


def _content(description: dict[str, Any], summary: pd.DataFrame) -> dict[str, Any]:
    """What curves, table and command need."""
    return {
        "methods": list(dict.fromkeys(summary["method"].astype(str))),
        "snr_db": sorted(float(value) for value in summary["snr_db"].unique()),
        **{name: description[name] for name in ("budgets", "images", "command", "versions")},
        "metrics": [_metric(metric) for metric in tables.measured(summary)],
        "rows": [_row(line) for line in summary.to_dict("records")],
    }


def _metric(metric: Metric) -> dict[str, Any]:
    """How the page shows a metric."""
    return {name: getattr(metric, name) for name in ("column", "label", "digits", "bounds", "log")}


def _row(line: dict[Any, Any]) -> dict[str, Any]:
    """A line of the summary as JSON can hold it: what was not measured is left out."""
    return {str(name): value for name, value in line.items() if not pd.isna(value)}


def _notes(experiment: Experiment, count: int, quality: str) -> list[str]:
    """What the reader of the pictures should know."""
    notes = [
        f"{count} of {experiment.size} images, evenly spaced over the data set, sent again with the noise of the "
        "first realisation",
        f"pictures are {quality}; numbers and predictions are of what was received",
    ]
    judge = experiment.judge
    if judge and judge.kind == "detection":
        notes.append(f"boxes of a score of at least {MIN_SCORE:g} are drawn; mAP counts the weaker ones too")
    return notes

"""A finished folder, opened again: its experiment, and whether it still is the one that was run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from linksim.data.base import Dataset
from linksim.engine.opened import Opened
from linksim.engine.store import Store
from linksim.errors import LinksimError
from linksim.experiment import Experiment


def read_description(folder: Path) -> dict[str, Any]:
    """What experiment.json of a comparison's folder holds."""
    found = Store(folder).experiment() if (folder / "experiment.json").is_file() else None
    if found is None:
        raise LinksimError(f"{folder} holds no experiment.json; make one with 'linksim compare --out {folder}'")
    return found


def reopen(description: dict[str, Any], device: str = "cpu") -> Opened:
    """The experiment that ``experiment.json`` describes.

    Raises:
        LinksimError: it was written by another version, or its names cannot say what was run.
    """
    opened = Opened(_experiment(description, device))
    try:
        _ = opened.dataset, opened.task, [opened.channel(name) for name in opened.experiment.channels]
        for method in opened.experiment.methods:
            opened.link(method, opened.experiment.budgets[0])
    except LinksimError as error:
        raise LinksimError(
            f"the experiment cannot be opened from its names ({error}); if it ran over Python objects, "
            "write the page where they are, with linksim.output.report.write_report"
        ) from error
    return opened


def _experiment(description: dict[str, Any], device: str = "cpu") -> Experiment:
    if not isinstance(description.get("experiment"), dict):
        raise LinksimError("experiment.json was written by another version of linksim; run the comparison again")
    return Experiment.from_json(description["experiment"] | {"device": device})


def stored_rows(folder: Path, description: dict[str, Any]) -> tuple[pd.DataFrame, Dataset | None]:
    """The rows of the experiment that ``experiment.json`` describes, and its data set where they hold detections.

    Data and links are opened only where the rows do not tell by themselves which are the experiment's.

    Raises:
        LinksimError: there are none, or detections are of other data.
    """
    given, store = _experiment(description), Store(folder)
    rows = store.read_all()
    asked = {
        "method": given.methods,
        "channel": given.channels,
        "budget": tuple(map(str, given.budgets)),
        "snr_db": given.snr_db,
    }
    rows = rows[np.logical_and.reduce([rows[name].isin(values) for name, values in asked.items()])]
    rows = rows if given.limit is None else rows[rows["image"] < given.limit]
    images = rows[["image", "content"]].drop_duplicates()
    units = rows.groupby(["channel", "budget", "method"], observed=True)["unit"].nunique()
    plain = images["image"].is_unique and images["content"].is_unique and not (units > 1).any()
    expected = description.get("identities", {}).get("dataset", {}).get("images", len(images))
    detections = bool(rows["detections"].notna().any())
    opened = Opened(given)
    if len(rows) and (not plain or len(images) > expected):
        opened = reopen(description)
        rows = store.read(opened.units())
    elif detections and any(opened.contents.get(i) != content for i, content in images.itertuples(index=False)):
        raise LinksimError(f"data set {given.dataset!r}: not what was run; run the comparison again")
    if rows.empty:
        raise LinksimError(f"{folder} holds no rows of its experiment as it runs now; run the comparison again")
    rows = rows.sort_values(["image", "trial"], kind="stable", ignore_index=True)
    return rows, opened.dataset if detections else None


def changes_since(description: dict[str, Any], opened: Opened, summary: pd.DataFrame) -> list[str]:
    """Sentences on what has changed since the experiment was run and described.

    Raises:
        LinksimError: data, task or channels are not those that were run, or the summary is not this experiment's.
    """
    now: dict[str, Any] = json.loads(json.dumps(opened.description))
    before = description.get("identities", {})
    for name, identity in now["identities"].items():
        if name != "links" and identity != before.get(name):
            raise LinksimError(f"{name}: not what was run; run the comparison again")
    experiment = opened.experiment
    strangers = set(summary["method"].astype(str)) - set(experiment.methods)
    points = summary["snr_db"].nunique(), summary["budget"].nunique(), summary["channel"].nunique()
    if strangers or points != (len(experiment.snr_db), len(experiment.budgets), len(experiment.channels)):
        raise LinksimError("summary.csv is not of the experiment in experiment.json; run the comparison again")
    then = description.get("versions", {})
    changes = [
        f"{name} {then.get(name)}, now {value}" for name, value in now["versions"].items() if then.get(name) != value
    ]
    links = before.get("links", {})
    changes += [f"the link {name}" for name, value in now["identities"]["links"].items() if links.get(name) != value]
    if not changes:
        return []
    return [f"since the table was made, this has changed, so pictures may differ from it: {'; '.join(changes)}"]

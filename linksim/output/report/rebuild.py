"""A finished folder, opened again: its experiment, and whether it still is the one that was run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

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
    if not isinstance(description.get("experiment"), dict):
        raise LinksimError("experiment.json was written by another version of linksim; run the comparison again")
    opened = Opened(Experiment.from_json(description["experiment"] | {"device": device}))
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

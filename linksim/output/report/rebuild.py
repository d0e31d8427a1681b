"""From ``experiment.json`` back to the experiment, and whether it still is the one that was run."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pandas as pd

from linksim.errors import LinksimError
from linksim.experiment import Experiment
from linksim.grid import parse_budgets


def experiment_from(description: dict[str, Any], device: str = "cpu") -> Experiment:
    """The experiment that ``Experiment.describe`` described; a LinksimError if names cannot say what it was."""
    try:
        words = shlex.split(description["command"])
        named = dict(zip(words[2::2], words[3::2], strict=True))
        task = named.get("--task")
        experiment = Experiment(
            methods=tuple(description["methods"]),
            dataset=named["--dataset"],
            snr_db=tuple(description["snr_db"]),
            budgets=tuple(budget for text in description["budgets"] for budget in parse_budgets(*text.split("="))),
            channel=named.get("--channel", "awgn"),
            task="" if task == "none" else task,
            seed=description["seed"],
            trials=description["trials"],
            limit=int(named["--limit"]) if "--limit" in named else None,
            over_budget=description["over_budget"],
            device=device,
        )
    except LinksimError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise LinksimError(f"the experiment's description is incomplete: {type(error).__name__} {error}") from error
    _check_names(experiment)
    return experiment


def _check_names(experiment: Experiment) -> None:
    try:
        _ = experiment.data, experiment.medium, experiment.judge
        for method in experiment.method_names:
            experiment.link(method, experiment.budgets[0])
    except LinksimError as error:
        raise LinksimError(
            f"the experiment cannot be rebuilt from its names ({error}); if it ran over Python objects, "
            "write the page where they are, with linksim.output.report.write_report"
        ) from error


MAY_CHANGE = ("command", "linksim", "links", "notes", "versions")
"""What two descriptions of one experiment may differ in: how it was written, and by which programs it was run."""


def check_same(description: dict[str, Any], experiment: Experiment, summary: pd.DataFrame) -> list[str]:
    """Sentences on what has changed since the experiment was run and described; a LinksimError if it is another one,
    or if the summary is not its."""
    now = json.loads(json.dumps(experiment.describe()))
    for name in now:
        if name not in MAY_CHANGE and now[name] != description.get(name):
            raise LinksimError(f"{name} is not what was run: {description.get(name)} then, {now[name]} now")
    strangers = set(summary["method"].astype(str)) - set(experiment.method_names)
    points = summary["snr_db"].nunique(), summary["budget"].nunique()
    if strangers or points != (len(experiment.snr_db), len(experiment.budgets)):
        raise LinksimError("summary.csv is not of the experiment in experiment.json; run the comparison again")
    then = description.get("versions", {})
    changes = [
        f"{name} {then.get(name)}, now {value}" for name, value in now["versions"].items() if then.get(name) != value
    ]
    changes += [
        f"the link {name}" for name, value in now["links"].items() if description.get("links", {}).get(name) != value
    ]
    if not changes:
        return []
    return [f"since the table was made, this has changed, so pictures may differ from it: {'; '.join(changes)}"]

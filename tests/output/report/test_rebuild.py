"""From experiment.json back to the experiment."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from foreign import Analog, Plasma

from linksim.errors import LinksimError
from linksim.experiment import Experiment
from linksim.link import Budget
from linksim.output.report import experiment_from
from linksim.output.report.rebuild import check_same
from linksim.output.tables import read_summary


def stored(experiment: Experiment) -> dict[str, Any]:
    """The description as it comes back from its file."""
    return dict(json.loads(json.dumps(experiment.describe())))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"task": ""},
        {"limit": 3, "seed": 5, "trials": 1, "channel": "rayleigh-fast"},
        {"budgets": (Budget("cbr", 0.125),), "over_budget": "nearest"},
        {"snr_db": (10.0, 1.5, -3.0)},
    ],
)
def test_an_experiment_of_names_comes_back(experiment: Experiment, changes: dict[str, Any]) -> None:
    before = replace(experiment, **changes)
    after = experiment_from(stored(before))
    assert {f.name: getattr(after, f.name) for f in fields(after) if f.init} == {
        f.name: getattr(before, f.name) for f in fields(before) if f.init
    }


@pytest.mark.parametrize("changes", [{"dataset": Plasma()}, {"methods": (Analog(),)}])
def test_objects_cannot_come_back(experiment: Experiment, changes: dict[str, Any]) -> None:
    with pytest.raises(LinksimError, match="Python objects"):
        experiment_from(stored(replace(experiment, **changes)))


@pytest.mark.parametrize("changes", [{"seed": 1}, {"dataset": Plasma(7)}, {"task": ""}, {"snr_db": (1.0,)}])
def test_another_experiment_is_refused(experiment: Experiment, folder: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(LinksimError, match="is not what was run"):
        check_same(stored(experiment), replace(experiment, **changes), read_summary(folder))


def test_another_summary_is_refused(experiment: Experiment, folder: Path) -> None:
    summary = read_summary(folder)
    for other in (summary[summary["snr_db"] > 4], summary.replace({"method": {"webp+capacity": "bpg"}})):
        with pytest.raises(LinksimError, match="run the comparison again"):
            check_same(stored(experiment), experiment, other)


def test_what_changed_since_is_said(experiment: Experiment, folder: Path) -> None:
    summary, description = read_summary(folder), stored(experiment)
    assert check_same(description, experiment, summary) == []
    description["versions"]["numpy"] = "1.0"
    description["links"]["foreign:Analog bpp=1"] = {}
    (said,) = check_same(description, experiment, summary)
    assert "numpy 1.0, now" in said
    assert "the link foreign:Analog bpp=1" in said
    assert check_same(description, experiment, summary[summary["method"] == "foreign:Analog"])  # the other one failed


@pytest.mark.parametrize("missing", ["command", "methods", "budgets", "seed"])
def test_an_incomplete_description_is_named(experiment: Experiment, missing: str) -> None:
    description = stored(experiment)
    del description[missing]
    with pytest.raises(LinksimError, match=missing):
        experiment_from(description)

"""From experiment.json back to the experiment."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from foreign import Analog, Plasma

from linksim.engine.opened import Opened, open_experiment
from linksim.errors import LinksimError
from linksim.link import Budget
from linksim.output.report.rebuild import changes_since, reopen
from linksim.output.tables import read_summary


def stored(opened: Opened) -> dict[str, Any]:
    """The description as it comes back from its file."""
    return dict(json.loads(json.dumps(opened.description)))


def changed(opened: Opened, **fields: Any) -> Opened:
    """The experiment with other fields, opened anew."""
    return Opened(replace(opened.experiment, **fields))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"task": "none"},
        {"limit": 3, "seed": 5, "trials": 1, "channels": ("rayleigh-fast",)},
        {"budgets": (Budget("cbr", 0.125),), "over_budget": "nearest"},
        {"snr_db": (10.0, 1.5, -3.0)},
    ],
)
def test_an_experiment_of_names_comes_back(opened: Opened, changes: dict[str, Any]) -> None:
    before = changed(opened, **changes)
    assert reopen(stored(before)).experiment == before.experiment


@pytest.mark.parametrize("changes", [{"dataset": Plasma()}, {"methods": (Analog(),)}])
def test_objects_cannot_come_back(changes: dict[str, Any]) -> None:
    given = {"methods": ("original",), "dataset": "foreign:Plasma", "task": "none", **changes}
    with pytest.raises(LinksimError, match="Python objects"):
        reopen(stored(open_experiment(**given)))


@pytest.mark.parametrize("changes", [{"limit": 3}, {"task": "none"}, {"channels": ("rayleigh-fast",)}])
def test_another_experiment_is_refused(opened: Opened, folder: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(LinksimError, match="not what was run"):
        changes_since(stored(opened), changed(opened, **changes), read_summary(folder))


def test_another_summary_is_refused(opened: Opened, folder: Path) -> None:
    summary = read_summary(folder)
    for other in (summary[summary["snr_db"] > 4], summary.replace({"method": {"webp+capacity": "bpg"}})):
        with pytest.raises(LinksimError, match="run the comparison again"):
            changes_since(stored(opened), opened, other)


def test_what_changed_since_is_said(opened: Opened, folder: Path) -> None:
    summary, description = read_summary(folder), stored(opened)
    assert changes_since(description, opened, summary) == []
    description["versions"]["numpy"] = "1.0"
    description["identities"]["links"]["foreign:Analog bpp=1"] = {}
    (said,) = changes_since(description, opened, summary)
    assert "numpy 1.0, now" in said
    assert "the link foreign:Analog bpp=1" in said
    one = summary[summary["method"] == "foreign:Analog"]  # the other one failed
    assert changes_since(description, opened, one)


def test_an_incomplete_description_is_named(opened: Opened) -> None:
    description = stored(opened)
    with pytest.raises(LinksimError, match="another version"):
        reopen({name: value for name, value in description.items() if name != "experiment"})
    for field, value in (("methods", None), ("budgets", ["x"]), ("sead", 1)):
        wrong = {k: v for k, v in description["experiment"].items() if k != field} | ({field: value} if value else {})
        with pytest.raises(LinksimError, match=r"methods|budget|sead"):
            reopen({"experiment": wrong})

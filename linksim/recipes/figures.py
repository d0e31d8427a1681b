"""The figures of a recipe: metrics over SNR, over the budget, or over an axis of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from linksim.errors import LinksimError
from linksim.files import write_atomically
from linksim.output import plots
from linksim.output.tables import as_csv, measured
from linksim.recipes.recipe import Recipe
from linksim.scoring.metrics import Metric

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOG_FROM = 30
"""An own axis is logarithmic if its largest place is so many times its smallest."""


AXIS = "axis.csv"
"""In a run's folder: the methods that have a place on an axis of the recipe's own, whose label is the second column's
name."""


@dataclass(frozen=True)
class Axis:
    """An x axis of a recipe's own: its label, and the place of each method that has one."""

    label: str
    places: Mapping[str, float]

    @classmethod
    def of(cls, recipe: Recipe) -> Axis:
        """A recipe's."""
        return cls(recipe.x, {entry.method: entry.at for entry in recipe.methods if entry.at is not None})

    def write(self, folder: Path) -> None:
        """Leave the axis in a run's folder."""
        frame = pd.DataFrame({"method": list(self.places), self.label: list(self.places.values())})
        write_atomically(folder / AXIS, as_csv(frame).encode())

    @classmethod
    def read(cls, folder: Path, summary: pd.DataFrame) -> Axis | None:
        """The axis of a run's folder, or None if it has none, or none that this summary's methods are on."""
        path = folder / AXIS
        if not path.is_file():
            return None
        try:
            frame = pd.read_csv(path, dtype={"method": str})
            method, label = frame.columns
            places = dict(zip(frame[method], frame[label].astype(float), strict=True))
        except (ValueError, KeyError, OSError) as error:
            raise LinksimError(f"{path} must have the columns method and a place: {error}") from error
        return cls(str(label), places) if set(places) & set(summary["method"]) else None


def draw(summary: pd.DataFrame, recipe: Recipe, folder: Path) -> list[Path]:
    """The recipe's figures as folder/METRIC.png and .pdf. One that wants ``acc`` of images without labels gets
    ``agreement``; metrics that were not measured are left out."""
    found = {metric.column: metric for metric in measured(summary)}
    stand_in = {metric.instead_of: metric.column for metric in found.values()}
    wanted = [name if name in found else stand_in.get(name, name) for name in recipe.figures]
    names = [name for name in wanted if name in found]
    if not recipe.own_axis:
        return [path for name in names for path in plots.save_all(summary, folder, x=recipe.x, only=name)]
    axis = Axis.of(recipe)
    return [path for name in names for path in save_placed(summary, axis, folder, only=name)]


def save_placed(
    summary: pd.DataFrame, axis: Axis, folder: Path, style_name: str = "default", only: str = ""
) -> list[Path]:
    """``plots.save_all`` over a recipe's own axis."""
    return plots.save_each(summary, folder, style_name, only, lambda metric: placed(summary, metric, axis))


def placed(summary: pd.DataFrame, metric: Metric, axis: Axis) -> Figure:
    """A metric over the recipe's own axis with its 95 % intervals; methods without a place are horizontal lines."""
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    places = axis.places
    groups = summary.groupby(["channel", "budget", "snr_db"], sort=False)
    several, channels = groups.ngroups > 1, summary["channel"].nunique() > 1
    for i, ((channel, budget, snr_db), lines) in enumerate(groups):
        where = f"{budget}, {snr_db:g} dB" + f", {channel}" * channels
        _points(axes, lines, places, metric, i, where)
        for method, value in zip(lines["method"], lines[metric.column], strict=True):
            if method not in places and math.isfinite(value):
                look = "--" if method == "original" else ":"
                label = f"{method}, {where}" if several else method
                axes.axhline(
                    value, color=plots.COLOURS[len(axes.lines) % len(plots.COLOURS)], linestyle=look, label=label
                )
    if min(places.values()) > 0 and max(places.values()) >= LOG_FROM * min(places.values()):
        axes.set_xscale("log")
    axes.set_xlabel(axis.label)
    axes.set_ylabel(metric.label)
    axes.legend()
    return figure


def _points(axes: Any, lines: pd.DataFrame, places: Mapping[str, float], metric: Metric, i: int, label: str) -> None:
    """The methods that have a place, in its order, joined by a line."""
    there = lines[lines["method"].isin(list(places))]
    there = there.assign(at=there["method"].map(places)).sort_values("at")
    colour, values = plots.COLOURS[i % len(plots.COLOURS)], there[metric.column]
    axes.plot(there["at"], values, color=colour, marker=plots.MARKERS[i % len(plots.MARKERS)], label=label)
    low, high = f"{metric.column}_lo", f"{metric.column}_hi"
    if low in there and there[low].notna().any():
        axes.fill_between(there["at"], there[low], there[high], color=colour, alpha=0.15, linewidth=0)

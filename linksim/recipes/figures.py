"""The figures of a recipe: metrics over SNR, over the budget, or over an axis of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from linksim import plots
from linksim.recipes.recipe import Recipe
from linksim.tables import Metric, measured

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOG_FROM = 30
"""An own axis is logarithmic if its largest place is so many times its smallest."""


def draw(summary: pd.DataFrame, recipe: Recipe, folder: Path) -> list[Path]:
    """The recipe's figures as folder/METRIC.png and .pdf. One that wants ``acc`` of images without labels gets
    ``agreement``; metrics that were not measured are left out."""
    found = {metric.column: metric for metric in measured(summary)}
    wanted = ["agreement" if name == "acc" and "agreement" in found else name for name in recipe.figures]
    if not recipe.own_axis:
        return [path for n in wanted if n in found for path in plots.save_all(summary, folder, x=recipe.x, only=n)]
    with plots.style("default"):
        return [
            path for n in wanted if n in found for path in plots.save(placed(summary, found[n], recipe), folder / n)
        ]


def placed(summary: pd.DataFrame, metric: Metric, recipe: Recipe) -> Figure:
    """A metric over the recipe's own axis with its 95 % intervals; methods without a place are horizontal lines."""
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    places = {entry.method: entry.at for entry in recipe.methods if entry.at is not None}
    several = summary.groupby(["budget", "snr_db"]).ngroups > 1
    for i, ((budget, snr_db), lines) in enumerate(summary.groupby(["budget", "snr_db"], sort=False)):
        where = f"{budget}, {snr_db:g} dB"
        _points(axes, lines, places, metric, i, where)
        for method, value in zip(lines["method"], lines[metric.column], strict=True):
            if method not in places:
                look = "--" if method == "original" else ":"
                label = f"{method}, {where}" if several else method
                axes.axhline(
                    value, color=plots.COLOURS[len(axes.lines) % len(plots.COLOURS)], linestyle=look, label=label
                )
    if min(places.values()) > 0 and max(places.values()) >= LOG_FROM * min(places.values()):
        axes.set_xscale("log")
    axes.set_xlabel(recipe.x)
    axes.set_ylabel(metric.label)
    axes.legend()
    return figure


def _points(axes: Any, lines: pd.DataFrame, places: dict[str, float], metric: Metric, i: int, label: str) -> None:
    """The methods that have a place, in its order, joined by a line."""
    there = lines[lines["method"].isin(list(places))]
    there = there.assign(at=there["method"].map(places)).sort_values("at")
    colour, values = plots.COLOURS[i % len(plots.COLOURS)], there[metric.column]
    axes.plot(there["at"], values, color=colour, marker=plots.MARKERS[i % len(plots.MARKERS)], label=label)
    low, high = f"{metric.column}_lo", f"{metric.column}_hi"
    if low in there and there[low].notna().any():
        axes.fill_between(there["at"], there[low], there[high], color=colour, alpha=0.15, linewidth=0)

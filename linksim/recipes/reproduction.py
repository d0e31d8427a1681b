"""Carry out a recipe: what can run runs, and its folder gets tables, figures and a README that says what they are."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd

from linksim.comparison import Comparison, run_comparison
from linksim.engine.opened import Opened
from linksim.engine.pools import Pool
from linksim.engine.replay import evenly_spaced
from linksim.errors import LinksimError, one_line
from linksim.files import write_atomically
from linksim.interim import Display
from linksim.link import Budget
from linksim.output import tables
from linksim.recipes import published
from linksim.recipes.figures import Axis, draw
from linksim.recipes.recipe import Changes, Entry, Recipe
from linksim.scoring.metrics import known


@dataclass(frozen=True)
class Reproduction:
    """A recipe as it ran, what came out, the paper's numbers beside it (see ``published``; empty where it has
    none), and what was left out, with the reason."""

    recipe: Recipe
    comparison: Comparison
    paper: pd.DataFrame
    gains: pd.DataFrame
    missing: tuple[str, ...]


def reproduce(
    recipe: Recipe,
    changes: Changes,
    folder: Path,
    pool: Pool,
    *,
    command: str,
    display: Display | None = None,
    timeout: float = 1800.0,
    figures: bool = True,
    device: str = "cpu",
) -> Reproduction:
    """Run a recipe into a folder. command: the command line that does so, without the options for the changes.

    Beside what every comparison writes there are paper.csv and gains.csv, where the paper has numbers, and README.md.
    """
    ready, missing = available(recipe.changed(changes), device)
    opened = Opened(ready.experiment(device))
    result = run_comparison(
        opened, folder, pool, baseline=ready.baseline, display=display, timeout=timeout, figures=False
    )
    if ready.own_axis:
        Axis.of(ready).write(folder)
    drawn = _figures(ready, result, folder) if figures else []
    found = Reproduction(
        ready,
        result,
        published.beside(result.summary, ready),
        published.gains(result.summary, ready),
        (
            *missing,
            *(f"{name}: {one_line(why)[:300]}" for name, why in result.failures.items()),
            *_without_task(ready, opened),
        ),
    )
    for name, frame in (("paper.csv", found.paper), ("gains.csv", found.gains)):
        if len(frame):
            write_atomically(folder / name, tables.as_csv(frame).encode())
    text = _readme(found, changes, command + changes.words(), [path.name for path in drawn if path.suffix == ".png"])
    write_atomically(folder / "README.md", text.encode())
    return found


def available(recipe: Recipe, device: str = "cpu") -> tuple[Recipe, tuple[str, ...]]:
    """The recipe without what lacks a checkpoint, and what that is: a method that none of its budgets has one for,
    then each budget that a remaining method has none for, since a comparison needs all its methods."""
    opened = Opened(recipe.experiment(device))
    lacking = {(e.method, b): _lacks(opened, e, b) for e in recipe.methods for b in recipe.budgets}
    methods = tuple(e for e in recipe.methods if not all(lacking[e.method, b] for b in recipe.budgets))
    budgets = tuple(b for b in recipe.budgets if not any(lacking[e.method, b] for e in methods))
    lines = []
    for entry in recipe.methods:
        lacks = dict.fromkeys(lack for budget in recipe.budgets if (lack := lacking[entry.method, budget]))
        where = [f" at {budget}" for budget in recipe.budgets if lacking[entry.method, budget] and entry in methods]
        if lacks:
            lines.append(f"{entry.method}{','.join(where)}: no checkpoint {' or '.join(lacks)} is shipped")
    if not methods or not budgets or (recipe.own_axis and all(entry.at is None for entry in methods)):
        raise LinksimError(f"{recipe.name}: nothing to compare; {'; '.join(lines)}")
    return recipe.only(methods, budgets), tuple(lines)


def _lacks(opened: Opened, entry: Entry, budget: Budget) -> str:
    """The pattern of the checkpoint that this method lacks, or nothing."""
    if not entry.checkpoint:
        return ""
    elements = budget.per_pixel * (2 if budget.kind == "cbr" else 1)
    pattern = entry.checkpoint.replace("{bpp}", f"{elements:g}")
    try:
        serving = opened.link(entry.method, budget).identity().get("checkpoints", {})
    except LinksimError:
        serving = {}
    return "" if any(fnmatchcase(name, pattern) for name in serving) else pattern


def _without_task(recipe: Recipe, opened: Opened) -> list[str]:
    """That the recipe is about a task's predictions and the data bring no task; nothing if none was asked for."""
    wanted = [metric.label for metric in known() if metric.column in recipe.figures and metric.of_task]
    if not wanted or recipe.task is not None or opened.task is not None:
        return []
    return [f"{', '.join(wanted)}: {opened.dataset.name} has no task of its own; give one with --task"]


def _figures(recipe: Recipe, found: Comparison, folder: Path) -> list[Path]:
    paths = draw(found.summary, recipe, folder)
    if recipe.gallery:
        from linksim.output.gallery import gallery
        from linksim.output.plots import save, style

        images = [found.opened.images[i] for i in evenly_spaced(found.opened.size, recipe.gallery)]
        for snr_db in recipe.snr_db:
            with style("default"):
                paths += save(
                    gallery(found.opened, snr_db, images),
                    folder / f"gallery-{snr_db:g}dB",
                )
    return paths


def _readme(found: Reproduction, changes: Changes, command: str, pictures: list[str]) -> str:
    recipe, facts = found.recipe, found.comparison.facts
    differs = recipe.differences(changes)
    blocks = [
        f"# {recipe.name}: {recipe.title}",
        recipe.shows,
        f"    {command}",
        f"made all that is here, by way of\n\n    {found.comparison.opened.experiment.command()}",
        "\n".join(f"![{name}]({name})" for name in pictures),
    ]
    if recipe.own_axis:
        blocks += [f"## Along {recipe.x}", published.markdown(placed(found))]
    if len(found.paper):
        blocks += ["## The paper's numbers beside ours", paper_says(recipe), published.markdown(found.paper)]
    if len(found.gains):
        blocks += ["## Differences that the paper states", published.markdown(found.gains)]
    blocks += ["## What differs from the paper", _bullets(differs)] if differs else []
    if found.missing:
        blocks += ["## What is left out", _bullets(found.missing)]
    blocks += ["## How it was measured", _bullets(facts)]
    blocks.append("All tables: [table.md](table.md), [table.tex](table.tex), [summary.csv](summary.csv).")
    return "\n\n".join(block.strip("\n") for block in blocks if block) + "\n"


def paper_says(recipe: Recipe) -> str:
    """What the columns of the paper's numbers are of."""
    data = f" on {recipe.paper_data}" if recipe.paper_data else ""
    return f"Columns named *paper* are the paper's own{data}; the others are ours, with 95 % intervals."


def _bullets(lines: list[str] | tuple[str, ...]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def placed(found: Reproduction) -> pd.DataFrame:
    """The recipe's own axis down, its figures' metrics across."""
    recipe, summary = found.recipe, found.comparison.summary
    places = {entry.method: entry.at for entry in recipe.methods if entry.at is not None}
    frame = summary.assign(at=summary["method"].map(places)).sort_values("at", kind="stable")
    names = [c for n in recipe.figures for c in (n, f"{n}_lo", f"{n}_hi") if c in frame and frame[c].notna().any()]
    return frame[["at", "method", "budget", "snr_db", *names]].rename(columns={"at": recipe.x})

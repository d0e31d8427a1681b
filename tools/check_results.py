"""Check that results follow from their command: run a sample of them again and compare, and aggregate again.

    python tools/check_results.py [FOLDER ...] [--images 1] [--snrs 2] [--full]

FOLDERs hold an experiment.json each; all in results/ by default. Exit code 1 if anything is not as it was.

Rows must be equal: what is counted exactly, PSNR and SSIM within 1e-9, and within 1e-2 dB and 1e-3 where a network
made the image, since convolutions differ in the last bits between processors. ``--full`` runs everything again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from linksim import recipes
from linksim.comparison import summarise_rows, table_files
from linksim.engine.measure import measure
from linksim.engine.opened import Opened
from linksim.engine.replay import evenly_spaced
from linksim.engine.store import SCHEMA, Store
from linksim.engine.units import Unit
from linksim.errors import LinksimError
from linksim.link import Budget
from linksim.output import tables
from linksim.output.report.rebuild import read_description, reopen
from linksim.recipes import published
from linksim.recipes.reproduction import available

RESULTS = Path(__file__).parents[1] / "results"
KEYS = ["image", "snr_db", "trial"]
CLOSE = ("psnr", "ssim", "detections")
EXACT = [name for name in SCHEMA.names if name not in (*KEYS, *CLOSE, "unit", "content", "method", "budget")]
TOLERANCES = {"psnr": 1e-9, "ssim": 1e-9, "detections": 1e-3}
NETWORK_TOLERANCES = {"psnr": 1e-2, "ssim": 1e-3, "detections": 1e-3}


def folders(root: Path = RESULTS) -> list[Path]:
    """Folders of results directly under ``root``."""
    return sorted(path.parent for path in root.glob("*/experiment.json"))


def check(folder: Path, images: int = 1, snrs: int = 2, full: bool = False) -> list[str]:
    """What is wrong with a folder of results, a line each. images, snrs: how many of each method are run again."""
    try:
        description = read_description(folder)
        opened = reopen(description)
    except LinksimError as error:
        return [str(error)]
    given = opened.experiment
    problems = _identities(opened, description) + _recipe(folder, description)
    stored = Store(folder).read(opened.units())
    wanted = opened.size * given.trials * len(given.snr_db)
    combinations = [(m, b, c) for m in given.methods for b in given.budgets for c in given.channels]
    for method, budget, channel in combinations:
        there = _of(stored, method, budget, channel)
        if len(there) != wanted:
            problems.append(f"{method} at {budget}: {len(there)} rows of what is now asked for, not {wanted}")
    if problems:
        return problems
    points = tuple(given.snr_db[i] for i in evenly_spaced(len(given.snr_db), snrs))
    problems = _whole(folder, opened, stored) if full else _lines(folder, opened, stored, points)
    some = tuple(opened.images[i] for i in (range(opened.size) if full else evenly_spaced(opened.size, images)))
    for method, budget, channel in combinations:
        unit = Unit(opened, method, budget, channel, some, given.snr_db if full else points, "")
        problems += _again(unit, _of(stored, method, budget, channel))
    return problems


def _of(rows: pd.DataFrame, method: str, budget: Budget, channel: str) -> pd.DataFrame:
    return rows[(rows["method"] == method) & (rows["budget"] == str(budget)) & (rows["channel"] == channel)]


def _identities(opened: Opened, description: dict[str, Any]) -> list[str]:
    """Links that are not what they were, by name."""
    now = json.loads(json.dumps(opened.description["identities"]["links"]))
    before = description["identities"]["links"]
    return [f"link {name} is not what it was" for name, link in before.items() if now.get(name) != link]


def _recipe_of(folder: Path) -> recipes.Recipe | None:
    """The recipe that made a folder: one that is shipped under its name, or the file beside it."""
    if folder.name in recipes.shipped_names():
        return recipes.shipped(folder.name)
    beside = folder.with_suffix(".yaml")
    return recipes.load(beside) if beside.exists() else None


def _recipe(folder: Path, description: dict[str, Any]) -> list[str]:
    """The folder's recipe must still ask for this experiment."""
    recipe = _recipe_of(folder)
    if recipe is None:
        return []
    asked = available(recipe)[0].experiment().command()
    return [] if asked == description["command"] else [f"the recipe now asks for: {asked}"]


def _lines(folder: Path, opened: Opened, rows: pd.DataFrame, points: Sequence[float]) -> list[str]:
    """The summary's lines at these SNRs must follow from the rows."""
    given = opened.experiment
    there = (folder / "summary.csv").read_text().splitlines()
    sample = summarise_rows(opened, rows[rows["snr_db"].isin(points)], given.methods).summary
    expected = tables.as_csv(sample).splitlines()
    count = len(given.methods) * len(given.budgets) * len(given.channels) * len(given.snr_db) + 1
    problems = [] if len(there) == count else [f"summary.csv has {len(there)} lines, not {count}"]
    return problems + [f"summary.csv lacks the line {line!r}" for line in expected if line not in there]


def _whole(folder: Path, opened: Opened, rows: pd.DataFrame) -> list[str]:
    """Every table must follow from the rows."""
    stored = folder / "differences.csv"
    baseline = pd.read_csv(stored)["baseline"].iloc[0] if stored.exists() else None
    found = summarise_rows(opened, rows, opened.experiment.methods, baseline)
    made = table_files(found)
    if recipe := _recipe_of(folder):
        frames = {
            "paper.csv": published.beside(found.summary, recipe),
            "gains.csv": published.gains(found.summary, recipe),
        }
        made |= {name: tables.as_csv(frame) for name, frame in frames.items() if len(frame)}
    there = {name: (folder / name).read_text() if (folder / name).exists() else "" for name in made}
    return [f"{name} does not follow from the rows" for name, text in made.items() if there[name] != text]


def _again(unit: Unit, stored: pd.DataFrame) -> list[str]:
    """A unit that is run again must give the rows that are stored."""
    problems = []
    rows = stored.set_index(KEYS)
    networks = "torch" in unit.opened.link(unit.method, unit.budget).identity().get("libraries", {})
    tolerances = NETWORK_TOLERANCES if networks else TOLERANCES
    for row in measure(unit):
        before = rows.loc[tuple(row[key] for key in KEYS)]
        for name in (*EXACT, *CLOSE):
            if not _same(before[name], row.get(name), tolerances.get(name)):
                where = f"{unit.method} at {unit.budget}, {row['snr_db']:g} dB, image {row['image']}"
                problems.append(f"{where}: {name} is {row.get(name)}, was {before[name]}")
    return problems


def _same(before: Any, now: Any, tolerance: float | None) -> bool:
    """Whether two values are equal, within a tolerance where one is given; an absent value is None or NaN."""
    absent = [value is None or (np.ndim(value) == 0 and bool(pd.isna(value))) for value in (before, now)]
    if any(absent):
        return all(absent)
    if tolerance is None:
        return bool(before == now)
    if np.shape(before) != np.shape(now):
        return False
    return bool(np.allclose(before, now, rtol=0, atol=tolerance))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="default: all in results/")
    parser.add_argument("--images", type=int, default=1, help="images of each method that are run again")
    parser.add_argument("--snrs", type=int, default=2, help="SNRs at which they are")
    parser.add_argument("--full", action="store_true", help="run everything again")
    args = parser.parse_args()
    wrong = 0
    for folder in args.folders or folders():
        problems = check(folder, args.images, args.snrs, args.full)
        print(f"{folder.name}: {'ok' if not problems else ''}", *problems, sep="\n  " if problems else "")
        wrong += bool(problems)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

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
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from linksim import recipes
from linksim.engine.measure import measure
from linksim.engine.replay import evenly_spaced
from linksim.engine.store import SCHEMA, Store
from linksim.errors import LinksimError
from linksim.experiment import Experiment, Unit
from linksim.link import Budget
from linksim.output import tables
from linksim.output.report import experiment_from, read_description
from linksim.recipes import published
from linksim.recipes.reproduction import available
from linksim.scoring.aggregation import differences, summarise

RESULTS = Path(__file__).parents[1] / "results"
KEYS = ["image", "snr_db", "trial"]
CLOSE = ("psnr", "ssim", "detections")
EXACT = [name for name in SCHEMA.names if name not in (*KEYS, *CLOSE, "unit", "method", "budget")]
TOLERANCES = {"psnr": 1e-9, "ssim": 1e-9, "detections": 1e-3}
NETWORK_TOLERANCES = {"psnr": 1e-2, "ssim": 1e-3, "detections": 1e-3}


def folders(root: Path = RESULTS) -> list[Path]:
    """Folders of results directly under ``root``."""
    return sorted(path.parent for path in root.glob("*/experiment.json"))


def check(folder: Path, images: int = 1, snrs: int = 2, full: bool = False) -> list[str]:
    """What is wrong with a folder of results, a line each. images, snrs: how many of each method are run again."""
    try:
        description = read_description(folder)
        experiment = experiment_from(description)
    except LinksimError as error:
        return [str(error)]
    problems = _identities(experiment, description) + _recipe(folder, description)
    stored = Store(folder).read((unit.id, unit.snr_db) for unit in experiment.units())
    wanted = experiment.size * experiment.trials * len(experiment.snr_db)
    for method in experiment.method_names:
        for budget in experiment.budgets:
            there = _of(stored, method, budget)
            if len(there) != wanted:
                problems.append(f"{method} at {budget}: {len(there)} rows of what is now asked for, not {wanted}")
    if problems:
        return problems
    points = [experiment.snr_db[i] for i in evenly_spaced(len(experiment.snr_db), snrs)]
    problems = _whole(folder, experiment, stored) if full else _lines(folder, experiment, stored, points)
    ranges = [range(i, i + 1) for i in evenly_spaced(experiment.size, images)]
    for method in experiment.method_names:
        for budget in experiment.budgets:
            if full:
                units = [u for u in experiment.units() if u.method == method and u.budget == budget]
            else:
                units = [Unit(experiment, method, budget, span, tuple(points), "") for span in ranges]
            problems += _again(units, _of(stored, method, budget))
    return problems


def _of(rows: pd.DataFrame, method: str, budget: Budget) -> pd.DataFrame:
    return rows[(rows["method"] == method) & (rows["budget"] == str(budget))]


def _identities(experiment: Experiment, description: dict[str, Any]) -> list[str]:
    """Links that are not what they were, by name."""
    now = json.loads(json.dumps(experiment.describe()["links"]))
    return [f"link {name} is not what it was" for name, link in description["links"].items() if now.get(name) != link]


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


def _lines(folder: Path, experiment: Experiment, rows: pd.DataFrame, points: Sequence[float]) -> list[str]:
    """The summary's lines at these SNRs must follow from the rows."""
    there = (folder / "summary.csv").read_text().splitlines()
    sample = _summary(experiment, rows[rows["snr_db"].isin(points)])
    expected = sample.to_csv(index=False, float_format="%.6g").splitlines()
    count = len(experiment.method_names) * len(experiment.budgets) * len(experiment.snr_db) + 1
    problems = [] if len(there) == count else [f"summary.csv has {len(there)} lines, not {count}"]
    return problems + [f"summary.csv lacks the line {line!r}" for line in expected if line not in there]


def _summary(experiment: Experiment, rows: pd.DataFrame) -> pd.DataFrame:
    return summarise(rows, experiment.data, experiment.method_names, tuple(map(str, experiment.budgets)))


def _whole(folder: Path, experiment: Experiment, rows: pd.DataFrame) -> list[str]:
    """Every table must follow from the rows."""
    summary = _summary(experiment, rows)
    facts = tables.facts(experiment, summary)
    made = {"table.md": tables.markdown(summary, facts), "table.tex": tables.latex(summary, facts)}
    frames = {"summary.csv": summary}
    if (folder / "differences.csv").exists():
        baseline = pd.read_csv(folder / "differences.csv")["baseline"].iloc[0]
        frames["differences.csv"] = differences(rows, baseline, experiment.data)
    if recipe := _recipe_of(folder):
        frames["paper.csv"], frames["gains.csv"] = published.beside(summary, recipe), published.gains(summary, recipe)
    made |= {name: frame.to_csv(index=False, float_format="%.6g") for name, frame in frames.items() if len(frame)}
    found = {name: (folder / name).read_text() if (folder / name).exists() else "" for name in made}
    return [f"{name} does not follow from the rows" for name, text in made.items() if found[name] != text]


def _again(units: Iterable[Unit], stored: pd.DataFrame) -> list[str]:
    """Units of one method and budget, run again, must give the rows that are stored."""
    problems = []
    rows = stored.set_index(KEYS)
    for unit in units:
        networks = "torch" in unit.experiment.link(unit.method, unit.budget).identity()
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

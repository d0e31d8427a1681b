"""The main job: run an experiment, summarise it, and write what a paper needs of it."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from linksim.engine.pools import Pool, ProcessPool
from linksim.engine.runner import Progress, run
from linksim.engine.store import Store
from linksim.errors import LinksimError
from linksim.experiment import Experiment
from linksim.files import write_atomically
from linksim.grid import check_snr
from linksim.link import Budget, Link
from linksim.output import tables
from linksim.scoring.aggregation import differences, summarise

if TYPE_CHECKING:
    from linksim.data.base import Dataset
    from linksim.tasks.base import Task

FIXED = ("data_set", "dataset", "channel", "task", "seed", "trials", "over_budget")
"""What a folder's experiment may not change between runs: methods, SNRs, budgets and images may be added."""


@dataclass(frozen=True)
class Comparison:
    """Results: the summary (see ``linksim.scoring.aggregation``), the differences to the baseline if one was named, the
    folder that holds them, and one line for each method that failed."""

    experiment: Experiment
    summary: pd.DataFrame
    differences: pd.DataFrame | None
    failures: dict[str, str]


def run_comparison(
    experiment: Experiment,
    folder: Path,
    pool: Pool,
    *,
    baseline: str | None = None,
    progress: Progress = lambda done, total: None,
    timeout: float = 1800.0,
    figures: bool = True,
) -> Comparison:
    """Measure what the folder lacks, then write experiment.json, summary.csv, table.md, table.tex, the figures and
    report.html."""
    if baseline is not None and baseline not in experiment.method_names:
        raise LinksimError(f"baseline {baseline!r}: must be one of the methods {', '.join(experiment.method_names)}")
    description = experiment.describe()
    store = Store(folder)
    with store.lock():
        _check_same(store, description)
        store.write_experiment(description)
        outcome = run(experiment, store, pool, progress, timeout)
        finished = tuple(m for m in experiment.method_names if m not in outcome.failures)
        if not finished:
            raise LinksimError(_why_nothing_finished(outcome.failures))
        units = [(unit.id, unit.snr_db) for unit in outcome.units if unit.method in finished]
        rows = store.read(units)
        summary = summarise(rows, experiment.data, finished, tuple(map(str, experiment.budgets)))
        change = differences(rows, baseline, experiment.data) if baseline in finished else None
        _write_tables(folder, experiment, summary, change)
        if figures:
            from linksim.output.plots import save_all
            from linksim.output.report import write_report

            save_all(summary, folder)
            write_report(folder, experiment, pool=pool)
    return Comparison(experiment, summary, change, outcome.failures)


def _why_nothing_finished(failures: dict[str, str]) -> str:
    """One reason that all share, such as unreadable data, is said once."""
    reasons = set(failures.values())
    if len(reasons) == 1 and len(failures) > 1:
        return reasons.pop()
    return "; ".join(f"{name}: {why}" for name, why in failures.items())


def _check_same(store: Store, description: dict[str, object]) -> None:
    there, now = store.experiment(), json.loads(json.dumps(description))
    for name in FIXED if there else ():
        if there and there.get(name) != now[name]:
            raise LinksimError(
                f"{store.folder} holds another experiment ({name}: {there.get(name)} there, {now[name]} now); "
                "choose another --out"
            )


def _write_tables(folder: Path, experiment: Experiment, summary: pd.DataFrame, change: pd.DataFrame | None) -> None:
    facts = tables.facts(experiment, summary)
    files = {
        "summary.csv": summary.to_csv(index=False, float_format="%.6g"),
        "table.md": tables.markdown(summary, facts),
        "table.tex": tables.latex(summary, facts),
    }
    if change is not None:
        files["differences.csv"] = change.to_csv(index=False, float_format="%.6g")
    for name, text in files.items():
        write_atomically(folder / name, text.encode())
    if change is None:
        (folder / "differences.csv").unlink(missing_ok=True)  # of an earlier run with a baseline


def compare(
    methods: Iterable[str | Link],
    dataset: str | Dataset = "stamps10",
    snr_db: float | Iterable[float] = range(21),
    *,
    bpp: float | Iterable[float] | None = None,
    cbr: float | Iterable[float] | None = None,
    channel: str = "awgn",
    task: str | Task | None = None,
    limit: int | None = None,
    seed: int = 0,
    trials: int = 1,
    over_budget: str = "outage",
    workers: int = 1,
    device: str = "cpu",
    out: str | os.PathLike[str] | None = None,
    figures: bool = True,
) -> pd.DataFrame:
    """Compare methods on a data set; the summary as a DataFrame (columns of ``linksim.scoring.aggregation.COLUMNS``).

    methods: names such as ``"bpg"`` or ``"webp+ldpc-1/2+qpsk"``, ``"package.module:Class"``, or ``Link`` objects.
    snr_db: Es/N0 in dB, one or several. bpp or cbr: the budget or budgets, in source bits or complex channel uses per
    pixel (default: 0.25 bpp). workers: processes; 1 runs here. out: a folder to keep rows, tables and figures in, and
    to resume from. A method that breaks is left out with a warning; LinksimError if nothing can run.
    """
    if bpp is not None and cbr is not None:
        raise LinksimError(f"bpp {bpp} and cbr {cbr}: give one of them, the other follows")
    kind, given = ("cbr", cbr) if cbr is not None else ("bpp", 0.25 if bpp is None else bpp)
    try:
        values = [float(value) for value in ([given] if isinstance(given, int | float) else given)]
    except (TypeError, ValueError):
        raise LinksimError(f"{kind} {given!r}: must be numbers such as 0.25") from None
    experiment = Experiment(
        methods=tuple([methods] if isinstance(methods, str) else methods),
        dataset=dataset,
        snr_db=check_snr([snr_db] if isinstance(snr_db, int | float) else snr_db),
        budgets=tuple(Budget(kind, value) for value in values),
        channel=channel,
        task=task,
        seed=seed,
        trials=trials,
        limit=limit,
        over_budget=over_budget,
        device=device,
    )
    with tempfile.TemporaryDirectory() as temporary:
        pool = Pool() if workers == 1 else ProcessPool(workers)
        try:
            result = run_comparison(experiment, Path(out or temporary), pool, figures=figures and out is not None)
        finally:
            pool.close()
    for name, why in result.failures.items():
        warnings.warn(f"method {name!r} is left out: {why}", stacklevel=2)
    return result.summary

"""The main job: run an experiment, summarise it, and write what a paper needs of it."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from linksim.engine.opened import Opened, open_experiment
from linksim.engine.pools import Pool, ProcessPool
from linksim.engine.runner import run
from linksim.engine.store import Store
from linksim.errors import LinksimError
from linksim.experiment import Experiment
from linksim.files import write_atomically
from linksim.grid import numbers, parse_budgets
from linksim.interim import Display, Interim, summary_of
from linksim.link import Budget, Link
from linksim.output import curve_tables, tables
from linksim.output.report.rebuild import read_description, stored_rows
from linksim.scoring import aggregation
from linksim.scoring.curves import comparable, curve_differences

if TYPE_CHECKING:
    from linksim.channels.base import Channel
    from linksim.data.base import Dataset
    from linksim.scoring.metrics import Metric
    from linksim.tasks.base import Task

FIXED = ("dataset", "task", "seed", "trials", "over_budget", "skip_bad")
"""Fields that runs into one folder must share; methods, SNRs, budgets, channels and images may be added."""


@dataclass(frozen=True)
class Comparison:
    """Results of an experiment.

    summary: see ``linksim.scoring.aggregation``. differences: to the baseline, if one was named; curves: the same of
    whole curves (see ``linksim.scoring.curves``), if there are any. facts: what makes the comparison fair, said with
    every table. failures: one line for each method that failed.
    """

    opened: Opened
    summary: pd.DataFrame
    differences: pd.DataFrame | None
    curves: pd.DataFrame | None
    facts: tuple[str, ...]
    failures: dict[str, str]


def run_comparison(
    opened: Opened,
    folder: Path,
    pool: Pool,
    *,
    baseline: str | None = None,
    display: Display | None = None,
    timeout: float = 1800.0,
    figures: bool = True,
) -> Comparison:
    """Measure what the folder lacks, then write its tables and figures.

    Args:
        opened: the experiment.
        folder: gets experiment.json, rows.parquet, summary.csv, table.md, table.tex, figures and report.html.
        pool: where units run.
        baseline: the method that others are compared with, pair by pair.
        display: shows the progress and the results so far.
        timeout: seconds that one unit, or reading one image, may take.
        figures: whether to draw the figures and write the report.

    Raises:
        LinksimError: the folder holds another experiment, or no method could finish.
    """
    methods = opened.experiment.methods
    if baseline is not None and baseline not in methods:
        raise LinksimError(f"baseline {baseline!r}: must be one of the methods {', '.join(methods)}")
    opened.check_images(timeout)
    store = Store(folder)
    display = display or Display()
    with store.lock():
        _check_same(store, opened.experiment)
        store.write_experiment(opened.description)
        outcome = run(opened, store, pool, display.progress, timeout, watch=Interim(opened, store, display))
        finished = tuple(method for method in methods if method not in outcome.failures)
        if not finished:
            raise LinksimError(_why_nothing_finished(outcome.failures))
        store.gather()
        rows = store.read(unit for unit in outcome.units if unit.method in finished)
        found = summarise_rows(opened, rows, finished, baseline if baseline in finished else None, outcome.failures)
        _write_tables(folder, found)
        if figures:
            from linksim.output.plots import save_all
            from linksim.output.report import write_report

            save_all(found.summary, folder)
            write_report(
                folder,
                found.opened,
                found.summary,
                found.facts,
                differences=found.differences,
                curves=found.curves,
                pool=pool,
            )
    return found


def summarise_rows(
    opened: Opened,
    rows: pd.DataFrame,
    methods: tuple[str, ...],
    baseline: str | None = None,
    failures: dict[str, str] | None = None,
) -> Comparison:
    """The results that follow from an experiment's rows."""
    summary = summary_of(opened, rows)
    change = curves = None
    if baseline:
        change = aggregation.differences(rows, baseline, opened.dataset, opened.metrics)
        several = len({*methods} - {"original"}) > 1 and baseline != "original"
        metrics = comparable((), rows, opened.metrics)
        curves = curve_differences(rows, methods, baseline, opened.dataset, metrics) if several else None
    return Comparison(opened, summary, change, curves, tuple(tables.facts(opened, summary)), failures or {})


def _why_nothing_finished(failures: dict[str, str]) -> str:
    """A reason that all share, such as unreadable data, is said once."""
    reasons = set(failures.values())
    if len(reasons) == 1 and len(failures) > 1:
        return reasons.pop()
    return "; ".join(f"{name}: {why}" for name, why in failures.items())


def _check_same(store: Store, experiment: Experiment) -> None:
    there = store.experiment()
    if there is None:
        return
    if not isinstance(there.get("experiment"), dict):
        raise LinksimError(f"{store.folder} was written by another version of linksim; choose another --out")
    now = experiment.to_json()
    for name in FIXED:
        before = there["experiment"].get(name)
        if before != now[name]:
            raise LinksimError(
                f"{store.folder} holds another experiment ({name}: {before} there, {now[name]} now); "
                "choose another --out"
            )


def _write_tables(folder: Path, found: Comparison) -> None:
    for name, text in table_files(found).items():
        write_atomically(folder / name, text.encode())
    for name in {"differences.csv", *curve_tables.FILES} - set(table_files(found)):
        (folder / name).unlink(missing_ok=True)  # of an earlier run with a baseline


def table_files(found: Comparison) -> dict[str, str]:
    """The tables of a comparison by file name."""
    facts = list(found.facts)
    files = {
        "summary.csv": tables.as_csv(found.summary),
        "table.md": tables.markdown(found.summary, facts),
        "table.tex": tables.latex(found.summary, facts),
    }
    if found.differences is not None:
        files["differences.csv"] = tables.as_csv(found.differences)
    return files if found.curves is None or found.curves.empty else files | curve_tables.files(found.curves)


def compare(
    methods: str | Link | Iterable[str | Link],
    dataset: str | os.PathLike[str] | Dataset = "stamps10",
    snr_db: float | Iterable[float] = range(21),
    *,
    bpp: float | str | Iterable[float] | None = None,
    cbr: float | str | Iterable[float] | None = None,
    channel: str | Channel | Iterable[str | Channel] = "awgn",
    task: str | Task | None = None,
    metrics: str | Metric | Iterable[str | Metric] = (),
    baseline: str | None = None,
    limit: int | None = None,
    precision: float | str | None = None,
    seed: int = 0,
    trials: int = 1,
    over_budget: str = "outage",
    skip_bad: bool = False,
    workers: int = 1,
    device: str = "cpu",
    out: str | os.PathLike[str] | None = None,
    figures: bool = True,
) -> pd.DataFrame:
    """Compare methods on a data set.

    Args:
        methods: names such as ``"bpg"`` or ``"webp+ldpc-1/2+qpsk"``, ``"package.module:Class"``, or ``Link`` objects.
        dataset: a name, a folder, or a ``Dataset``.
        snr_db: Es/N0 in dB, one or several.
        bpp, cbr: the budget or budgets: source bits per pixel, or complex channel uses per source sample (k/n with
            n = 3·H·W). 0.25 bpp by default. Fractions may be written as text: ``"1/24"``.
        channel: names such as ``"awgn"``, or ``Channel`` objects.
        task: a name, a model file, a ``Task``, or ``"none"``; None for the data set's own.
        metrics: further ones to compute, such as ``"ms_ssim"``, ``"package.module:NAME"``, or ``Metric`` objects.
        baseline: adds to each metric NAME columns NAME_diff, NAME_diff_lo and NAME_diff_hi: the paired difference to
            this method.
        limit, precision, seed, trials, over_budget, skip_bad, device: see ``linksim.experiment.Experiment``.
        workers: processes; 1 runs here.
        out: a folder to keep rows, tables and figures in, and to resume from.
        figures: whether to draw figures into ``out``.

    Returns:
        The summary: one line per channel, budget, method and SNR (columns of ``linksim.scoring.aggregation.COLUMNS``).
        A method that breaks is left out with a warning.

    Raises:
        LinksimError: an argument is wrong, or nothing can run.
    """
    opened = open_experiment(
        methods,
        dataset,
        numbers(snr_db, "SNR", "numbers (dB)"),
        _budgets(bpp, cbr),
        channel=channel,
        task=task,
        metrics=metrics,
        limit=limit,
        precision=precision,
        seed=seed,
        trials=trials,
        over_budget=over_budget,
        skip_bad=skip_bad,
        device=device,
    )
    with tempfile.TemporaryDirectory() as temporary:
        pool = Pool() if workers == 1 else ProcessPool(workers)
        try:
            result = run_comparison(
                opened, Path(out or temporary), pool, baseline=baseline, figures=figures and out is not None
            )
        finally:
            pool.close()
    for name, why in result.failures.items():
        warnings.warn(f"method {name!r} is left out: {why}", stacklevel=2)
    return result.summary if result.differences is None else _beside(result.summary, result.differences)


def summarise(
    folder: str | os.PathLike[str], baseline: str | None = None, metrics: str | Iterable[str] = ()
) -> pd.DataFrame:
    """Compare the curves of a finished run, pair by pair: one number where ``compare`` has one for each SNR.

    Args:
        folder: of the run.
        baseline: the method that others are compared with; by default that of the run, else its first.
        metrics: names such as ``"psnr"``, of which more or less is better; by default those that a terminal shows.

    Returns:
        One line per channel, method, metric, budget or SNR, and quantity: see
        ``linksim.scoring.curves.curve_differences``.

    Raises:
        LinksimError: the folder has no rows, a name is not of the run, or there is no curve to compare.
    """
    folder = Path(folder)
    description = read_description(folder)
    rows, dataset = stored_rows(folder, description)
    opened = Opened(Experiment.from_json(description["experiment"]))
    names = metrics.split(",") if isinstance(metrics, str) and metrics else tuple(metrics)
    chosen = comparable(names, rows, opened.metrics)
    methods = opened.experiment.methods
    if baseline is None:
        change = tables.read_differences(folder)
        first = [] if change is None else change["baseline"].tolist()[:1]
        baseline = next((m for m in (*first, *methods) if m != "original"), "original")
    found = curve_differences(rows, methods, baseline, dataset, chosen)
    if found.empty:
        raise LinksimError(f"{folder} has one SNR and one budget; a curve needs two of either")
    return found


def _beside(summary: pd.DataFrame, change: pd.DataFrame) -> pd.DataFrame:
    """The summary with the differences to a baseline as further columns."""
    keys = ["channel", "budget", "method", "snr_db"]
    values = change.drop(columns=["baseline", "n", "images"]).set_index(keys)
    ends = {name: _difference_name(name) for name in values.columns}
    return summary.merge(values.rename(columns=ends).reset_index(), on=keys, how="left")


def _difference_name(column: str) -> str:
    stem, end = (column[:-3], column[-3:]) if column.endswith(("_lo", "_hi")) else (column, "")
    return f"{stem}_diff{end}"


def _budgets(bpp: Any, cbr: Any) -> tuple[Budget, ...]:
    if bpp is not None and cbr is not None:
        raise LinksimError(f"bpp {bpp} and cbr {cbr}: give one of them, the other follows")
    kind, given = ("cbr", cbr) if cbr is not None else ("bpp", Fraction(1, 4) if bpp is None else bpp)
    if isinstance(given, str):
        return parse_budgets(kind, given)
    return tuple(Budget(kind, value) for value in numbers(given, kind, "numbers such as 0.25"))

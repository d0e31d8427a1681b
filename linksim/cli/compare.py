"""``linksim compare``: the main job."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linksim.cli.device import check_device
from linksim.errors import LinksimError

if TYPE_CHECKING:
    from linksim.engine.pools import Pool
    from linksim.experiment import Experiment


def compare(
    methods: Annotated[str, typer.Option(help="Methods, separated by commas; see 'linksim methods'.")],
    snr: Annotated[str, typer.Option(help="Es/N0 in dB: 0:20 (both ends included), 0:20:2 or 1,5,10.")] = "0:20",
    dataset: Annotated[str, typer.Option(help="Data set or folder; see 'linksim datasets'.")] = "stamps10",
    bpp: Annotated[str, typer.Option(help="Budgets in source bits per pixel, e.g. 0.25,0.5.")] = "",
    cbr: Annotated[str, typer.Option(help="Budgets in complex channel uses per pixel, e.g. 0.125.")] = "",
    match: Annotated[str, typer.Option(help="Which of them the budget fixes: bpp or cbr.")] = "",
    task: Annotated[
        str, typer.Option(help="Downstream task, package.module:function or model file; none for none.")
    ] = "",
    channel: Annotated[str, typer.Option(help="awgn, rayleigh-block or rayleigh-fast.")] = "awgn",
    limit: Annotated[int | None, typer.Option(help="Take the first N images only.")] = None,
    trials: Annotated[int, typer.Option(help="Noise realisations per image and SNR.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    over_budget: Annotated[
        str, typer.Option(help="What happens to an image that cannot fit: outage, or nearest (smallest file).")
    ] = "outage",
    baseline: Annotated[str | None, typer.Option(help="Add each method's difference to this one.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results; a second run goes on from it.")] = None,
    workers: Annotated[int, typer.Option(help="Worker processes; 0 for one per processor.")] = 0,
    dask: Annotated[str, typer.Option(help="A Dask scheduler (tcp://host:8786) or cluster file (slurm.yaml).")] = "",
    timeout: Annotated[float, typer.Option(help="Seconds that one unit of work may take.")] = 1800.0,
    figures: Annotated[bool, typer.Option(help="Draw the figures and write report.html too.")] = True,
    device: Annotated[str, typer.Option(help="Where networks run: cpu, cuda, cuda:1, mps.")] = "cpu",
) -> int:
    """Send every image over every method at every SNR; tabulate what arrives."""
    from linksim.experiment import Experiment
    from linksim.grid import parse_budgets, parse_snr

    if not dask:
        check_device(device)
    kind, text = _budget(bpp, cbr, match)
    experiment = Experiment(
        methods=tuple(name.strip() for name in methods.split(",") if name.strip()),
        dataset=dataset,
        snr_db=parse_snr(snr),
        budgets=parse_budgets(kind, text),
        channel=channel,
        task={"": None, "none": ""}.get(task, task),
        seed=seed,
        trials=trials,
        limit=limit,
        over_budget=over_budget,
        device=device,
    )
    return show(experiment, workers, dask, out, baseline, timeout, figures)


def _budget(bpp: str, cbr: str, match: str) -> tuple[str, str]:
    """Which budget is fixed, and its text."""
    if match not in ("", "bpp", "cbr"):
        raise LinksimError(f"--match {match!r}: must be 'bpp' or 'cbr'")
    if bpp and cbr:
        raise LinksimError(f"--bpp {bpp} and --cbr {cbr}: give one of them, the other follows")
    kind = match or ("cbr" if cbr else "bpp")
    text = {"bpp": bpp, "cbr": cbr}[kind]
    if bpp + cbr != text:
        raise LinksimError(f"--match {kind} needs --{kind}, not --{'cbr' if kind == 'bpp' else 'bpp'}")
    return kind, text or {"bpp": "0.25", "cbr": "0.125"}[kind]


def make_pool(workers: int, dask: str) -> Pool:
    """Where units run: a Dask cluster if one is named, else processes of this machine."""
    from linksim.engine.pools import ProcessPool

    if dask:
        from linksim.engine.cluster import DaskPool

        return DaskPool(dask)
    return ProcessPool(workers or os.cpu_count() or 1)


def show(
    experiment: Experiment,
    workers: int = 0,
    dask: str = "",
    out: Path | None = None,
    baseline: str | None = None,
    timeout: float = 1800.0,
    figures: bool = True,
) -> int:
    """Run an experiment with progress and print its tables; 1 if a method failed."""
    from rich.console import Console

    from linksim.cli.progress import bar
    from linksim.comparison import run_comparison
    from linksim.output import tables

    # The hash opens every link, data set and task: what cannot run is refused before any worker starts.
    name = f"{experiment.data.name}-{experiment.hash()[:8]}"
    folder = out or Path("runs") / name
    pool = make_pool(workers, dask)
    try:
        with bar("comparing") as progress:
            result = run_comparison(
                experiment, folder, pool, baseline=baseline, progress=progress, timeout=timeout, figures=figures
            )
    finally:
        pool.close()
    console = Console()
    console.print(tables.terminal(result.summary))
    if result.differences is not None:
        console.print(tables.difference_table(result.differences))
    for fact in tables.facts(experiment, result.summary):
        console.print(f"[dim]· {fact}[/]", highlight=False)
    console.print(f"tables, figures and rows are in {folder}", highlight=False, soft_wrap=True)
    for name, why in result.failures.items():
        print(f"linksim: method {name!r} failed: {why}", file=sys.stderr)
    return 1 if result.failures else 0

"""``linksim compare``: the main job."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from linksim.cli.command import check_range, keeping, listed, one_of, option, registered, some_of
from linksim.cli.device import check_device
from linksim.cli.options import COMPARED, RESULTS, Dask, Device, Figures, Limit, Out, Task, Timeout, Workers
from linksim.errors import LinksimError

if TYPE_CHECKING:
    from linksim.engine.pools import Pool
    from linksim.experiment import Experiment


EXAMPLES = (
    "linksim compare --methods jpeg,webp,bpg --dataset photos --bpp 0.5",
    "linksim compare --methods bpg+adaptive,sdjscc --snr 0:20:5 --cbr 1/24",
    "linksim compare --methods bpg,mine:Link --dataset pictures/ --task none",
)


def compare(
    methods: Annotated[
        str,
        option(
            COMPARED,
            "Methods, separated by commas; see 'linksim methods'.",
            **some_of(registered("linksim.links", "linksim.sources")),
        ),
    ],
    dataset: Annotated[
        str,
        option(
            COMPARED, "Data set ({names}) or folder; see 'linksim datasets'.", **some_of(registered("linksim.datasets"))
        ),
    ] = "stamps10",
    snr: Annotated[str, option(COMPARED, "Es/N0 in dB: 0:20 (both ends included), 0:20:2 or 1,5,10.")] = "0:20",
    bpp: Annotated[
        str | None, option(COMPARED, "Budgets in source bits per pixel: 0.25, 1/4 or 0.25,0.5.", default="0.25")
    ] = None,
    cbr: Annotated[str | None, option(COMPARED, "Budgets in complex channel uses per source sample: 1/24.")] = None,
    over_budget: Annotated[
        str,
        option(
            COMPARED,
            "What happens to an image that cannot fit: {names} (the smallest file is sent).",
            **one_of("over-budget policy", listed("linksim.link:OVER_BUDGET")),
        ),
    ] = "outage",
    task: Task = None,
    channel: Annotated[
        str, option(COMPARED, "Channel ({names}); see 'linksim channels'.", **some_of(registered("linksim.channels")))
    ] = "awgn",
    metrics: Annotated[
        str,
        option(
            COMPARED,
            "Further metrics: {names}, or package.module:NAME.",
            default="none",
            **some_of(listed("linksim.scoring.metrics:ON_REQUEST")),
        ),
    ] = "",
    limit: Limit = None,
    precision: Annotated[
        str | None,
        option(COMPARED, "End once every 95 % interval is within ± this: 0.02, or psnr:0.1.", default="all images"),
    ] = None,
    trials: Annotated[int, option(COMPARED, "Noise realisations per image and SNR.")] = 1,
    seed: Annotated[int, option(COMPARED, "Seed of the noise.")] = 0,
    skip_bad: Annotated[bool, option(COMPARED, "Leave out images that cannot be read, and say which.")] = False,
    baseline: Annotated[str | None, option(RESULTS, "Add each method's paired difference to this one.")] = None,
    out: Out = None,
    figures: Figures = True,
    workers: Workers = 0,
    dask: Dask = "",
    timeout: Timeout = 1800.0,
    device: Device = "cpu",
) -> int:
    """Compare methods over a channel, image by image.

    Every method sends every image at every SNR within the budget. Results go to runs/DATASET-HASH unless --out says
    where; the same command resumes.
    """
    from linksim.experiment import Experiment
    from linksim.grid import parse_budgets, parse_snr

    if not dask:
        check_device(device)
    experiment = Experiment(
        methods=tuple(name.strip() for name in methods.split(",") if name.strip()),
        dataset=dataset,
        snr_db=parse_snr(snr),
        budgets=parse_budgets(*budget(bpp, cbr)),
        channels=tuple(channel.split(",")),
        task=task,
        metrics=tuple(name.strip() for name in metrics.split(",") if name.strip()),
        seed=seed,
        trials=trials,
        limit=limit,
        precision=precision,
        over_budget=over_budget,
        skip_bad=skip_bad,
        device=device,
    )
    return show(experiment, workers, dask, out, baseline, timeout, figures)


def budget(bpp: str | None, cbr: str | None) -> tuple[str, str]:
    """Which budget is fixed, and its text: --bpp 0.25 where neither is given."""
    if bpp is not None and cbr is not None:
        raise LinksimError(f"--bpp {bpp} and --cbr {cbr}: give one of them, the other follows")
    return ("bpp", "0.25" if bpp is None else bpp) if cbr is None else ("cbr", cbr)


def make_pool(workers: int, dask: str) -> Pool:
    """Where units run: a Dask cluster if one is named, else processes of this machine."""
    from linksim.engine.pools import ProcessPool

    if dask:
        from linksim.engine.cluster import DaskPool

        return DaskPool(dask)
    check_range("--workers", workers, 0, 1024)
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

    from linksim.cli.progress import shown
    from linksim.comparison import run_comparison
    from linksim.engine.opened import Opened
    from linksim.output import tables

    # The hash opens every link, data set and task: what cannot run is refused before any worker starts.
    opened = Opened(experiment)
    for assumption in opened.assumptions():
        print(f"linksim: {assumption}", file=sys.stderr)
    folder = out or Path("runs") / f"{opened.dataset.name}-{opened.hash()[:8]}"
    pool = make_pool(workers, dask)
    try:
        with (
            keeping(lambda: f"what is measured is in {folder}; the same command resumes"),
            shown("comparing") as display,
        ):
            result = run_comparison(
                opened, folder, pool, baseline=baseline, display=display, timeout=timeout, figures=figures
            )
    finally:
        pool.close()
    console = Console()
    console.print(tables.terminal(result.summary))
    if result.differences is not None:
        console.print(tables.difference_table(result.differences))
    for fact in result.facts:
        console.print(f"[dim]· {fact}[/]", highlight=False)
    console.print(f"tables, figures and rows are in {folder}", highlight=False, soft_wrap=True)
    for name, why in result.failures.items():
        print(f"linksim: method {name!r} failed: {why}", file=sys.stderr)
    return 1 if result.failures else 0

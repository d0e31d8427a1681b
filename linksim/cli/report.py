"""``linksim report``: a finished run as one HTML page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.device import check_device


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a comparison: it holds experiment.json and summary.csv.")],
    images: Annotated[int, typer.Option(help="How many images the viewer shows; 0 for none.")] = 8,
    title: Annotated[str, typer.Option(help="Heading of the page; what was compared by default.")] = "",
    out: Annotated[Path | None, typer.Option(help="The file; report.html in the folder by default.")] = None,
    workers: Annotated[int, typer.Option(help="Worker processes; 0 for one per processor.")] = 0,
    device: Annotated[str, typer.Option(help="Where networks run: cpu, cuda, cuda:1, mps.")] = "cpu",
) -> None:
    """Write one self-contained page: curves, table, fairness facts, and what each method delivers at every SNR."""
    from linksim.cli.progress import bar
    from linksim.engine.pools import ProcessPool
    from linksim.output.report import experiment_from, read_description, write_report

    check_device(device)
    experiment = experiment_from(read_description(folder), device)
    pool = ProcessPool(workers or os.cpu_count() or 1)
    try:
        with bar("sending the report's images") as progress:
            path = write_report(folder, experiment, images=images, title=title, out=out, pool=pool, progress=progress)
    finally:
        pool.close()
    print(path)

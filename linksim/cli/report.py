"""``linksim report``: a finished run as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.command import keeping, option
from linksim.cli.compare import make_pool
from linksim.cli.device import check_device
from linksim.cli.options import Device, Workers

EXAMPLES = (
    "linksim report runs/stamps10-0a1b2c3d",
    'linksim report results/fig4 --images 4 --title "Figure 4" --out fig4.html',
)
PAGE = "Page"


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a comparison: it holds experiment.json and summary.csv.")],
    images: Annotated[int, option(PAGE, "Number of images in the viewer; 0 for none.")] = 8,
    title: Annotated[str, option(PAGE, "Heading of the page.", default="what was compared")] = "",
    out: Annotated[Path | None, option(PAGE, "File to write.", default="FOLDER/report.html")] = None,
    workers: Workers = 0,
    device: Device = "cpu",
) -> None:
    """Write a comparison as one self-contained HTML page.

    It holds the curves, the tables, the facts of fairness, and what each method delivers at every SNR.
    """
    from linksim.cli.progress import bar
    from linksim.output import curve_tables, tables
    from linksim.output.report import write_report
    from linksim.output.report.rebuild import changes_since, read_description, reopen

    check_device(device)
    description, summary = read_description(folder), tables.read_summary(folder)
    opened = reopen(description, device)
    facts, changes = tables.facts(opened, summary), changes_since(description, opened, summary)
    pool = make_pool(workers, "")
    try:
        with keeping(lambda: f"{folder} is as it was"), bar("sending the report's images") as progress:
            path = write_report(
                folder,
                opened,
                summary,
                facts,
                differences=tables.read_differences(folder),
                curves=curve_tables.read(folder, opened.metrics),
                changes=changes,
                images=images,
                title=title,
                out=out,
                pool=pool,
                progress=progress,
            )
    finally:
        pool.close()
    print(path)

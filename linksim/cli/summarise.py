"""``linksim summarise``: one number for each pair of curves of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.command import option
from linksim.cli.options import COMPARED, RESULTS

EXAMPLES = (
    "linksim summarise runs/stamps10-0a1b2c3d",
    "linksim summarise results/fig4 --baseline bpg --metrics psnr,acc",
)


def summarise(
    folder: Annotated[Path, typer.Argument(help="Folder of a comparison: it holds experiment.json and rows.parquet.")],
    baseline: Annotated[
        str | None, option(COMPARED, "Method to compare with.", default="the run's baseline, else its first method")
    ] = None,
    metrics: Annotated[
        str, option(COMPARED, "Metrics to compare (psnr, acc, ...), separated by commas.", default="the tables' own")
    ] = "",
    out: Annotated[Path | None, option(RESULTS, "Folder of the tables.", default="FOLDER")] = None,
) -> None:
    """Compare whole curves, one number for each pair.

    Over several SNRs: the SNR that a method needs less at equal quality (BD-SNR), the mean difference, and the SNRs
    where one method overtakes the other. Over several budgets: BD-rate and BD-PSNR. Each has a 95 % interval; curves
    that do not overlap give a dash. The tables go to summarise.csv, .md and .tex, and 'linksim report' shows them.
    """
    from rich.console import Console

    from linksim import comparison
    from linksim.files import make_folder, write_atomically
    from linksim.output import curve_tables

    found = comparison.summarise(folder, baseline, [name.strip() for name in metrics.split(",") if name.strip()])
    folder = out or folder
    make_folder(folder)
    for name, text in curve_tables.files(found).items():
        write_atomically(folder / name, text.encode())
    console = Console()
    console.print(curve_tables.terminal(found))
    for note in curve_tables.notes(found):
        console.print(f"[dim]· {note}[/]", highlight=False)
    print(f"tables are in {folder}")

"""``linksim plot``: figures of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.command import listed, one_of, option
from linksim.errors import LinksimError

EXAMPLES = (
    "linksim plot runs/stamps10-0a1b2c3d",
    "linksim plot results/fig4 --metric acc --style ieee --out paper/figures",
)
FIGURES = "Figures"


def plot(
    folder: Annotated[Path, typer.Argument(help="Folder of a comparison: it holds summary.csv.")],
    metric: Annotated[str, option(FIGURES, "One metric (psnr, acc, ...).", default="all")] = "",
    x: Annotated[
        str | None,
        option(
            FIGURES,
            "Horizontal axis: {names}.",
            default="the recipe's own, or the one with several values",
            **one_of("x axis", listed("linksim.output.plots:AXES")),
        ),
    ] = None,
    style: Annotated[
        str,
        option(
            FIGURES, "Style: {names} (one column, serif).", **one_of("style", listed("linksim.output.plots:STYLES"))
        ),
    ] = "default",
    out: Annotated[Path | None, option(FIGURES, "Folder of the figures.", default="FOLDER")] = None,
) -> None:
    """Draw the metrics of a comparison as PNG and PDF.

    Each metric has curves with 95 % bands versus SNR, budget or a recipe's own axis.
    """
    from linksim.output.plots import save_all
    from linksim.output.tables import read_summary
    from linksim.recipes.figures import Axis, save_placed

    summary = read_summary(folder)
    axis = None if x else Axis.read(folder, summary)
    if axis:
        paths = save_placed(summary, axis, out or folder, style, metric)
    else:
        paths = save_all(summary, out or folder, style, x or "", metric)
    if not paths:
        raise LinksimError(f"{folder}: summary.csv has no metric to draw")
    for path in paths:
        print(path)

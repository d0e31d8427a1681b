"""``linksim plot``: figures of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plot(
    folder: Annotated[Path, typer.Argument(help="Folder of a comparison: it holds summary.csv.")],
    metric: Annotated[str, typer.Option(help="One metric (acc, psnr, ...); all by default.")] = "",
    x: Annotated[
        str, typer.Option(help="snr_db or budget; by default the recipe's own axis, or what the data suit.")
    ] = "",
    style: Annotated[str, typer.Option(help="default, or ieee (one column, serif).")] = "default",
    out: Annotated[Path | None, typer.Option(help="Where the figures go; the folder itself by default.")] = None,
) -> None:
    """Draw every metric with 95 % bands, as PNG and PDF: versus SNR, bits or a recipe's own axis."""
    from linksim.output.plots import save_all
    from linksim.output.tables import read_summary
    from linksim.recipes.figures import Axis, save_placed

    summary = read_summary(folder)
    axis = None if x else Axis.read(folder, summary)
    if axis:
        paths = save_placed(summary, axis, out or folder, style, metric)
    else:
        paths = save_all(summary, out or folder, style, x, metric)
    for path in paths:
        print(path)

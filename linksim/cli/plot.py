"""``linksim plot``: figures of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plot(
    folder: Annotated[Path, typer.Argument(help="Folder of a comparison: it holds summary.csv.")],
    metric: Annotated[str, typer.Option(help="One metric (acc, psnr, ...); all by default.")] = "",
    x: Annotated[str, typer.Option(help="The x axis: snr_db or budget; chosen by the data by default.")] = "",
    style: Annotated[str, typer.Option(help="default, or ieee (one column, serif).")] = "default",
    out: Annotated[Path | None, typer.Option(help="Where the figures go; the folder itself by default.")] = None,
) -> None:
    """Draw every metric versus SNR, with 95 % bands, as PNG and PDF."""
    from linksim.plots import save_all
    from linksim.tables import read_summary

    for path in save_all(read_summary(folder), out or folder, style, x, metric):
        print(path)

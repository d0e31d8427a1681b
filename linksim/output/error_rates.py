"""Bit and block error rates versus SNR, for a terminal and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from linksim.output.plots import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table


def terminal(rows: pd.DataFrame) -> Table:
    """A line per row of ``ber.csv``: BLER and BER with their 95 % intervals, and the exact BER without a code."""
    from rich.table import Table

    first = rows.iloc[0]
    title = f"{first['code']}, {first['modulation']}, {first['channel']}; rates with 95 % intervals"
    shown = Table(box=None, title=title, title_justify="left", padding=(0, 1, 0, 0))
    for heading in ("Es/N0", "blocks", "BLER", "BER", "uncoded"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in rows.to_dict("records"):
        shown.add_row(
            f"{row['snr_db']:g} dB",
            f"{row['blocks']}",
            *(f"{row[x]:.2e} ({row[f'{x}_lo']:.1e}, {row[f'{x}_hi']:.1e})" for x in ("bler", "ber")),
            f"{row['uncoded_ber']:.1e}" if row["uncoded_ber"] == row["uncoded_ber"] else "-",
        )
    return shown


def figure(rows: pd.DataFrame, limit_db: float) -> Figure:
    """BLER and BER versus Es/N0 with 95 % bands, beside the uncoded BER and the SNR (dB) of the capacity limit."""
    from matplotlib.figure import Figure

    drawing = Figure()
    axes = drawing.subplots()
    for rate, colour, marker in (("bler", COLOURS[0], "o"), ("ber", COLOURS[1], "s")):
        seen = rows[rows[rate] > 0]
        axes.plot(seen["snr_db"], seen[rate], color=colour, marker=marker, label=rate.upper())
        axes.fill_between(seen["snr_db"], seen[f"{rate}_lo"], seen[f"{rate}_hi"], color=colour, alpha=0.15, linewidth=0)
    if rows["uncoded_ber"].notna().any():
        axes.plot(rows["snr_db"], rows["uncoded_ber"], "--", color="#444444", label="BER, uncoded (exact)")
    axes.axvline(limit_db, color="#888888", linestyle=":", label=f"capacity of AWGN, {limit_db:.2f} dB")
    axes.set_yscale("log")
    axes.set_xlabel("Es/N0 (dB)")
    axes.set_ylabel("error rate")
    axes.set_title(", ".join(rows.iloc[0][name] for name in ("code", "modulation", "channel")))
    axes.legend()
    return drawing

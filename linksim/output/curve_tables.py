"""Tables of each method's curves against a baseline's (see ``linksim.scoring.curves``): in a terminal, in Markdown, in
LaTeX and in the report.

One table per channel, metric and kind of curve, methods down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from linksim.output import tables
from linksim.output.tables import Grid
from linksim.scoring.curves import COLUMNS
from linksim.scoring.metrics import Metric, known

if TYPE_CHECKING:
    from rich.console import RenderableType

DASH = "–"


def grids(found: pd.DataFrame) -> list[Grid]:
    """The tables of curve differences."""
    several, metrics = found["channel"].nunique() > 1, {metric.column: metric for metric in known()}
    made = []
    for (channel, name), lines in found.groupby(["channel", "metric"], sort=False):
        where = f" over {channel}" if several else ""
        over_snr, over_budgets = lines[lines["snr_db"].isna()], lines[lines["snr_db"].notna()]
        if len(over_snr):
            made.append(_over_snr(over_snr, metrics[str(name)], where))
        if len(over_budgets):
            made.append(_over_budgets(over_budgets, metrics[str(name)], where))
    return made


def _over_snr(lines: pd.DataFrame, metric: Metric, where: str) -> Grid:
    columns = "BD-SNR (dB)", f"over {metric.label}", "mean difference", "crossing, SNR (dB)"

    def cells(of: pd.DataFrame) -> list[str]:
        saved, mean = (_line(of, name) for name in ("bd_snr", "mean_difference"))
        return [_signed(saved, 2), _range(saved, f".{metric.digits}f"), _signed(mean, metric.digits), _crossings(of)]

    title = f"{metric.label} versus SNR{where}, against {lines['baseline'].iloc[0]}"
    return _grid(
        title, ("budget", *columns), {key: cells(of) for key, of in lines.groupby(["budget", "method"], sort=False)}
    )


def _over_budgets(lines: pd.DataFrame, metric: Metric, where: str) -> Grid:
    kind = lines["budget"].iloc[0]
    columns = "BD-rate (%)", f"over {metric.label}", f"BD-{metric.label}", f"over {kind}"

    def cells(of: pd.DataFrame) -> list[str]:
        rate, gain = (_line(of, name) for name in ("bd_rate", "bd_quality"))
        levels = _range(rate, f".{metric.digits}f")
        return [_signed(rate, 1), levels, _signed(gain, metric.digits), _range(gain, ".3g")]

    title = f"{metric.label} versus {kind}{where}, against {lines['baseline'].iloc[0]}"
    found = {
        (f"{snr_db:g}", method): cells(of) for (snr_db, method), of in lines.groupby(["snr_db", "method"], sort=False)
    }
    return _grid(title, ("SNR (dB)", *columns), found)


def _grid(title: str, columns: tuple[str, ...], found: dict[Any, list[str]]) -> Grid:
    """A table of cells by (budget or SNR, method); the first is left out where there is one only."""
    several = len({place for place, _ in found}) > 1
    rows = [(str(method), [str(place), *cells] if several else cells) for (place, method), cells in found.items()]
    columns = columns if several else columns[1:]
    plain = (False,) * len(columns)
    return Grid(title, f"{title}.", "Method", columns, tuple((name, plain, tuple(cells)) for name, cells in rows))


def _line(of: pd.DataFrame, quantity: str) -> dict[str, float]:
    return {str(name): value for name, value in of[of["quantity"] == quantity].iloc[0].items()}


def _signed(line: dict[str, float], digits: int) -> str:
    """A value with its sign and interval; a dash where it is undefined."""
    texts = [f"{line[name]:+.{digits}f}" for name in ("value", "value_lo", "value_hi")]
    if math.isnan(line["value"]):
        return DASH
    return (
        texts[0] if math.isnan(line["value_lo"]) or texts[1] == texts[2] else f"{texts[0]} ({texts[1]} to {texts[2]})"
    )


def _range(line: dict[str, float], digits: str) -> str:
    return DASH if math.isnan(line["start"]) else f"{line['start']:{digits}} to {line['end']:{digits}}"


def _crossings(of: pd.DataFrame) -> str:
    """From which SNRs on the method is ahead or behind; of curves that do not cross, over how much of the range."""
    words = {"ahead_from": "ahead from", "behind_from": "behind from"}
    parts = []
    for line in of[of["quantity"].isin(words)].sort_values("value").to_dict("records"):
        low, high = (f"{line[end]:.2f}" for end in ("value_lo", "value_hi"))
        interval = "" if low == high or math.isnan(line["value_lo"]) else f" ({low} to {high})"
        parts.append(f"{words[line['quantity']]} {line['value']:.2f}{interval}")
    share = _line(of, "share_ahead")["value"]
    if math.isnan(share):
        return DASH
    whole = {0.0: "never ahead", 1.0: "always ahead"}
    return ", ".join(parts) or whole.get(share, f"ahead over {100 * share:.0f} %")


def notes(found: pd.DataFrame) -> list[str]:
    """Definitions of the numbers, for below the tables."""
    baseline, images = found["baseline"].iloc[0], found["images"].min()
    lines = []
    if found["snr_db"].isna().any():
        lines += [
            f"BD-SNR: SNR that a method needs less than {baseline} for the same quality, mean over the qualities that "
            "both curves reach; curves are linear between SNRs, and falling pieces are raised to the running maximum",
            f"mean difference: the metric less {baseline}'s at the same SNR, mean over the SNRs",
        ]
    if found["snr_db"].notna().any():
        lines.append(
            f"BD-rate: rate that a method needs more than {baseline} for the same quality; the BD of a metric: its "
            "mean difference at the same rate; both are Bjøntegaard's, by PCHIP over log10 of the mean rate spent, "
            "without points that another one matches at no higher rate"
        )
    return [
        *lines,
        "a dash: curves that do not overlap, since nothing is extrapolated",
        f"{images} images; intervals are 95 %, of a paired bootstrap over sources; a number that more than 5 % of the "
        "resamples lack has none",
    ]


def terminal(found: pd.DataFrame) -> RenderableType:
    """Rich tables, one below the other."""
    from rich.console import Group

    return Group(*map(tables.rich_table, grids(found)))


def files(found: pd.DataFrame) -> dict[str, str]:
    """The tables by file name."""
    made, said = grids(found), notes(found)
    return {
        "summarise.csv": tables.as_csv(found),
        "summarise.md": tables.grids_as_markdown(made, said),
        "summarise.tex": tables.grids_as_latex(made, said),
    }


FILES = ("summarise.csv", "summarise.md", "summarise.tex")
_TEXTS = ("channel", "budget", "method", "baseline", "metric", "quantity")


def read(folder: Path, metrics: Sequence[Metric]) -> pd.DataFrame | None:
    """The curve differences in a folder, of these metrics; None if there are none."""
    path = folder / "summarise.csv"
    if not path.is_file():
        return None
    found = tables.read_csv(path, _TEXTS, COLUMNS)
    found = found[found["metric"].isin([metric.column for metric in metrics])]
    return found if len(found) else None

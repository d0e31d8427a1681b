"""Figures of a summary: one metric versus SNR (or versus the budget), a curve per method, its interval as a band."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from linksim.errors import failed, unknown
from linksim.link import Budget
from linksim.output.tables import measured
from linksim.scoring.metrics import Metric

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by every kind of colour vision; the markers tell them apart in print,
# and since there is one less of them, no curve up to the ninetieth looks like another.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C564B", "#7F7F7F", "#BCBD22")
MARKERS = "osD^vP*Xh"
MOST_INSIDE = 5
"""Entries of a legend in the axes; more are put below them."""
_COMMON = {
    "figure.constrained_layout.use": True,
    "pdf.fonttype": 42,  # TrueType, as publishers ask: no Type 3 fonts
    "ps.fonttype": 42,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.4,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.2,
    "legend.framealpha": 0.85,
}
STYLES: dict[str, Any] = {
    "default": {**_COMMON, "figure.figsize": (4.6, 3.2), "font.size": 9, "legend.fontsize": 7.5},
    "ieee": {
        **_COMMON,
        "figure.figsize": (3.5, 2.5),  # inches: one column of IEEE's two
        "font.family": "serif",
        "font.serif": ["Times New Roman", "STIXGeneral"],
        "mathtext.fontset": "stix",
        "font.size": 8,
        "legend.fontsize": 6.5,
        "axes.linewidth": 0.6,
    },
}


AXES = ("snr_db", "budget")


@contextmanager
def style(name: str) -> Iterator[None]:
    """matplotlib with one of ``STYLES``, drawing without a screen."""
    if name not in STYLES:
        raise unknown("plot style", name, STYLES)
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: F401 - fails here, and not while drawing

    with mpl.rc_context(STYLES[name]):
        yield


def curves(summary: pd.DataFrame, metric: Metric, x: str = "snr_db") -> Figure:
    """A figure of one metric. x: ``snr_db``, or ``budget`` for curves over what an image may cost.

    A method at several values of the other variable becomes several curves. Each channel has a panel of its own.
    """
    from matplotlib.figure import Figure

    figure = Figure()
    panels = list(summary.groupby("channel", sort=False))
    width, height = figure.get_size_inches()
    figure.set_size_inches(width * (1 + 0.7 * (len(panels) - 1)), height)
    row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (channel, lines) in zip(row, panels, strict=True):
        _panel(axes, lines, metric, x)
        if len(panels) > 1:
            axes.set_title(str(channel))
    row[0].set_ylabel(metric.label)
    if metric.bounds:
        low, high = metric.bounds
        row[0].set_ylim(low - 0.02 * (high - low), high + 0.02 * (high - low))
    positive = summary[metric.column][summary[metric.column] > 0]
    if metric.log and len(positive):
        for axes in row:
            axes.set_yscale("log", nonpositive="mask")  # a curve ends where it is zero, and does not fall to 0
        row[0].set_ylim(min(1e-3, positive.min() / 2), 1.5)
    _legend(figure, row[0])
    return figure


def _panel(axes: Any, summary: pd.DataFrame, metric: Metric, x: str) -> None:
    """The curves over one channel."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    other = "budget" if x == "snr_db" else "snr_db"
    several = summary[other].nunique() > 1
    for i, ((_method, value), lines) in enumerate(summary.groupby(["method", other], sort=False)):
        method = str(_method)
        label = f"{method}, {value if other == 'budget' else f'{value:g} dB'}" if several else method
        _curve(axes, lines, metric, x, label, i)
    axes.set_xlabel("SNR (dB)" if x == "snr_db" else _budget_label(summary))


def _legend(figure: Figure, axes: Any) -> None:
    """In the axes, or below them where it would hide curves; none where nothing was measured."""
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) <= MOST_INSIDE:
        if labels:
            axes.legend()
        return
    below = figure.legend(handles, labels, loc="outside lower center", ncols=2)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + below.get_window_extent().height / figure.dpi)


def _curve(axes: Any, lines: pd.DataFrame, metric: Metric, x: str, label: str, i: int) -> None:
    if x == "budget":
        lines = lines.assign(budget=lines["budget"].map(lambda text: float(Budget.parse(text).value)))
    lines = lines.sort_values(x)
    values = lines[metric.column]
    reference = label.split(",")[0] == "original"
    if values.isna().all() or (reference and math.isfinite(metric.cap)):  # a line at the cap, far above all curves
        return
    colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
    look = {"color": "#444444", "linestyle": "--", "marker": ""} if reference else {"color": colour, "marker": marker}
    axes.plot(lines[x], values, label=label, **look)
    low, high = metric.columns[1:3]
    if lines[low].notna().any():
        axes.fill_between(lines[x], lines[low], lines[high], color=look["color"], alpha=0.15, linewidth=0)


def _budget_label(summary: pd.DataFrame) -> str:
    return "bits per pixel" if str(summary["budget"].iloc[0]).startswith("bpp") else "channel uses per source sample"


def save(figure: Figure, stem: Path) -> list[Path]:
    """The figure as PNG (300 dpi) and PDF, byte for byte the same for the same figure."""
    written = []
    for suffix, metadata in ((".png", {"Software": None}), (".pdf", {"CreationDate": None, "Producer": None})):
        path = stem.with_suffix(suffix)
        figure.savefig(path, dpi=300, metadata=metadata)
        written.append(path)
    return written


def save_all(
    summary: pd.DataFrame, folder: Path, style_name: str = "default", x: str = "", only: str = ""
) -> list[Path]:
    """Every measured metric (or ``only`` one) as folder/METRIC.png and .pdf. x: see ``curves``; '' chooses SNR,
    unless there is one SNR and several budgets."""
    x = x or ("budget" if summary["snr_db"].nunique() == 1 and summary["budget"].nunique() > 1 else "snr_db")
    if x not in AXES:
        raise unknown("x axis", x, AXES)
    return save_each(summary, folder, style_name, only, lambda metric: curves(summary, metric, x))


def save_each(
    summary: pd.DataFrame, folder: Path, style_name: str, only: str, drawn: Callable[[Metric], Figure]
) -> list[Path]:
    """What ``drawn`` makes of every measured metric (or of ``only`` one) as folder/METRIC.png and .pdf."""
    metrics = [m for m in measured(summary) if not m.cost]
    if only:
        chosen = [m for m in metrics if m.column == only]
        if not chosen:
            raise unknown("metric", only, [m.column for m in metrics])
        metrics = chosen
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with style(style_name):
            return [path for m in metrics for path in save(drawn(m), folder / m.column)]
    except OSError as error:
        raise failed(f"cannot write figures in {folder}", error) from error

"""Summaries as tables: in a terminal, in Markdown and in LaTeX.

One table per metric, SNRs down, methods across; of a single SNR one table of all metrics, methods down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from linksim.engine.opened import Opened
from linksim.engine.store import Store
from linksim.errors import LinksimError, failed
from linksim.experiment import Experiment
from linksim.grid import decimal
from linksim.scoring.aggregation import COLUMNS
from linksim.scoring.metrics import Metric, known, metric

if TYPE_CHECKING:
    from rich.console import RenderableType


def measured(summary: pd.DataFrame) -> list[Metric]:
    """The metrics that this summary has values of, without the rare ones that no method but ``original`` has."""
    others = summary[summary["method"] != "original"]
    return [
        m
        for m in known()
        if m.column in summary and summary[m.column].notna().any() and (not m.rare or (others[m.column] > 0).any())
    ]


def pivot(summary: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """SNRs down, methods across, of one channel and budget."""
    table = summary.pivot(index="snr_db", columns="method", values=metric.column)
    return table[list(dict.fromkeys(summary["method"]))]


def best(values: pd.Series[float], metric: Metric) -> set[str]:
    """Names of the methods that show the best value of a row (``original`` is no competitor), none if all do."""
    shown = {str(m): metric.format(v) for m, v in values.items() if m != "original" and not math.isnan(v)}
    if not metric.better or len(set(shown.values())) < 2:
        return set()
    top = max((v for m, v in values.items() if m in shown), key=lambda v: metric.better * v)
    return {m for m, text in shown.items() if text == metric.format(top)}


def sections(summary: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """(budget, with the channel if there are several, and its lines) in the summary's order."""
    several = summary["channel"].nunique() > 1
    return [
        (f"{budget} over {channel}" if several else str(budget), lines)
        for (channel, budget), lines in summary.groupby(["channel", "budget"], sort=False)
    ]


@dataclass(frozen=True)
class Grid:
    """A table to show. corner: head of the first column, which says what is down; rows: (first cell, whether each
    cell is the best of its like, the cells)."""

    title: str
    caption: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[bool, ...], tuple[str, ...]], ...]


def grids(summary: pd.DataFrame) -> list[Grid]:
    """The tables of a summary."""
    found = []
    for budget, lines in sections(summary):
        if lines["snr_db"].nunique() == 1:
            found.append(_of_one_snr(lines, budget))
        else:
            found += [_of_metric(lines, metric, budget) for metric in measured(lines)]
    return found


def _of_metric(lines: pd.DataFrame, metric: Metric, budget: str) -> Grid:
    values = pivot(lines, metric)
    rows = []
    for snr_db, row in values.iterrows():
        top = best(row, metric)
        rows.append((f"{snr_db:g}", tuple(str(m) in top for m in row.index), tuple(map(metric.format, row))))
    title, caption = f"{metric.label} at {budget}", f"{metric.label} versus SNR at {budget}."
    return Grid(title, caption, "SNR (dB)", tuple(map(str, values)), tuple(rows))


def _of_one_snr(lines: pd.DataFrame, budget: str) -> Grid:
    lines, metrics = lines.set_index("method"), measured(lines)
    tops = [best(lines[metric.column], metric) for metric in metrics]
    rows = tuple(
        (str(name), tuple(str(name) in top for top in tops), tuple(m.format(line[m.column]) for m in metrics))
        for name, line in lines.iterrows()
    )
    title = f"Methods at {budget} and {lines['snr_db'].iloc[0]:g} dB"
    return Grid(title, f"{title}.", "Method", tuple(metric.label for metric in metrics), rows)


def facts(opened: Opened, summary: pd.DataFrame) -> list[str]:
    """What makes the comparison fair, and who does not keep to it, said with every table."""
    experiment = opened.experiment
    kind = "source bits per pixel (bpp), every byte of the file counted"
    if experiment.budgets[0].kind == "cbr":
        kind = "complex channel uses per source sample (CBR), CRC, parity and padding counted"
    unsent = "sent as the smallest file" if experiment.over_budget == "nearest" else "an outage"
    images = int(summary["images"].max())
    lines = [
        f"{images} images of {opened.dataset.name}, {experiment.trials} noise realisation(s) each, "
        f"seed {experiment.seed}, channel {', '.join(experiment.channels)}",
        "SNR is Es/N0 per complex symbol; every image has unit average symbol power",
        f"the budget limits {kind}; an image that cannot fit is {unsent}",
        "an outage shows mid-grey and is scored like any other image; intervals are 95 %",
    ]
    if images < opened.size:
        lines.append(f"ended before all {opened.size} images: precision {experiment.precision} was reached")
    if opened.task:
        lines.append(f"task: {opened.task.name}")
    return [*lines, *_of_metrics(summary), *_over_budget(experiment, summary), *opened.description["notes"]]


def _of_metrics(summary: pd.DataFrame) -> list[str]:
    """How metrics are defined, which images some of them leave out, and how many images arrived exactly."""
    lines = [metric.note for metric in measured(summary) if metric.note]
    for found in known():
        over = f"{found.column}_images"
        fewer = summary[summary[over] < summary["images"]] if over in summary else summary[:0]
        for there, images in sorted(set(zip(fewer.get(over, []), fewer["images"], strict=True))):
            label = found.label.partition(" (")[0]
            lines.append(f"{label} over {there} of {images} images: the others {found.missing}")
        if found.counted and (said := _counted(summary, found)):
            lines.append(f"{found.counted}, at the point with most of them: {', '.join(said)}")
    return lines


def _counted(summary: pd.DataFrame, metric: Metric) -> list[str]:
    """How many transmissions of each method are of a kind, where most of them are; nothing of methods without any."""
    sent = summary.assign(count=(summary[metric.column] * summary["n"]).round()).fillna({"count": 0})
    tops = [lines.loc[lines["count"].idxmax()] for _, lines in sent.groupby("method", sort=False)]
    return [f"{top['method']} {top['count']:.0f} of {top['n']}" for top in tops if top["count"]]


def _over_budget(experiment: Experiment, summary: pd.DataFrame) -> list[str]:
    """A sentence on each method that spends more than its budget on average: only ours are sure to ask for it."""
    lines = []
    for budget in experiment.budgets:
        spent = summary[summary["budget"] == str(budget)].groupby("method", sort=False)[budget.kind].max()
        lines += [
            f"{method} spends {value:.4g} {budget.kind} on average, more than the budget of {budget.text}"
            for method, value in spent.items()
            if value > budget.value * (1 + 1e-4)
        ]
    return lines


def terminal(summary: pd.DataFrame) -> RenderableType:
    """Rich tables, side by side where the terminal is wide enough."""
    from rich.columns import Columns
    from rich.console import Group

    groups: list[Any] = []
    for budget, lines in sections(summary):
        if lines["snr_db"].nunique() == 1:
            shown = [rich_table(_of_one_snr(lines, budget))]
        else:
            metrics = [m for m in measured(lines) if not (m.detail or m.cost)]
            shown = [*(rich_table(_of_metric(lines, m, budget)) for m in metrics), _cost_table(lines, budget)]
        groups.append(Columns(shown, padding=(0, 3)))
    return Group(*groups)


def rich_table(grid: Grid) -> RenderableType:
    """A Rich table."""
    from rich import box
    from rich.table import Table

    shown = Table(title=grid.title, box=box.SIMPLE_HEAD, title_style="bold", pad_edge=False)
    if grid.corner == "Method":
        shown.add_column(grid.corner, overflow="fold")
    else:
        shown.add_column("SNR dB", justify="right", style="dim")
    for column in grid.columns:
        shown.add_column(_heading(column), justify="right", overflow="fold")
    for first, tops, cells in grid.rows:
        shown.add_row(first, *(f"[bold]{c}[/]" if top else c for top, c in zip(tops, cells, strict=True)))
    return shown


def _heading(method: str) -> str:
    """A method's name, a part a line: names that begin alike stay apart where there is little room."""
    from rich.markup import escape

    return escape(method.replace("+", "\n+"))


def _cost_table(lines: pd.DataFrame, budget: str) -> RenderableType:
    """What each method spent, averaged over the SNRs: only a sender that knows the channel spends by SNR."""
    from rich import box
    from rich.table import Table

    shown = Table(title=f"Spent at {budget}", box=box.SIMPLE_HEAD, title_style="bold", pad_edge=False)
    costs = [m for m in measured(lines) if m.cost]
    for name in ("method", *(m.label for m in costs)):
        shown.add_column(name, justify="left" if name == "method" else "right")
    for method, group in lines.groupby("method", sort=False):
        shown.add_row(str(method), *(m.format(group[m.column].mean()) for m in costs))
    return shown


def difference_table(differences: pd.DataFrame) -> RenderableType:
    """Each method's difference to the baseline with its interval, as a Rich table."""
    from rich import box
    from rich.table import Table

    shown = Table(title=f"Difference to {differences['baseline'].iloc[0]}", box=box.SIMPLE_HEAD, title_style="bold")
    metrics = [m for m in known() if m.column in differences and differences[m.column].notna().any()]
    texts = ["channel"] * (differences["channel"].nunique() > 1) + ["method", "budget"]
    for name in (*texts, "SNR dB", *(m.label for m in metrics)):
        shown.add_column(name, justify="left" if name in texts else "right")
    for line in differences.to_dict("records"):
        cells = [m.with_interval(*(line[m.column + end] for end in ("", "_lo", "_hi"))) for m in metrics]
        shown.add_row(*(line[name] for name in texts), f"{line['snr_db']:g}", *cells)
    return shown


def as_csv(frame: pd.DataFrame) -> str:
    """A frame as CSV: SNRs in full, all other numbers to six digits."""
    if "snr_db" in frame:
        frame = frame.assign(snr_db=["" if math.isnan(value) else decimal(value) for value in frame["snr_db"]])
    return frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")


TEXTS = ("dataset", "channel", "method", "budget")
"""The columns of a summary that are not numbers."""


def read_summary(folder: Path) -> pd.DataFrame:
    """The summary of a finished run, whose own metrics are added to those that this process knows."""
    path = folder / "summary.csv"
    if not path.is_file():
        raise LinksimError(f"{folder} holds no summary.csv; make one with 'linksim compare --out {folder}'")
    described = Store(folder).experiment() or {}
    for name in described.get("experiment", {}).get("metrics", ()):
        metric(name)
    summary = read_csv(path, TEXTS, COLUMNS)
    keys = ["channel", "method", "budget", "snr_db"]
    texts = [name for name in COLUMNS if name not in TEXTS and not pd.api.types.is_numeric_dtype(summary[name])]
    if texts or summary[keys].isna().any(axis=None):
        raise LinksimError(f"{path}: {texts[0] if texts else 'a method, budget or SNR'} is not what it must be: "
                           f"{', '.join(TEXTS)} are texts, all else are numbers")  # fmt: skip
    if summary.duplicated(keys).any():
        raise LinksimError(f"{path}: there are two lines of one method, budget and SNR")
    return summary


def read_differences(folder: Path) -> pd.DataFrame | None:
    """The differences to a baseline of a finished run, or None if it had no baseline."""
    path, texts = folder / "differences.csv", (*TEXTS[1:], "baseline")
    return read_csv(path, texts, (*texts, "snr_db", "n")) if path.is_file() else None


def read_csv(path: Path, texts: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """A table that was written by ``as_csv``.

    Args:
        path: The file.
        texts: Columns that hold text, numbers included.
        columns: Columns that must be there.

    Raises:
        LinksimError: The file cannot be read, or lacks a column.
    """
    try:
        found = pd.read_csv(path, dtype=dict.fromkeys(texts, str))
    except (ValueError, OSError) as error:
        raise failed(f"{path} cannot be read", error) from error
    missing = [name for name in columns if name not in found]
    if missing:
        raise LinksimError(f"{path} lacks the columns {', '.join(missing)}")
    return found


def markdown(summary: pd.DataFrame, facts: list[str]) -> str:
    """The same tables in Markdown, the best of its like in bold, with the facts below."""
    return grids_as_markdown(grids(summary), facts)


def grids_as_markdown(given: Sequence[Grid], facts: Sequence[str]) -> str:
    """Tables in Markdown with sentences below."""
    blocks = []
    for grid in given:
        rows = [[grid.corner, *grid.columns], [":---" if grid.corner == "Method" else "---:"]]
        rows[1] += ["---:"] * len(grid.columns)
        for first, tops, cells in grid.rows:
            rows.append([first, *(f"**{text}**" if top else text for top, text in zip(tops, cells, strict=True))])
        body = "\n".join("| " + " | ".join(cells) + " |" for cells in rows)
        blocks.append(f"### {grid.title}\n\n{body}\n")
    return "\n".join([*blocks, *(f"- {fact}" for fact in facts)]) + "\n"


_TEX = str.maketrans(
    {c: "\\" + c for c in "_%&#${}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--"}
)


def latex(summary: pd.DataFrame, facts: list[str]) -> str:
    """The same tables for a paper (package booktabs), the best of its like in bold."""
    return grids_as_latex(grids(summary), facts)


def grids_as_latex(given: Sequence[Grid], facts: Sequence[str]) -> str:
    """Tables for a paper (package booktabs), with sentences as comments above."""
    blocks = ["% " + fact for fact in facts]
    for grid in given:
        rows = []
        for first, tops, cells in grid.rows:
            texts = [text.translate(_TEX) for text in cells]
            bold = [rf"\textbf{{{text}}}" if top else text for top, text in zip(tops, texts, strict=True)]
            rows.append(" & ".join([first.translate(_TEX), *bold]) + r" \\")
        blocks += [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{grid.caption.translate(_TEX)}}}",
            rf"\begin{{tabular}}{{{'l' if grid.corner == 'Method' else 'r'}{'r' * len(grid.columns)}}}",
            r"\toprule",
            " & ".join(text.translate(_TEX) for text in (grid.corner, *grid.columns)) + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    return "\n".join(blocks)

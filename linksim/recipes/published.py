"""A paper's own numbers beside ours."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from linksim.recipes.recipe import Recipe
from linksim.scoring.metrics import Metric, known


def beside(summary: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """The lines of the summary that the paper has numbers for. Columns: channel (where there are several), method,
    budget, snr_db, and for each metric METRIC, METRIC_lo and METRIC_hi (where there is an interval) and
    ``paper METRIC``; NaN where one has no number."""
    entries = {entry.method: entry for entry in recipe.methods}
    metrics = [m for m in known() if any(m.column in entry.paper for entry in recipe.methods)]
    lines = []
    for row in summary.to_dict("records"):
        line = {name: row[name] for name in (*_channel(summary), "method", "budget", "snr_db")}
        for metric in metrics:
            for name in (metric.column, f"{metric.column}_lo", f"{metric.column}_hi"):
                if name in row:
                    line[name] = row[name]
            line[f"paper {metric.column}"] = entries[row["method"]].published(metric.column, row["snr_db"])
        if any(not math.isnan(line[f"paper {metric.column}"]) for metric in metrics):
            lines.append(line)
    return pd.DataFrame(lines)


def gains(summary: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """The differences that the paper states: metric, channel (where there are several), method, over, snr_db, budget,
    difference, ``paper difference``."""
    values = summary.set_index(["channel", "budget", "method", "snr_db"])
    lines = []
    for gain in recipe.gains:
        for channel, budget in dict.fromkeys(zip(summary["channel"], summary["budget"], strict=True)):
            keys = [(channel, budget, method, gain.snr_db) for method in (gain.of, gain.over)]
            if gain.metric in values and all(key in values.index for key in keys):
                of, over = (values.loc[key, gain.metric] for key in keys)
                line = {"metric": gain.metric, **dict.fromkeys(_channel(summary), channel)}
                line |= {"method": gain.of, "over": gain.over}
                numbers = {"snr_db": gain.snr_db, "budget": budget, "difference": of - over}
                lines.append(line | numbers | {"paper difference": gain.paper})
    return pd.DataFrame(lines)


def _channel(summary: pd.DataFrame) -> tuple[str, ...]:
    """The column that tells the channels of a summary apart, if there are several."""
    return ("channel",) if summary["channel"].nunique() > 1 else ()


def cells(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Head and lines of such a table as texts: intervals after their value, numbers as tables show them."""
    by_column = {metric.column: metric for metric in known()}
    shown = [name for name in frame if not str(name).endswith(("_lo", "_hi"))]
    lines = [[_cell(str(name), row, by_column) for name in shown] for row in frame.to_dict("records")]
    return [_head(str(name), by_column) for name in shown], lines


def _head(name: str, by_column: dict[str, Metric]) -> str:
    metric = by_column.get(name.removeprefix("paper "))
    if metric is None:
        return {"snr_db": "SNR (dB)"}.get(name, name)
    return f"paper {metric.label}" if name.startswith("paper ") else metric.label


def _cell(name: str, row: dict[Any, Any], by_column: dict[str, Metric]) -> str:
    value = row[name]
    if isinstance(value, str):
        return by_column[value].label if name == "metric" else value
    if name == "snr_db":
        return f"{value:g}"
    difference = name.endswith("difference")
    metric = by_column.get(row["metric"] if difference else name.removeprefix("paper "))
    if metric is None:
        return "–" if math.isnan(value) else f"{value:g}"
    text = metric.format(value)
    if difference:
        return text if text.startswith(("-", "–")) else f"+{text}"
    return metric.with_interval(value, row.get(f"{name}_lo", math.nan), row.get(f"{name}_hi", math.nan))


def markdown(frame: pd.DataFrame) -> str:
    """Such a table in Markdown."""
    head, lines = cells(frame)
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"

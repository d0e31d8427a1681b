"""Rows to summaries: every metric of each group with its 95 % interval, and paired differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from linksim.data.base import Dataset
from linksim.errors import LinksimError
from linksim.scoring.estimators import Group, Truth
from linksim.scoring.intervals import Ints, bootstrap, value, wilson
from linksim.scoring.metrics import Interval, Metric, chosen

KEYS = ["channel", "budget", "method", "snr_db"]
"""What the rows of a group have in common, the slowest first."""
IDENTITY = ["dataset", "channel", "method", "budget", "snr_db"]
"""The columns of a summary that say what a line is about."""


def columns(metrics: Sequence[Metric]) -> list[str]:
    """The columns of a summary of these metrics."""
    return [*IDENTITY, "n", "images", *(column for metric in metrics for column in metric.columns)]


COLUMNS = columns(chosen())


def summarise(
    rows: pd.DataFrame, dataset: Dataset, metrics: Sequence[Metric] | None = None, **orders: Sequence[str]
) -> pd.DataFrame:
    """One line per channel, budget, method and SNR.

    Args:
        rows: As the store reads them.
        dataset: Has the objects that detections are compared with.
        metrics: What to compute; by default what is computed for every experiment.
        orders: Of channel, budget and method, the names in their order.

    Returns:
        A frame with the columns ``columns(metrics)``: ``n`` transmissions of ``images`` different images and, of each
        metric, its value, the ends of its 95 % interval and, where images may lack it, how many images have it.
    """
    metrics = chosen() if metrics is None else metrics
    truth, source = Truth(dataset), numbered(rows["source"])
    lines: list[dict[str, Any]] = []
    for key, place in rows.groupby(KEYS, sort=False, observed=True).indices.items():
        group = Group(rows.iloc[place], source[place], truth)
        lines.append({"dataset": dataset.name, **dict(zip(KEYS, key, strict=True)), **_counts(group.rows)})
        for metric in metrics:
            covered = group.only(metric.covered(group.rows))
            lines[-1] |= dict(zip(metric.columns, (*estimate(metric, covered), _images(covered.rows)), strict=False))
    table = pd.DataFrame(lines, columns=columns(metrics))
    for name, order in orders.items():
        table[name] = pd.Categorical(table[name], order)
    table = table.sort_values(KEYS, ignore_index=True)
    return table.astype({"channel": str, "method": str, "budget": str})


def numbered(sources: pd.Series[Any]) -> Ints:
    """(n,) the number of each row's source, in the order of their names."""
    number = {source: i for i, source in enumerate(sorted(sources.unique()))}
    return sources.map(number).to_numpy(np.int64)


def _counts(rows: pd.DataFrame) -> dict[str, int]:
    return {"n": len(rows), "images": _images(rows)}


def _images(rows: pd.DataFrame) -> int:
    return int(rows["image"].nunique())


def estimate(metric: Metric, group: Group) -> tuple[float, float, float]:
    """The metric of the rows that it covers, with its 95 % interval; NaN where it is undefined."""
    if not group.sources:
        return math.nan, math.nan, math.nan
    statistic, sources = metric.estimated(group), group.sources
    found = value(statistic, sources)
    if math.isnan(found):
        return math.nan, math.nan, math.nan
    independent = metric.interval is Interval.SHARE and sources == len(group.rows)
    if independent or metric.certain(found):
        return found, *wilson(found * sources, sources)
    return found, *bootstrap(statistic, sources)


def differences(
    rows: pd.DataFrame, baseline: str, dataset: Dataset, metrics: Sequence[Metric] | None = None
) -> pd.DataFrame:
    """Each method's difference to the baseline over the same images and noise, with its 95 % interval.

    Args:
        rows: As the store reads them.
        baseline: One of the methods.
        dataset: Has the objects that detections are compared with.
        metrics: What to compare; by default what is computed for every experiment.

    Returns:
        One line per channel, budget, method and SNR. Columns: channel, budget, method, baseline, snr_db, n, images
        and, of each metric that is compared, NAME, NAME_lo and NAME_hi; NaN where either method has no value.

    Raises:
        LinksimError: The baseline is not among the methods.
    """
    methods = list(dict.fromkeys(rows["method"]))
    if baseline not in methods:
        raise LinksimError(f"baseline {baseline!r} is not among the methods: {', '.join(sorted(methods))}")
    truth, source = Truth(dataset), numbered(rows["source"])
    places = rows.groupby(KEYS, sort=False, observed=True).indices
    compared = [metric for metric in (chosen() if metrics is None else metrics) if metric.compared]
    lines = []
    for key, place in places.items():
        line = dict(zip(KEYS, key, strict=True))
        reference = places.get(tuple((line | {"method": baseline}).values()))
        if line["method"] == baseline or reference is None:
            continue
        pairs = _paired(rows, place, reference)
        of, over = (Group(rows.iloc[these], source[these], truth) for these in pairs)
        line |= {"baseline": baseline, **_counts(of.rows)}
        for metric in compared:
            line |= dict(zip(metric.columns, difference(metric, of, over), strict=False))
        lines.append(line)
    names = [column for metric in compared for column in metric.columns[:3]]
    return pd.DataFrame(lines, columns=[*KEYS[:-1], "baseline", "snr_db", "n", "images", *names])


def _paired(rows: pd.DataFrame, of: Ints, over: Ints) -> tuple[Ints, Ints]:
    """Places of the rows of two methods that are of the same image and noise, pair by pair."""
    pair = ["image", "trial"]
    both = rows.iloc[of][pair].assign(of=of).merge(rows.iloc[over][pair].assign(over=over), on=pair)
    return both["of"].to_numpy(), both["over"].to_numpy()


def difference(metric: Metric, of: Group, over: Group) -> tuple[float, float, float]:
    """How far the metric of one group lies above that of another, row by row its pair, with the 95 % interval of a
    paired bootstrap over sources. Where both are 0 or 1 throughout, the interval is Newcombe's of two rates (1998,
    method 10 without correlation), from Wilson's of as many sources."""
    mask = metric.covered(of.rows) & metric.covered(over.rows)
    of, over = of.only(mask), over.only(mask)
    if not of.sources:
        return math.nan, math.nan, math.nan
    first, second = metric.estimated(of), metric.estimated(over)
    p, q = value(first, of.sources), value(second, of.sources)
    if math.isnan(p - q):
        return math.nan, math.nan, math.nan
    if metric.certain(p) and metric.certain(q):
        (low_p, high_p), (low_q, high_q) = (wilson(rate * of.sources, of.sources) for rate in (p, q))
        return p - q, p - q - math.hypot(p - low_p, high_q - q), p - q + math.hypot(high_p - p, q - low_q)
    return p - q, *bootstrap(lambda weights: first(weights) - second(weights), of.sources)

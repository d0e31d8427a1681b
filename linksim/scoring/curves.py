"""Each method's curve against a baseline's: one number over all SNRs, or over all budgets, with its 95 % interval.

Both curves are computed again from each bootstrap resample of the sources, and every number from each pair of them, so
that intervals are paired.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from linksim.data.base import Dataset
from linksim.errors import LinksimError, unknown
from linksim.link import Budget
from linksim.scoring import bjontegaard
from linksim.scoring.aggregation import KEYS, numbered
from linksim.scoring.bjontegaard import Curve, Delta
from linksim.scoring.estimators import Group, Truth
from linksim.scoring.intervals import RESAMPLES, Floats, Ints, percentile_interval, resampled, value
from linksim.scoring.metrics import METRICS, Metric, chosen, metric


@dataclass(frozen=True)
class Quantity:
    """A number of two curves. gains: whether its value is one of the metric; levels: whether its range is."""

    of: Callable[[Curve, Curve], Delta]
    gains: bool = False
    levels: bool = False


OVER_SNR = {
    "bd_snr": Quantity(bjontegaard.bd_snr, levels=True),
    "mean_difference": Quantity(bjontegaard.mean_difference, gains=True),
    "share_ahead": Quantity(bjontegaard.share_ahead),
}
OVER_BUDGETS = {
    "bd_rate": Quantity(bjontegaard.bd_rate, levels=True),
    "bd_quality": Quantity(bjontegaard.bd_quality, gains=True),
}
CROSSINGS = {True: "ahead_from", False: "behind_from"}
COLUMNS = ["channel", "budget", "snr_db", "method", "baseline", "metric", "quantity", "value", "value_lo", "value_hi",
           "start", "end", "images"]  # fmt: skip
DEFINED = 0.95
"""Share of the resamples that must have a number for it to have an interval."""


def comparable(
    names: Sequence[str], rows: pd.DataFrame, computed: Sequence[Metric] | None = None
) -> tuple[Metric, ...]:
    """The metrics whose curves can be compared: those that say which way is better and that the rows have.

    Args:
        names: Which; those that the terminal's tables have by default.
        rows: As the store reads them.
        computed: The experiment's; by default those of every experiment.

    Raises:
        LinksimError: A name is unknown, does not say which way is better, or was not measured.
    """
    there = {m.column: m for m in (chosen() if computed is None else computed) if m.better and m.covered(rows).any()}
    for name in names:
        if not metric(name).better:
            raise LinksimError(f"metric {name!r}: must be one of which more or less is better: {', '.join(there)}")
        if name not in there:
            raise LinksimError(f"metric {name!r} was not measured; there are {', '.join(there)}")
    return tuple(m for m in there.values() if (m.column in names if names else m.compared and not m.detail))


def curve_differences(
    rows: pd.DataFrame,
    methods: Sequence[str],
    baseline: str,
    dataset: Dataset | None = None,
    metrics: Sequence[Metric] | None = None,
) -> pd.DataFrame:
    """Each method's curves against the baseline's, over the same images and noise.

    ``linksim.scoring.bjontegaard`` says how curves are interpolated and how flat and falling pieces count.

    Args:
        rows: As the store reads them. Images that some method lacks at some point are left out.
        methods: Which are compared, in the order of the lines; ``original`` is excluded.
        baseline: One of them.
        dataset: Has the objects that detections are compared with, if there are detections.
        metrics: What to compare; by default ``comparable``'s.

    Returns:
        One line per channel, method, metric, budget or SNR, and quantity. Columns: ``COLUMNS``; of curves over SNR,
        ``snr_db`` is NaN, and of curves over budgets, ``budget`` is their kind alone. ``start`` and ``end`` are the
        common range that a mean is over. Values are NaN where curves do not overlap; intervals also where more than
        5 % of the resamples have no value. Quantities, of curves over several SNRs:

        - ``bd_snr``: SNR in dB that the method needs less for the same quality
        - ``mean_difference``: mean over SNRs of the method's metric less the baseline's
        - ``share_ahead``: share of the SNRs' range over which the method is ahead
        - ``ahead_from``, ``behind_from``: SNR in dB where one overtakes the other, a line for each crossing

        and of curves over several budgets, by what is spent on average (bpp or CBR):

        - ``bd_rate``: percent of rate that the method needs more for the same quality
        - ``bd_quality``: mean difference of the metric at the same rate (BD-PSNR of PSNRs)

    Raises:
        LinksimError: The baseline is not among the methods, or there is no other.
    """
    measured = set(rows["method"])
    methods = [method for method in methods if method in measured and method != "original"]
    if len(methods) < 2:
        there = ", ".join(methods) or "none"
        raise LinksimError(f"comparing curves takes two methods beside 'original'; there is {there}")
    if baseline not in methods:
        raise unknown("baseline", baseline, methods)
    rows = rows[rows["method"].isin(methods)]
    lines: list[dict[str, Any]] = []
    for channel in sorted(set(rows["channel"])):
        curves = _Curves(_common(rows[rows["channel"] == channel]), dataset)
        for found in comparable((), rows) if metrics is None else metrics:
            for method in (m for m in methods if m != baseline):
                about = {"channel": channel, "method": method, "baseline": baseline, "metric": found.column}
                about["images"] = curves.rows["image"].nunique()
                lines += [about | line for line in curves.differences(found, method, baseline)]
    return pd.DataFrame(lines, columns=COLUMNS)


def _common(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows over a channel of the images and trials that every method has at every point."""
    points = len(rows[KEYS].drop_duplicates())
    kept = rows[rows.groupby(["image", "trial"])["image"].transform("size") == points]
    if kept.empty:
        raise LinksimError("no image was measured by all methods at every SNR and budget")
    return kept


class _Curves:
    """The curves over one channel, each of all sources and of every resample."""

    def __init__(self, rows: pd.DataFrame, dataset: Dataset | None) -> None:
        self.rows, self.truth = rows, Truth(dataset)
        self.source = numbered(rows["source"])
        self.places = rows.groupby(KEYS[1:], sort=False, observed=True).indices
        self.budgets = sorted({str(key[0]) for key in self.places}, key=lambda text: Budget.parse(text).value)
        self.kind = Budget.parse(self.budgets[0]).kind
        self.snr_db = sorted({float(key[2]) for key in self.places})
        self._known: dict[tuple[str, str, str, float], Floats] = {}

    def differences(self, metric: Metric, method: str, baseline: str) -> Iterator[dict[str, Any]]:
        """All numbers of a method's curves and the baseline's."""
        for budget in self.budgets if len(self.snr_db) > 1 else []:
            pair = [self.over_snr(metric, budget, name) for name in (method, baseline)]
            lines = [*_numbers(OVER_SNR, metric, *pair), *_crossings(*pair)]
            yield from ({"budget": budget, **line} for line in lines)
        for snr_db in self.snr_db if len(self.budgets) > 1 else []:
            pair = [self.over_budgets(metric, snr_db, name) for name in (method, baseline)]
            yield from (
                {"budget": self.kind, "snr_db": snr_db, **line} for line in _numbers(OVER_BUDGETS, metric, *pair)
            )

    def over_snr(self, metric: Metric, budget: str, method: str) -> Curve:
        """The curves (1 + RESAMPLES, SNRs) at a budget, of which more is better."""
        values = [self.values(metric, budget, method, snr_db) for snr_db in self.snr_db]
        quality = metric.better * np.stack(values, axis=1)
        return Curve(np.broadcast_to(self.snr_db, quality.shape), quality)

    def over_budgets(self, metric: Metric, snr_db: float, method: str) -> Curve:
        """The curves (1 + RESAMPLES, budgets) at an SNR over what the method spends on average."""
        cost = next(m for m in METRICS if m.column == self.kind)
        spent, values = (
            np.stack([self.values(of, budget, method, snr_db) for budget in self.budgets], axis=1)
            for of in (cost, metric)
        )
        return Curve(spent, metric.better * values)

    def values(self, metric: Metric, budget: str, method: str, snr_db: float) -> Floats:
        """(1 + RESAMPLES,) a metric at a point: of all sources, then of each resample; (1,) of a single source."""
        key = metric.column, budget, method, snr_db
        if key not in self._known:
            self._known[key] = self._values(metric, self.places[budget, method, snr_db])
        return self._known[key]

    def _values(self, metric: Metric, place: Ints) -> Floats:
        sources = int(self.source.max()) + 1
        rows = self.rows.iloc[place]
        covered = metric.covered(rows)
        present = np.unique(self.source[place][covered])
        if not len(present):
            return np.full(1 + RESAMPLES * (sources > 1), math.nan)
        of_present = metric.estimated(Group(rows[covered], self.source[place][covered], self.truth))

        def statistic(weights: npt.NDArray[Any]) -> Floats:
            return of_present(weights[:, present])

        drawn = resampled(statistic, sources) if sources > 1 else np.empty(0)
        return np.append(value(statistic, sources), drawn)


def _numbers(
    quantities: dict[str, Quantity], metric: Metric, method: Curve, baseline: Curve
) -> Iterator[dict[str, Any]]:
    """Each quantity of the first curves, with its interval from the others."""
    for name, quantity in quantities.items():
        found, start, end = quantity.of(method, baseline)
        found = found * (metric.better if quantity.gains else 1)
        ends = sorted(at[0] * (metric.better if quantity.levels else 1) for at in (start, end))
        yield {"quantity": name, "value": found[0], **_interval(found), "start": ends[0], "end": ends[1]}


def _crossings(method: Curve, baseline: Curve) -> Iterator[dict[str, Any]]:
    """Each crossing of the first curves; of the crossings of a resample, the nearest of the same direction counts."""

    def of(i: int) -> list[tuple[float, bool]]:
        return bjontegaard.crossings(*(Curve(curve.x[i], curve.quality[i]) for curve in (method, baseline)))

    first = of(0)
    every = [of(i) for i in range(len(method.x))] if first else []
    for snr_db, ahead in first:
        distances = [[at - snr_db for at, way in found if way == ahead] for found in every]
        drawn = snr_db + np.array([min(of, key=abs, default=math.nan) for of in distances])
        yield {"quantity": CROSSINGS[ahead], "value": snr_db, **_interval(drawn)}


def _interval(values: Floats) -> dict[str, float]:
    """The interval of the first value from the others (resamples), if nearly all of them have one."""
    drawn = values[1:]
    defined = len(drawn) > 0 and not math.isnan(values[0]) and np.mean(~np.isnan(drawn)) >= DEFINED
    low, high = percentile_interval(drawn) if defined else (math.nan, math.nan)
    return {"value_lo": low, "value_hi": high}

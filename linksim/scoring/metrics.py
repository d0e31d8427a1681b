"""The one table of metrics: what each is, how it follows from rows, and how it is shown.

Rows, summary, differences, tables, plots, report and recipes read it; nothing else knows a metric by name. A metric of
received images is one function and one entry (see ``docs/how-to/add-a-metric.md``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from linksim import plugins
from linksim.errors import LinksimError, unknown
from linksim.link import Image
from linksim.scoring.estimators import (
    Estimator,
    Mask,
    coco_map,
    macro_f1,
    mean,
    psnr_of_mean_mse,
    ratio_of_sums,
    voc_map,
)
from linksim.scoring.image_quality import ms_ssim, psnr, ssim
from linksim.scoring.perceptual import dists, lpips

if TYPE_CHECKING:
    import pandas as pd

ImageScore = Callable[[Image, Image], float]
"""One number for a received image: (reference, received), both uint8 (H, W, 3), to a float; NaN where undefined."""


class Interval(Enum):
    """How a metric's 95 % interval is made. Where 0 or 1 is all that was seen, a bootstrap would claim certainty; of
    whatever is bounded by them, Wilson's interval for as many sources stands in."""

    MEAN = "bootstrap over sources"
    BOUNDED = "bootstrap over sources, Wilson's where all is 0 or all is 1"
    SHARE = "Wilson's where each source has one row, else as BOUNDED"


@dataclass(frozen=True)
class Metric:
    """A metric, as a column of the summary.

    Args:
        column: Its name in the summary and, of a metric of images, in the rows.
        label: Its name in tables and on axes, with its unit.
        digits: Decimals that a table shows.
        better: +1 if more is better, -1 if less is, 0 if neither.
        bounds: Lower and upper end of its axis; None where the data decide.
        log: Whether its axis is logarithmic.
        of_task: Whether it scores a task's predictions.
        cost: Whether it is what a transmission costs, not what it achieves.
        detail: Whether a terminal leaves it out where each metric has a table of its own.
        rare: Whether it is shown only if it is above zero for some method other than ``original``.
        on_request: Whether it is computed only if the experiment asks for it.
        compared: Whether it takes part in paired differences.
        interval: How its 95 % interval is made.
        of_image: Its value for one received image. The summary has the mean.
        cap: What an image's value counts at most in the mean.
        estimator: How it follows from rows; by default the mean of its column.
        covers: The rows (n,) that it is about; by default those that have its column, or all.
        missing: Why an image may have no value, as the end of "the others ...".
        note: A sentence that is said below every table that shows it.
        counted: Name of the transmissions whose share it is; tables say their number.
        instead_of: The metric that it stands in for where a data set has no labels.
    """

    column: str
    label: str
    digits: int
    better: int = 0
    bounds: tuple[float, float] | None = None
    log: bool = False
    of_task: bool = False
    cost: bool = False
    detail: bool = False
    rare: bool = False
    on_request: bool = False
    compared: bool = True
    interval: Interval = Interval.MEAN
    of_image: ImageScore | None = None
    cap: float = math.inf
    estimator: Estimator | None = None
    covers: Callable[[pd.DataFrame], Mask] | None = None
    missing: str = "have no value"
    note: str = ""
    counted: str = ""
    instead_of: str = ""

    @property
    def name(self) -> str:
        """What an experiment calls it: its column."""
        return self.column

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns in the summary: value, interval and, of a metric of images, how many of them have a value."""
        ends = ("", "_lo", "_hi", "_images") if self.of_image else ("", "_lo", "_hi")
        return tuple(self.column + end for end in ends)

    def score(self, reference: Image, received: Image) -> float:
        """The value of one received image; a LinksimError if it is none that can be averaged."""
        assert self.of_image is not None
        found = float(self.of_image(reference, received))
        if math.isinf(found) and math.isinf(self.cap):
            raise LinksimError(f"metric {self.column!r} gave {found}: an infinite value needs a cap")
        return found

    def covered(self, rows: pd.DataFrame) -> Mask:
        """Which rows (n,) it is about."""
        if self.covers is not None:
            return self.covers(rows)
        if self.of_image is None:
            return np.ones(len(rows), bool)
        return rows[self.column].notna().to_numpy() if self.column in rows else np.zeros(len(rows), bool)

    @property
    def estimated(self) -> Estimator:
        """How it follows from the rows that it covers."""
        return self.estimator or mean(lambda rows: np.minimum(rows[self.column].to_numpy(np.float64), self.cap))

    def certain(self, value: float) -> bool:
        """Whether a bootstrap would take what was seen for all that there is."""
        return self.interval is not Interval.MEAN and value in (0.0, 1.0)

    def format(self, value: float) -> str:
        """The value as a table shows it: a dash where it was not measured."""
        return "–" if math.isnan(value) else f"{value:.{self.digits}f}"

    def with_interval(self, value: float, low: float, high: float) -> str:
        """The value with its interval, where there is one that the digits show."""
        text, ends = self.format(value), (self.format(low), self.format(high))
        return text if math.isnan(low) or ends[0] == ends[1] else f"{text} ({ends[0]} to {ends[1]})"


def _labelled(rows: pd.DataFrame) -> Mask:
    """Rows with a prediction on an image that has a label."""
    return rows["correct"].notna().to_numpy() & ~_unlabelled(rows)


def _unlabelled(rows: pd.DataFrame) -> Mask:
    """Rows of images without a label, for which the prediction on the original stands."""
    agreement = rows["agreement"].dropna().astype(bool)
    if agreement.nunique() > 1:
        raise LinksimError("some images have labels and some have none: give all of them one, or choose --task none")
    return rows["agreement"].astype("boolean").fillna(False).to_numpy(bool)


def _as_original(rows: pd.DataFrame) -> pd.Series[Any]:
    """Whether each prediction equals that on the original; missing without a prediction."""
    return rows["as_original"].astype("boolean").fillna(rows["correct"].astype("boolean").where(_unlabelled(rows)))


def _detected(rows: pd.DataFrame) -> Mask:
    return rows["detections"].notna().to_numpy()


_correct = mean(lambda rows: rows["correct"].astype(float))
RATE = (0.0, 1.0)
PSNR_CAP = 10 * math.log10(255**2 * 12)
"""58.92 dB: the PSNR of an MSE of 1/12, which is that of rounding to whole grey levels."""

# fmt: off
METRICS = (
    Metric("acc", "ACC", 3, 1, RATE, of_task=True, interval=Interval.SHARE, estimator=_correct, covers=_labelled),
    Metric("agreement", "Agreement", 3, 1, RATE, of_task=True, interval=Interval.SHARE,
           estimator=mean(lambda rows: _as_original(rows).astype(float)),
           covers=lambda rows: _as_original(rows).notna().to_numpy(), instead_of="acc",
           note="agreement is with the task's own prediction on the original"),
    Metric("f1", "F1", 3, 1, RATE, of_task=True, interval=Interval.BOUNDED, estimator=macro_f1, covers=_labelled,
           note="F1 is the mean over the classes that occur in labels or predictions, as scikit-learn's"),
    Metric("map", "mAP@0.5", 3, 1, RATE, of_task=True, interval=Interval.BOUNDED, estimator=voc_map("all-points"),
           covers=_detected),
    Metric("map_11pt", "mAP@0.5 (11 points)", 3, 1, RATE, of_task=True, detail=True, interval=Interval.BOUNDED,
           estimator=voc_map("11-point"), covers=_detected),
    Metric("map_coco", "mAP@[0.5:0.95]", 3, 1, RATE, of_task=True, detail=True, interval=Interval.BOUNDED,
           estimator=coco_map, covers=_detected),
    Metric("psnr", "PSNR (dB)", 2, 1, of_image=psnr, cap=PSNR_CAP,
           note=f"PSNR is the mean of the images' PSNRs, each counted as at most {PSNR_CAP:.2f} dB (an MSE of 1/12)"),
    Metric("ssim", "SSIM", 3, 1, RATE, of_image=ssim, missing="have a side of less than 11 pixels"),
    Metric("ms_ssim", "MS-SSIM", 4, 1, RATE, on_request=True, of_image=ms_ssim,
           missing="have a side of less than 161 pixels"),
    Metric("lpips", "LPIPS", 3, -1, on_request=True, of_image=lpips, missing="have a side of less than 32 pixels",
           note="LPIPS is version 0.1 with AlexNet"),
    Metric("dists", "DISTS", 3, -1, on_request=True, of_image=dists, missing="have a side of less than 32 pixels"),
    Metric("pooled_psnr", "PSNR of the mean MSE (dB)", 2, 1, on_request=True, cap=PSNR_CAP,
           estimator=psnr_of_mean_mse(PSNR_CAP),
           note="PSNR of the mean MSE is that of all images as one, so that the worst of them decide it"),
    Metric("outage", "Outage", 3, -1, RATE, interval=Interval.SHARE, estimator=mean(lambda rows: ~rows["ok"])),
    Metric("exact", "Exact", 3, 0, RATE, detail=True, rare=True, compared=False, interval=Interval.SHARE,
           estimator=mean(lambda rows: np.isinf(rows["psnr"])), counted="images that arrive exactly"),
    Metric("bler", "BLER", 4, -1, log=True, detail=True, interval=Interval.BOUNDED,
           estimator=ratio_of_sums("block_errors", "blocks_sent")),
    Metric("bpp", "bpp", 3, cost=True, compared=False, estimator=mean(lambda rows: rows["bpp"])),
    Metric("cbr", "CBR", 4, cost=True, compared=False, estimator=mean(lambda rows: rows["cbr"])),
    Metric("papr", "PAPR (dB)", 2, cost=True, compared=False, estimator=mean(lambda rows: rows["papr"]),
           covers=lambda rows: rows["papr"].notna().to_numpy()),
)
# fmt: on


ON_REQUEST = tuple(m.column for m in METRICS if m.on_request)
"""Those that an experiment computes only if it asks for them."""
_added: dict[str, Metric] = {}


def known() -> tuple[Metric, ...]:
    """All metrics that this process knows: those above, and those added since."""
    return (*METRICS, *_added.values())


def add(found: Metric) -> Metric:
    """Take a metric into the table, in the place of an earlier one of its column that was added too.

    Raises:
        LinksimError: It is no metric, computes nothing, or has a column of one of ``METRICS``.
    """
    if not isinstance(found, Metric):
        raise LinksimError(f"metric {found!r:.60}: must be a linksim.Metric, but is a {type(found).__name__}")
    if found.of_image is None and found.estimator is None:
        raise LinksimError(f"metric {found.column!r}: needs a function of_image or an estimator")
    if not found.column.isidentifier():
        raise LinksimError(f"metric {found.column!r}: its column must be a word of letters, digits and underscores")
    for other in METRICS:
        if found != other and set(found.columns) & set(other.columns):
            raise LinksimError(f"metric {found.column!r}: the metric {other.label} has this column")
    if found not in METRICS:
        _added[found.column] = found
    return found


def metric(name: str) -> Metric:
    """The metric of a column, of an entry point of the group ``linksim.metrics``, or at ``package.module:NAME``, which
    is added to the table.

    Raises:
        LinksimError: There is none, or it cannot be added.
    """
    for found in known():
        if found.column == name:
            return found
    if ":" not in name and name not in plugins.names("linksim.metrics"):
        raise unknown("metric", name, [*(m.column for m in known()), *plugins.names("linksim.metrics")])
    return add(plugins.load("linksim.metrics", name))


def chosen(requested: Sequence[str] = ()) -> tuple[Metric, ...]:
    """The metrics of an experiment: those that are always computed, and those that it asks for by name."""
    always = [m for m in METRICS if not m.on_request]
    return tuple(dict.fromkeys([*always, *map(metric, requested)]))


def of_images(metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    """Those that give each received image a number, which is a column of the rows."""
    return tuple(m for m in metrics if m.of_image is not None)

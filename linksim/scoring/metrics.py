"""The one table of metrics: what each is called, how it is shown and drawn, and how one image gets its value.

Row columns, summary, tables, plots, report and recipes read it; nothing else knows a metric by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from linksim.errors import unknown
from linksim.link import Image
from linksim.scoring.image_quality import psnr, ssim

ImageScore = Callable[[Image, Image], float]
"""One number for a received image: (reference, received), both uint8 (H, W, 3), to a float; NaN where undefined."""


@dataclass(frozen=True)
class Metric:
    """How a column of the summary is computed and shown.

    Args:
        column: Its name in the summary, and in the rows if ``of_image`` is given.
        label: Its name in tables and on axes, with its unit.
        digits: Decimals that a table shows.
        better: +1 if more is better, -1 if less is, 0 if neither.
        bounds: Lower and upper end of its axis; None where the data decide.
        log: Whether its axis is logarithmic.
        of_task: Whether it scores a task's predictions.
        cost: Whether it is what a transmission costs, not what it achieves.
        detail: Whether tables in a terminal leave it out, where there are several.
        compared: Whether it takes part in paired differences.
        of_image: Its value for one received image, which becomes a column of the rows.
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
    compared: bool = True
    of_image: ImageScore | None = None

    def format(self, value: float) -> str:
        """The value as a table shows it: a dash where it was not measured."""
        if math.isnan(value):
            return "–"
        if math.isinf(value):
            return "∞" if value > 0 else "-∞"
        return f"{value:.{self.digits}f}"

    def with_interval(self, value: float, low: float, high: float) -> str:
        """The value with its interval, where there is one."""
        text = self.format(value)
        return text if math.isnan(low) or low == high else f"{text} ({self.format(low)} to {self.format(high)})"


RATE = (0.0, 1.0)

METRICS = (
    Metric("acc", "ACC", 3, 1, RATE, of_task=True),
    Metric("agreement", "Agreement", 3, 1, RATE, of_task=True),
    Metric("f1", "F1", 3, 1, RATE, of_task=True),
    Metric("map", "mAP@0.5", 3, 1, RATE, of_task=True),
    Metric("psnr", "PSNR (dB)", 2, 1, of_image=psnr),
    Metric("ssim", "SSIM", 3, 1, RATE, of_image=ssim),
    Metric("outage", "Outage", 3, -1, RATE),
    Metric("bler", "BLER", 4, -1, log=True, detail=True),
    Metric("bpp", "bpp", 3, cost=True),
    Metric("cbr", "CBR", 4, cost=True),
)


def metric(column: str) -> Metric:
    """The metric of a column.

    Raises:
        LinksimError: No metric has this column; the message lists those that exist.
    """
    for found in METRICS:
        if found.column == column:
            return found
    raise unknown("metric", column, [m.column for m in METRICS])


def of_image() -> dict[str, ImageScore]:
    """Row column and function of every metric that gives each received image a number."""
    return {m.column: m.of_image for m in METRICS if m.of_image is not None}

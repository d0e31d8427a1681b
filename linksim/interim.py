"""What a run says before it ends: the results of the images that every method has finished, and if they suffice."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from linksim.errors import LinksimError, unknown
from linksim.output.tables import measured
from linksim.scoring.aggregation import summarise
from linksim.scoring.metrics import Metric, chosen, metric

if TYPE_CHECKING:
    from linksim.engine.opened import Opened
    from linksim.engine.store import Store
    from linksim.engine.units import Unit

LEAST_SOURCES = 30
"""Of fewer sources a bootstrap says too little for a run to end on it."""
SHARE_OF_TIME = 0.05
"""How much of a run's time may go into summaries that are not its last."""


class Display:
    """Where a run shows what it does; this one shows nothing.

    Attributes:
        wants_summaries: Whether it shows them.
    """

    wants_summaries = False

    def progress(self, done: int, total: int) -> None:
        """So many units of all are done."""

    def summary(self, summary: pd.DataFrame, images: int) -> None:
        """The results so far, of so many images."""


@dataclass(frozen=True)
class Precision:
    """How narrow the 95 % intervals of a metric have to be for a run to end.

    Args:
        within: Half of the width that an interval may have, in the metric's unit.
        column: The metric; "" for the first that the experiment measures, a task's before those of pixels.
    """

    within: float
    column: str = ""

    @classmethod
    def parse(cls, text: str) -> Precision:
        """The precision of ``0.02`` or ``psnr:0.1``.

        Raises:
            LinksimError: It is neither, or there is no such metric.
        """
        name, _, value = text.rpartition(":")
        try:
            within = float(value)
        except ValueError:
            within = 0.0
        if not within > 0:
            raise LinksimError(f"precision {text!r}: must be a number above 0 such as 0.02, or METRIC:NUMBER")
        return cls(within, metric(name).column if name else "")

    def check(self, opened: Opened) -> None:
        """Raise a LinksimError unless the experiment computes the metric."""
        there = [
            found.column for found in opened.metrics if not (found.cost or (found.of_task and opened.task is None))
        ]
        if self.column and self.column not in there:
            raise unknown("metric of the precision:", self.column, there)

    def of(self, summary: pd.DataFrame) -> Metric:
        """The metric that is meant."""
        there = {found.column: found for found in measured(summary)}
        if self.column and self.column not in there:
            raise unknown("metric of the precision:", self.column, there)
        return there[self.column or next(iter(there))]

    def is_reached(self, summary: pd.DataFrame) -> bool:
        """Whether every interval is that narrow."""
        found = self.of(summary)
        widths = (summary[f"{found.column}_hi"] - summary[f"{found.column}_lo"]) / 2
        return bool(len(summary)) and bool((widths <= self.within).all())


class Interim:
    """Looks at a run as it goes (see ``watch`` of ``linksim.engine.runner.run``).

    Args:
        opened: The experiment. Its precision, if it has one, ends the run.
        store: Has the rows.
        display: Gets the summaries.
        clock: Gives the time in seconds.
    """

    def __init__(
        self,
        opened: Opened,
        store: Store,
        display: Display,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.opened, self.store, self.display, self.clock = opened, store, display, clock
        given = opened.experiment
        self.precision = Precision.parse(given.precision) if given.precision else None
        if self.precision is not None:
            self.precision.check(opened)
        self.next, self.seen = clock(), 0

    def __call__(self, complete: Callable[[], list[Unit]]) -> bool:
        """Whether the run may end.

        Args:
            complete: Gives the units of the images that every method has finished.
        """
        started = self.clock()
        if started < self.next or not (self.display.wants_summaries or self.precision):
            return False
        units = complete()
        images = len({image for unit in units for image in unit.images})
        if images == self.seen:
            return False
        self.seen = images
        rows = self.store.read(units)
        summary = self._summary(rows)
        if self.display.wants_summaries:
            self.display.summary(summary, images)
        self.next = self.clock() + (self.clock() - started) / SHARE_OF_TIME
        enough = rows["source"].nunique() >= LEAST_SOURCES
        return self.precision is not None and self.precision.is_reached(summary) and enough

    def _summary(self, rows: pd.DataFrame) -> pd.DataFrame:
        given = self.opened.experiment
        methods = tuple(name for name in given.methods if name in set(rows["method"]))
        budgets = tuple(map(str, given.budgets))
        metrics = self.opened.metrics
        if self.precision is not None and self.precision.column and not self.display.wants_summaries:
            metrics = tuple(found for found in chosen(given.metrics) if found.column == self.precision.column)
        return summarise(rows, self.opened.dataset, metrics, channel=given.channels, budget=budgets, method=methods)

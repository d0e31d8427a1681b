"""Results before a run ends: the summary of the images that all methods have finished, and whether it is precise."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from linksim.errors import LinksimError, unknown
from linksim.output.tables import measured
from linksim.scoring.aggregation import summarise
from linksim.scoring.metrics import Metric, metric

if TYPE_CHECKING:
    from linksim.engine.opened import Opened
    from linksim.engine.store import Store
    from linksim.engine.units import Unit

LEAST_SOURCES = 30
"""A run does not end on fewer: the bootstrap interval of a few sources is too narrow."""
SHARE_OF_TIME = 0.05
"""Largest share of a run's time spent on summaries before the last one."""


class Display:
    """Shows the progress of a run. This base class shows nothing.

    Attributes:
        wants_summaries: Whether ``summary`` is to be called.
    """

    wants_summaries = False

    def progress(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` units are finished."""

    def summary(self, summary: pd.DataFrame, images: int) -> None:
        """Show the results of the first ``images`` images."""


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
        summary = summary_of(self.opened, rows, self._metrics())
        if self.display.wants_summaries:
            self.display.summary(summary, images)
        self.next = self.clock() + (self.clock() - started) / SHARE_OF_TIME
        enough = rows["source"].nunique() >= LEAST_SOURCES
        return self.precision is not None and self.precision.is_reached(summary) and enough

    def _metrics(self) -> tuple[Metric, ...]:
        """All metrics if they are shown, else the one that the precision is of."""
        column = self.precision.column if self.precision else ""
        if self.display.wants_summaries or not column:
            return self.opened.metrics
        return tuple(found for found in self.opened.metrics if found.column == column)


def summary_of(opened: Opened, rows: pd.DataFrame, metrics: Sequence[Metric] | None = None) -> pd.DataFrame:
    """The summary of an experiment's rows, in the order of its channels, budgets and methods.

    Args:
        opened: The experiment.
        rows: As the store reads them.
        metrics: By default all that the experiment computes.
    """
    given, there = opened.experiment, set(rows["method"])
    return summarise(
        rows,
        opened.dataset,
        opened.metrics if metrics is None else metrics,
        channel=given.channels,
        budget=tuple(map(str, given.budgets)),
        method=tuple(name for name in given.methods if name in there),
    )

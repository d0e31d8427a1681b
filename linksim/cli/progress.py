"""Progress with the time that is left, and the results so far, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from linksim.interim import Display

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_TABLES = 60.0


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A callback for (done, total): a bar in a terminal, a line now and then elsewhere."""
    with shown(what) as display:
        yield display.progress


@contextmanager
def shown(what: str) -> Iterator[Display]:
    """A run's display: a bar and a table that grows in a terminal, lines and now and then a table elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines(what)
        return
    display = _Live(what)
    with display.live:
        yield display


class _Live(Display):
    """A bar, and the table below it, drawn anew."""

    wants_summaries = True

    def __init__(self, what: str) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        class WithTable(Progress):
            below: tuple[RenderableType, ...] = ()

            def get_renderables(self) -> Iterator[RenderableType]:
                yield self.make_tasks_table(self.tasks)
                yield from self.below

        columns: Any = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self.live = WithTable(*columns, console=Console(stderr=True), transient=True)
        self.task = self.live.add_task(what, total=None)

    def progress(self, done: int, total: int) -> None:
        self.live.update(self.task, completed=done, total=total)

    def summary(self, summary: pd.DataFrame, images: int) -> None:
        from linksim.output import tables

        self.live.below = (f"after {images} images:", tables.terminal(summary))


class _Lines(Display):
    """Lines for a log, and every minute the table."""

    wants_summaries = True

    def __init__(self, what: str) -> None:
        self.what = what
        self.started = self.last = time.monotonic()
        self.done_before: int | None = None
        self.next_table = self.started + SECONDS_BETWEEN_LINES

    def progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        before = self.done_before = done if self.done_before is None else self.done_before
        if done < total and now - self.last < SECONDS_BETWEEN_LINES:
            return
        self.last, took = now, now - self.started
        left = took / (done - before) * (total - done) if done > before else float("nan")
        ending = f", about {left:.0f} s left" if done < total and left == left else ""
        print(f"{self.what}: {done} of {total} units, {took:.0f} s{ending}", file=sys.stderr, flush=True)

    def summary(self, summary: pd.DataFrame, images: int) -> None:
        if time.monotonic() < self.next_table:
            return
        self.next_table = time.monotonic() + SECONDS_BETWEEN_TABLES
        from rich.console import Console

        from linksim.output import tables

        console = Console(stderr=True)
        console.print(f"{self.what}, after {images} images:", tables.terminal(summary))

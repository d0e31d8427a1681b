"""Progress with the time that is left, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A callback for (done, total): a bar in a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _lines(what: str) -> Callable[[int, int], None]:
    started = shown = time.monotonic()
    first: int | None = None

    def show(done: int, total: int) -> None:
        nonlocal shown, first
        now = time.monotonic()
        first = done if first is None else first
        if done < total and now - shown < SECONDS_BETWEEN_LINES:
            return
        shown = now
        left = (now - started) / (done - first) * (total - done) if done > first else float("nan")
        ending = f", about {left:.0f} s left" if done < total and left == left else ""
        print(f"{what}: {done} of {total} units, {now - started:.0f} s{ending}", file=sys.stderr, flush=True)

    return show

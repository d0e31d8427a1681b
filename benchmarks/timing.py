"""How everything here is timed: the works in turn, round after round, and the median of each."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

Clock = Callable[[], float]


def medians(
    works: Mapping[str, Callable[[], object]], runs: int = 5, clock: Clock = time.perf_counter
) -> dict[str, float]:
    """Median seconds of each work. They take turns, after one round that is not counted, so that whatever else the
    machine does meets them all. clock: ``time.process_time`` counts the processor time of this process instead."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs + 1):
        for name, work in works.items():
            started = clock()
            work()
            times[name].append(clock() - started)
    return {name: statistics.median(found[1:]) for name, found in times.items()}

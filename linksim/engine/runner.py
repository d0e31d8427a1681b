"""Measures an experiment's units on a pool of workers and stores their rows as they come.

An exception fails the method, not the run. A unit whose worker died is tried again, alone; a worker that hangs is
stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass

from linksim.engine.deadline import within
from linksim.engine.measure import Row, measure_within
from linksim.engine.opened import Opened
from linksim.engine.pools import Pool
from linksim.engine.scheduler import Job, Scheduler
from linksim.engine.store import Store
from linksim.engine.units import Unit
from linksim.errors import LinksimError

Progress = Callable[[int, int], None]
"""Called with the number of units that are done and the number of all."""
Watch = Callable[[Callable[[], list[Unit]]], bool]
"""Called with a function that gives the units of the images that every method has finished, whose rows the store has;
once it returns True, no further images are begun."""
GRACE = 5.0
"""Seconds beyond the timeout in which a worker may stop its unit itself, which names the cause."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        units: The units asked for; if the run was stopped early, those of the images that every method finished.
        failures: One line for each method that failed.
    """

    units: list[Unit]
    failures: dict[str, str]


def run(
    opened: Opened,
    store: Store,
    pool: Pool,
    progress: Progress = lambda done, total: None,
    timeout: float = 1800.0,
    *,
    watch: Watch = lambda complete: False,
) -> Outcome:
    """Measure what the store does not have yet; rows are stored unit by unit, so that an interruption loses at most
    the units in flight.

    Args:
        opened: What to measure.
        store: Where the rows go; rows that are there are not measured again.
        pool: Where units run.
        progress: Called after each change with the number of finished units and of all.
        timeout: Seconds that one unit may take.
        watch: Called before units are started.

    Returns:
        The units whose rows the store holds now, and the methods that failed.

    Raises:
        LinksimError: The experiment cannot be opened, rows cannot be written, or the pool has no workers any more.
    """
    with within(timeout):  # opens the data set, the links and the first image
        units = list(opened.units())
    scheduler = Scheduler(store.missing(units), pool.attempts)
    if scheduler.left:
        pool.prepare()
    progress(len(units) - scheduler.left, len(units))
    futures: dict[Future[list[Row]], Job] = {}
    try:
        while scheduler.left:
            if watch(lambda: scheduler.complete(units)):
                scheduler.cancel()
            for unit, rows in _step(scheduler, pool, futures, timeout):
                store.write(unit.part, rows)
            progress(len(units) - scheduler.left - len(scheduler.cancelled), len(units))
    except BaseException:
        pool.stop()
        raise
    return Outcome(scheduler.complete(units), scheduler.failures)


def _step(
    scheduler: Scheduler, pool: Pool, futures: dict[Future[list[Row]], Job], timeout: float
) -> list[tuple[Unit, list[Row]]]:
    """Submit what may start, wait until something ends, and return the measured units with their rows."""
    broken = not _submit(scheduler, pool, futures, timeout)
    ended, _ = wait(futures, timeout=0 if broken else 1.0, return_when=FIRST_COMPLETED)
    measured = []
    for future in ended:
        job = futures.pop(future)
        if future.cancelled():  # a cluster's scheduler dropped it
            scheduler.put_back([job])
        elif (error := future.exception()) is None:
            scheduler.finish(job)
            measured.append((job.unit, future.result()))
        elif isinstance(error, pool.died):
            broken |= isinstance(error, BrokenExecutor)
            scheduler.died(job)
        else:
            scheduler.fail(job, _reason(error))
    late = scheduler.started_before(time.monotonic() - timeout - GRACE)
    for job in late:
        scheduler.fail(job, f"a unit took more than {timeout:g} s and was stopped")
    if broken or late:
        scheduler.put_back(list(scheduler.running), suspect=broken)
        futures.clear()
        pool.restart()
    return measured


def _submit(scheduler: Scheduler, pool: Pool, futures: dict[Future[list[Row]], Job], timeout: float) -> bool:
    """Keep every worker busy, with no more units in flight than workers, since a unit's time starts here; False if
    the pool is broken."""
    while job := scheduler.start(pool.workers, time.monotonic()):
        try:
            futures[pool.submit(measure_within, job.unit, timeout)] = job
        except BrokenExecutor:
            scheduler.put_back([job])
            return False
        except LinksimError as error:
            scheduler.fail(job, error)
    return True


def _reason(error: BaseException) -> object:
    """What the user reads of an exception."""
    if isinstance(error, LinksimError):
        return error
    if isinstance(error, MemoryError):
        return "out of memory; use fewer --workers"
    return f"{type(error).__name__}: {error}"

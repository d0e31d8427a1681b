"""Runs units on any ``concurrent.futures`` executor and streams their rows to the store.

A unit that raises ends its method, not the run. A worker that dies costs its unit, which is tried again, alone; one
that does not end is stopped.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field

from linksim.engine.deadline import within
from linksim.engine.measure import Row, measure_within
from linksim.engine.pools import Pool
from linksim.engine.store import Store
from linksim.errors import LinksimError, one_line
from linksim.experiment import Experiment, Unit

Progress = Callable[[int, int], None]
GRACE = 5.0
"""Seconds that a worker has to stop itself, which tells more than being stopped."""


@dataclass
class Outcome:
    """How a run ended: the units asked for, and one line for each method that failed."""

    units: list[Unit]
    failures: dict[str, str] = field(default_factory=dict)

    def fail(self, method: str, why: object) -> None:
        """A method has failed; its first reason is kept."""
        self.failures.setdefault(method, one_line(why))


@dataclass
class _Job:
    unit: Unit
    attempts: int = 0
    started: float = 0.0


def run(
    experiment: Experiment,
    store: Store,
    pool: Pool,
    progress: Progress = lambda done, total: None,
    timeout: float = 1800.0,
) -> Outcome:
    """Measure what the store does not have yet. timeout: seconds that one unit may take."""
    with within(timeout):  # how many images make a unit follows from the first image's size
        outcome = Outcome(list(experiment.units()))
    done = store.done()
    missing = [(unit, [s for s in unit.snr_db if s not in done.get(unit.id, ())]) for unit in outcome.units]
    jobs = deque(_Job(unit.only(snr_db)) for unit, snr_db in missing if snr_db)
    if jobs:
        pool.prepare()
    total = len(outcome.units)
    progress(total - len(jobs), total)

    suspects: deque[_Job] = deque()  # in flight when a worker died: tried again one by one, to find which one did it
    running: dict[Future[list[Row]], _Job] = {}
    try:
        while jobs or suspects or running:
            _submit(pool, jobs, suspects, running, outcome, timeout)
            finished, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            overdue = time.monotonic() - timeout - GRACE
            late = [future for future, job in running.items() if future not in finished and job.started < overdue]
            for future in late:
                outcome.fail(running[future].unit.method, f"a unit took more than {timeout:g} s and was stopped")
            if late:
                pool.restart()
                jobs.extendleft(job for future, job in running.items() if future not in late and future not in finished)
                running = {future: job for future, job in running.items() if future in finished}
            for future in finished:
                job = running.pop(future)
                if future.cancelled():  # a cluster's scheduler has dropped it, through no fault of its own
                    jobs.appendleft(job)
                else:
                    _collect(future, job, pool, store, suspects, outcome)
            if any(isinstance(f.exception(), BrokenExecutor) for f in finished if not f.cancelled()):
                suspects.extend(running.values())
                running.clear()
                pool.restart()
            progress(total - len(jobs) - len(suspects) - len(running), total)
    except BaseException:
        pool.stop()
        raise
    return outcome


def _submit(
    pool: Pool,
    jobs: deque[_Job],
    suspects: deque[_Job],
    running: dict[Future[list[Row]], _Job],
    outcome: Outcome,
    timeout: float,
) -> None:
    """Keep every worker busy, but no more in flight than workers: a unit's time starts when it is submitted. What is
    left of a method that has failed is dropped."""
    limit = 1 if suspects else pool.workers
    queue = suspects or jobs
    while queue and len(running) < limit:
        job = queue.popleft()
        if job.unit.method in outcome.failures:
            continue
        job.started = time.monotonic()
        try:
            running[pool.executor.submit(measure_within, job.unit, timeout)] = job
        except BrokenExecutor:
            queue.appendleft(job)
            pool.restart()


def _collect(
    future: Future[list[Row]], job: _Job, pool: Pool, store: Store, suspects: deque[_Job], outcome: Outcome
) -> None:
    unit, error = job.unit, future.exception()
    if error is None:
        store.write(unit.part, future.result())
    elif isinstance(error, LinksimError):
        outcome.fail(unit.method, error)
    elif isinstance(error, pool.died):
        job.attempts += 1
        if job.attempts < pool.attempts:
            suspects.append(job)
        else:
            images = f"images {unit.images[0]} to {unit.images[-1]}"
            outcome.fail(unit.method, f"every worker that tried {images} died")
    elif isinstance(error, MemoryError):
        outcome.fail(unit.method, "out of memory; use fewer --workers")
    else:
        outcome.fail(unit.method, f"{type(error).__name__}: {error}")

"""Decides which units run next and which are tried again after a worker died; knows no executor."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from linksim.engine.units import Unit
from linksim.errors import one_line


@dataclass(eq=False)
class Job:
    """A unit on its way through the scheduler.

    Attributes:
        unit: The unit to measure.
        started: When it was started last, in seconds of any one clock.
        deaths: How many workers died while they ran it.
        suspect: It ran when a worker died, so it runs alone until it is known which unit was the cause.
    """

    unit: Unit
    started: float = 0.0
    deaths: int = 0
    suspect: bool = False


class Scheduler:
    """The state of every unit of a run.

        waiting ──start──► running ──finish, fail──► done
           ▲                  │
           └─put_back, died───┘

    Units start in the order given, which is image-major, so that all methods grow together. A unit that was running
    when a worker died is a suspect: it waits in front of the others and runs alone, so that a second death tells
    which unit was the cause. The waiting units of a failed method are dropped.

    Args:
        units: What to measure, in order.
        attempts: How many workers may die under one unit before its method fails.
    """

    def __init__(self, units: Iterable[Unit], attempts: int) -> None:
        self.attempts = attempts
        self.waiting = deque(Job(unit) for unit in units)
        self.running: list[Job] = []
        self.failures: dict[str, str] = {}
        self.cancelled: list[Unit] = []
        self._last_image = -1

    @property
    def left(self) -> int:
        """How many units are not done."""
        return len(self.waiting) + len(self.running)

    def start(self, workers: int, now: float) -> Job | None:
        """Move the next unit to running.

        Args:
            workers: How many units may run at a time.
            now: The time, in seconds.

        Returns:
            The unit to submit, or None if none waits or enough run.
        """
        if not self.waiting:
            return None
        alone = self.waiting[0].suspect or any(job.suspect for job in self.running)
        if len(self.running) >= (1 if alone else workers):
            return None
        job = self.waiting.popleft()
        job.started = now
        self.running.append(job)
        self._last_image = max(self._last_image, *job.unit.images)
        return job

    def finish(self, job: Job) -> None:
        """The unit's rows are stored."""
        self.running.remove(job)

    def fail(self, job: Job, why: object) -> None:
        """The unit failed, and with it its method; the first reason of a method is kept, on one line."""
        self.running.remove(job)
        method = job.unit.method
        self.failures.setdefault(method, one_line(why))
        self.waiting = deque(other for other in self.waiting if other.unit.method != method)

    def put_back(self, jobs: Sequence[Job], *, suspect: bool = False) -> None:
        """These units stopped through no fault of their own, or, if ``suspect``, perhaps through theirs."""
        for job in jobs:
            self.running.remove(job)
            job.suspect = job.suspect or suspect
        self.waiting.extendleft(job for job in reversed(jobs) if job.unit.method not in self.failures)

    def died(self, job: Job) -> None:
        """The unit's worker died: the unit is tried again, alone, or fails after ``attempts`` deaths."""
        job.deaths += 1
        if job.deaths < self.attempts:
            self.put_back([job], suspect=True)
        else:
            images = f"images {job.unit.images[0]} to {job.unit.images[-1]}"
            self.fail(job, f"every worker that tried {images} died")

    def started_before(self, time: float) -> list[Job]:
        """The running units that were started before a time, in seconds."""
        return [job for job in self.running if job.started < time]

    def cancel(self) -> None:
        """Begin no further images: the waiting units of images that no unit has begun are moved to ``cancelled``."""
        begun = deque(job for job in self.waiting if min(job.unit.images) <= self._last_image)
        self.cancelled += [job.unit for job in self.waiting if min(job.unit.images) > self._last_image]
        self.waiting = begun

    def complete(self, units: Iterable[Unit]) -> list[Unit]:
        """Those of all units that belong to images of which nothing is waiting, running or cancelled."""
        open_units = [*(job.unit for job in (*self.waiting, *self.running)), *self.cancelled]
        lacking = {image for unit in open_units for image in unit.images}
        return [u for u in units if u.method not in self.failures and lacking.isdisjoint(u.images)]

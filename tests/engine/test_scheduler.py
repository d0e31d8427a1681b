"""The states of units, driven without any executor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from linksim.engine.scheduler import Job, Scheduler


@dataclass(frozen=True)
class Piece:
    """What the scheduler reads of a unit."""

    method: str
    images: tuple[int, ...]


def pieces(methods: str = "ab", groups: int = 3) -> list[Any]:
    """Two images in each group; image-major, as an experiment's units are."""
    return [Piece(method, (2 * group, 2 * group + 1)) for group in range(groups) for method in methods]


def start_all(scheduler: Scheduler, workers: int, now: float = 0.0) -> list[Job]:
    started = []
    while job := scheduler.start(workers, now):
        started.append(job)
    return started


def names(jobs: list[Job]) -> list[str]:
    return [f"{job.unit.method}{job.unit.images[0]}" for job in jobs]


def test_units_start_in_order_and_no_more_than_there_are_workers() -> None:
    scheduler = Scheduler(pieces(), attempts=3)
    assert names(start_all(scheduler, 3)) == ["a0", "b0", "a2"]
    scheduler.finish(scheduler.running[1])
    assert names(start_all(scheduler, 3)) == ["b2"]
    assert scheduler.left == 5


def test_a_failed_method_drops_its_waiting_units_and_keeps_its_first_reason() -> None:
    scheduler = Scheduler(pieces(), attempts=3)
    first, other, second = start_all(scheduler, 3)
    scheduler.fail(first, "the\nfirst")
    scheduler.fail(second, "the second")
    assert scheduler.failures == {"a": "the first"}
    assert [job.unit.method for job in scheduler.waiting] == ["b", "b"]
    scheduler.put_back([other])
    assert names(start_all(scheduler, 9)) == ["b0", "b2", "b4"]


def test_what_ran_when_a_worker_died_runs_alone() -> None:
    scheduler = Scheduler(pieces(), attempts=3)
    guilty, innocent = start_all(scheduler, 2)
    scheduler.died(guilty)
    scheduler.put_back([innocent], suspect=True)
    assert names(start_all(scheduler, 2)) == ["b0"]
    scheduler.finish(innocent)
    assert names(start_all(scheduler, 2)) == ["a0"], "a suspect in company"
    scheduler.died(guilty)
    assert names(start_all(scheduler, 2)) == ["a0"]
    scheduler.died(guilty)
    assert scheduler.failures == {"a": "every worker that tried images 0 to 1 died"}
    assert names(start_all(scheduler, 2)) == ["b2", "b4"]


def test_units_that_were_dropped_keep_their_place_and_are_not_suspects() -> None:
    scheduler = Scheduler(pieces(), attempts=3)
    scheduler.put_back(start_all(scheduler, 3))
    assert names(start_all(scheduler, 3)) == ["a0", "b0", "a2"]


def test_a_dropped_unit_of_a_failed_method_is_done() -> None:
    scheduler = Scheduler(pieces("a", groups=2), attempts=3)
    first, second = start_all(scheduler, 2)
    scheduler.fail(first, "no")
    scheduler.put_back([second])
    assert scheduler.left == 0


def test_the_time_of_a_unit_starts_when_it_is_started() -> None:
    scheduler = Scheduler(pieces(), attempts=3)
    scheduler.start(2, now=0.0)
    late = scheduler.start(2, now=5.0)
    assert late is not None
    assert names(scheduler.started_before(5.0)) == ["a0"]
    scheduler.put_back([late])
    scheduler.start(2, now=9.0)
    assert names(scheduler.started_before(9.0)) == ["a0"]


def test_cancelling_ends_every_method_with_the_same_images() -> None:
    scheduler = Scheduler(pieces("abc"), attempts=3)
    (first,) = start_all(scheduler, 1)
    scheduler.finish(first)
    scheduler.start(1, 0.0)
    scheduler.cancel()
    assert [f"{unit.method}{unit.images[0]}" for unit in scheduler.cancelled] == ["a2", "b2", "c2", "a4", "b4", "c4"]
    assert names(list(scheduler.waiting)) == ["c0"]
    scheduler.cancel()
    assert len(scheduler.cancelled) == 6


@given(st.data())
def test_every_unit_ends_once_whatever_happens(data: st.DataObject) -> None:
    workers, attempts = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    units = pieces("abc", groups=4)
    scheduler, finished = Scheduler(units, attempts), []
    for _ in range(1000):
        start_all(scheduler, workers)
        if not scheduler.left:
            break
        assert 1 <= len(scheduler.running) <= workers, "it stands still"
        assert len(scheduler.running) == 1 or not any(job.suspect for job in scheduler.running)
        job = data.draw(st.sampled_from(scheduler.running))
        event = data.draw(st.sampled_from(["finish", "finish", "finish", "fail", "died", "put back", "cancel"]))
        if event == "finish":
            finished.append(job.unit)
            scheduler.finish(job)
        elif event == "fail":
            scheduler.fail(job, "reason")
        elif event == "died":
            scheduler.died(job)
            scheduler.put_back(list(scheduler.running), suspect=True)
        elif event == "put back":
            scheduler.put_back([job])
        else:
            scheduler.cancel()
    else:
        return  # an endless row of units put back
    assert len(set(finished)) == len(finished)
    for unit in units:
        assert (unit in finished) or unit.method in scheduler.failures or unit in scheduler.cancelled

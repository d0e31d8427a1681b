"""Workers that die, units that do not end, and executors that drop them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from foreign import (
    Analog,
    Deadly,
    Plasma,
)

import linksim
from linksim.channels.awgn import AWGN
from linksim.comparison import run_comparison
from linksim.engine.pools import InProcess, Pool, ProcessPool
from linksim.errors import LinksimError
from linksim.experiment import Experiment
from linksim.tasks.base import Task


def run_with_workers(out: Path, *methods: str | linksim.Link, timeout: float = 60.0) -> dict[str, str]:
    experiment = Experiment(methods, "foreign:Plasma", (10.0,), task="")
    pool = ProcessPool(2)
    try:
        return run_comparison(experiment, out, pool, timeout=timeout, figures=False).failures
    finally:
        pool.stop()


def test_a_worker_that_dies_costs_its_unit_and_not_the_run(tmp_path: Path) -> None:
    assert run_with_workers(tmp_path / "once", Deadly(tmp_path / "marker"), "foreign:Analog") == {}
    failures = run_with_workers(tmp_path / "always", Deadly(tmp_path / "no" / "marker"), "foreign:Analog")
    assert failures == {"deadly": "every worker that tried images 0 to 5 died"}


def test_a_link_that_does_not_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own process, which names it; or with its process, if it cannot be interrupted."""
    monkeypatch.setattr("linksim.engine.runner.GRACE", 0.5)
    failures = run_with_workers(tmp_path, "foreign:Endless", "foreign:Deaf", "foreign:Analog", timeout=4.0)
    assert failures == {
        "foreign:Endless": "link 'foreign:Endless': receive took more than 4 s and was stopped",
        "foreign:Deaf": "a unit took more than 4 s and was stopped",
    }


ASK_A_WORKER = """
import os
import baselines.separate
from linksim.engine.pools import ProcessPool

pool = ProcessPool(1)
pool.prepare()
print(pool.executor.submit(eval, "'baselines.separate' in __import__('sys').modules").result())
print(pool.executor.submit(os.getenv, "OPENBLAS_NUM_THREADS").result(), "OPENBLAS_NUM_THREADS" in os.environ)
pool.close()
"""


def test_workers_start_with_what_this_process_has_imported_and_one_thread() -> None:
    command = [sys.executable, "-c", ASK_A_WORKER]
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert said.stdout.split() == ["True", "1", "False"]


def wait(*_: object) -> Any:
    while True:
        time.sleep(0.01)


class WaitingTask(Task):
    name, kind, classes, predict = "waiting", "classification", ("warm", "cold"), wait


class WaitingData(Plasma):
    __getitem__ = wait


class Undisturbed(Analog):
    """Loses the first alarm, as code does that runs in a finaliser."""

    name = "undisturbed"

    def receive(self, *_: object) -> Any:
        with contextlib.suppress(BaseException):
            wait()
        wait()


class WaitingChannel(AWGN):
    name, transmit_one = "waiting", wait


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"task": WaitingTask()}, "task 'waiting': predict"),
        ({"dataset": WaitingData()}, "data set 'plasma': reading image 0"),
        ({"channel": WaitingChannel()}, "channel 'waiting': transmit"),
        ({"methods": (Undisturbed(),)}, "link 'undisturbed': receive"),
    ],
)
def test_what_does_not_end_is_named(part: dict[str, Any], named: str, tmp_path: Path) -> None:
    linksim.compare([Analog()], Plasma(), 10.0, task="")  # what is imported and compiled then must not take its time
    experiment = Experiment(**{"methods": (Analog(),), "dataset": Plasma(), "snr_db": (10.0,), "task": "", **part})
    with pytest.raises(LinksimError, match=f"{named} took more than 0.2 s and was stopped"):
        run_comparison(experiment, tmp_path, Pool(), timeout=0.2, figures=False)


def test_a_unit_that_the_executor_drops_is_submitted_again(tmp_path: Path) -> None:
    """As Dask does when somebody restarts the cluster; and nobody is blamed for it."""

    class Forgetful(InProcess):
        dropped = 0

        def submit(self, fn: Any, /, *args: object, **kwargs: object) -> Future[Any]:  # type: ignore[override]
            if self.dropped < 5:
                self.dropped += 1
                future: Future[Any] = Future()
                future.cancel()
                future.set_running_or_notify_cancel()
                return future
            return super().submit(fn, *args, **kwargs)

    pool = Pool()
    pool.executor = Forgetful()
    experiment = Experiment((Analog(), "original"), Plasma(), (10.0,), task="")
    assert run_comparison(experiment, tmp_path, pool, figures=False).failures == {}
    assert pool.executor.dropped == 5

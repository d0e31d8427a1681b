"""Workers that die, units that do not end, and executors that drop them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from foreign import (
    Analog,
    Deadly,
    Many,
    Plasma,
)

import linksim
from linksim.channels.awgn import AWGN
from linksim.comparison import run_comparison
from linksim.engine.opened import open_experiment
from linksim.engine.pools import InProcess, Pool, ProcessPool
from linksim.engine.runner import run
from linksim.engine.store import Store
from linksim.engine.units import Unit
from linksim.errors import LinksimError
from linksim.tasks.base import Task


def run_with_workers(out: Path, *methods: str | linksim.Link, timeout: float = 60.0) -> dict[str, str]:
    opened = open_experiment(methods, "foreign:Plasma", (10.0,), task="")
    with ProcessPool(2) as pool:
        return run_comparison(opened, out, pool, timeout=timeout, figures=False).failures


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
print(pool.submit(eval, "'baselines.separate' in __import__('sys').modules").result())
print(pool.submit(os.getenv, "OPENBLAS_NUM_THREADS").result(), "OPENBLAS_NUM_THREADS" in os.environ)
pool.close()
"""


def test_workers_start_with_what_this_process_has_imported_and_one_thread() -> None:
    command = [sys.executable, "-c", ASK_A_WORKER]
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert said.stdout.split() == ["True", "1", "False"]


UNGUARDED = """
import numpy as np
import linksim
from baselines.source.jpeg import JPEG
from linksim.tasks.base import Task

LEVEL = 100


class Level(linksim.Link):
    name = "level"

    def send(self, images):
        offsets = np.arange(len(images) + 1)
        return linksim.Transmission(np.ones(len(images), np.complex64), offsets, np.diff(offsets), images)

    def receive(self, received, noise_var, header):
        return linksim.Reception([np.full_like(i, LEVEL) for i in header], np.ones(len(header), bool))


class Bright(Task):
    name, classes = "bright", ("warm", "cold")

    def predict(self, images):
        return [int(image.mean() > LEVEL + 1) for image in images]


print(linksim.compare([Level(), "webp"], "foreign:Plasma", 20, task=Bright(), bpp=1, workers=2)["acc"].tolist())
"""


@pytest.mark.parametrize("script", ["script.py", "-"])
def test_a_script_needs_no_main_guard(script: str, tmp_path: Path) -> None:
    """And what it defines itself, as a notebook does, arrives at the workers."""
    (tmp_path / "script.py").write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, script], input=UNGUARDED, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "[0.5, 0.5]\n"


def test_what_cannot_be_sent_to_workers_is_named(tmp_path: Path) -> None:
    link = Analog()
    link.lock = threading.Lock()  # type: ignore[attr-defined]
    with pytest.raises(LinksimError, match=r"cannot be sent to worker processes .*_thread.lock"):
        run_with_workers(tmp_path, link, "foreign:Analog")


def test_a_watcher_sees_what_every_method_has_finished(tmp_path: Path) -> None:
    opened, store = open_experiment(("foreign:Analog", "original"), Many(), (10.0,), task=""), Store(tmp_path)
    seen: list[int] = []

    def watch(complete: Callable[[], list[Unit]]) -> bool:
        units = complete()
        assert [unit.method for unit in units] == ["foreign:Analog", "original"] * (len(units) // 2)
        assert len(store.read(units)) == sum(len(unit.images) for unit in units)
        seen.append(len(units))
        return False

    run(opened, store, Pool(), watch=watch)
    assert seen == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_is_stopped_early_has_the_same_images_for_every_method(workers: int, tmp_path: Path) -> None:
    opened, store = open_experiment(("foreign:Analog", "original"), Many(), (10.0,), task=""), Store(tmp_path)
    with Pool() if workers == 1 else ProcessPool(workers) as pool:
        outcome = run(opened, store, pool, watch=lambda complete: len(complete()) >= 3)
    images = [(unit.method, tuple(unit.images)) for unit in outcome.units]
    assert 4 <= len(images) < 10
    assert images[0::2] == [("foreign:Analog", part) for _, part in images[1::2]]
    assert len(store.read(outcome.units)) == len(store.read(opened.units()))
    assert len(run(opened, store, Pool()).units) == 10


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
    opened = open_experiment(**{"methods": (Analog(),), "dataset": Plasma(), "snr_db": (10.0,), "task": "", **part})
    with pytest.raises(LinksimError, match=f"{named} took more than 0.2 s and was stopped"):
        run_comparison(opened, tmp_path, Pool(), timeout=0.2, figures=False)


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
    opened = open_experiment((Analog(), "original"), Plasma(), (10.0,), task="")
    assert run_comparison(opened, tmp_path, pool, figures=False).failures == {}
    assert pool.executor.dropped == 5

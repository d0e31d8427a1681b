"""Where units run: in this process, or in worker processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver

from linksim.engine.measure import Row
from linksim.errors import LinksimError

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""Numerical libraries read these when they are imported."""


OURS = ("linksim", "baselines", "jscc")


class Pool:
    """Where units run: here, one at a time."""

    workers = 1
    died: tuple[type[BaseException], ...] = (BrokenExecutor,)
    """What a call ends with if its worker died."""
    attempts = 3
    """How often a unit is submitted whose worker dies."""

    def __init__(self) -> None:
        self.executor: Executor = InProcess()

    def prepare(self) -> None:
        """Work is about to come, and what it needs has been opened in this process."""

    def restart(self) -> None:
        """Replace an executor whose worker died or hangs."""

    def stop(self) -> None:
        """Give up what is running, at once."""

    def close(self) -> None:
        """Let what is running end."""
        self.executor.shutdown()


class InProcess(Executor):
    """Runs each call at once, in this process."""

    def submit(self, fn: Callable[..., list[Row]], /, *args: object, **kwargs: object) -> Future[list[Row]]:  # type: ignore[override]
        future: Future[list[Row]] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class ProcessPool(Pool):
    """Worker processes of this machine, each with one thread for numerical libraries."""

    def __init__(self, workers: int) -> None:
        if workers < 1:
            raise LinksimError(f"workers {workers}: must be at least 1")
        self.workers = workers
        # forkserver: a child of a process that holds no threads, with the heavy modules imported once for all.
        self.context = multiprocessing.get_context("forkserver")
        self._start()

    def prepare(self) -> None:
        """Start the process that workers are forked from, if it does not run yet: it imports, while this one goes on,
        all of linksim that was imported here (and so torch, or numba, where a link needs it)."""
        self.context.set_forkserver_preload([name for name in list(sys.modules) if name.split(".")[0] in OURS])
        with _environment(ONE_THREAD):
            forkserver.ensure_running()

    def _start(self) -> None:
        self.executor = ProcessPoolExecutor(self.workers, mp_context=self.context, initializer=_start_worker)

    def restart(self) -> None:
        self.stop()
        self._start()

    def stop(self) -> None:
        for process in list((getattr(self.executor, "_processes", None) or {}).values()):
            process.kill()
        self.executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """These variables as well, for the processes that are started meanwhile."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]


def _start_worker() -> None:
    """No interrupts (the parent decides what ends), and no life after the parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

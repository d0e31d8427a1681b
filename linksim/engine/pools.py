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
from types import ModuleType, TracebackType
from typing import Any, ParamSpec, Self, TypeVar

import cloudpickle

from linksim.errors import LinksimError, one_line

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""Numerical libraries read these when they are imported."""

OURS = ("linksim", "baselines", "jscc")

Args = ParamSpec("Args")
Value = TypeVar("Value")


class Pool:
    """Runs units in this process, one at a time; subclasses run them elsewhere.

    A context manager: on leaving it waits for what runs, or gives it up if an exception is the reason.

    Attributes:
        workers: How many units run at a time.
        died: The exceptions of a call whose worker died.
        attempts: How many workers may die under one unit before its method fails.
        executor: Runs the calls.
    """

    workers = 1
    died: tuple[type[BaseException], ...] = (BrokenExecutor,)
    attempts = 3

    def __init__(self) -> None:
        self.executor: Executor = InProcess()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.stop()

    def prepare(self) -> None:
        """Called before the first submit, when everything needed has been imported in this process."""

    def submit(self, function: Callable[Args, Value], /, *args: Args.args, **kwargs: Args.kwargs) -> Future[Value]:
        """Run a call on a worker.

        Raises:
            BrokenExecutor: A worker died; ``restart`` first.
            LinksimError: The arguments cannot be sent to a worker.
        """
        return self.executor.submit(function, *args, **kwargs)

    def restart(self) -> None:
        """Replace workers that died or hang."""

    def stop(self) -> None:
        """Give up what is running, at once."""

    def close(self) -> None:
        """Wait for what is running, then end the workers."""
        self.executor.shutdown()


class InProcess(Executor):
    """Runs each call at once, in this process."""

    def submit(self, fn: Callable[Args, Value], /, *args: Args.args, **kwargs: Args.kwargs) -> Future[Value]:
        """Run the call; the future returned has ended."""
        future: Future[Value] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class ProcessPool(Pool):
    """Worker processes of this machine, each with one thread for numerical libraries.

    Workers never import the program's main module, so a script needs no ``if __name__ == "__main__":``; what a
    script or a notebook defines itself is sent to them by value.

    Args:
        workers: Number of processes.
    """

    def __init__(self, workers: int) -> None:
        if workers < 1:
            raise LinksimError(f"workers {workers}: must be at least 1")
        self.workers = workers
        # A fork server holds no threads and imports the heavy modules once for all workers; Windows has none.
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self.context = multiprocessing.get_context(method)
        self._start()

    def prepare(self) -> None:
        """Start the fork server, if it does not run yet: it imports the modules of linksim that this process has
        imported (and with them torch or numba), while this process goes on."""
        if self.context.get_start_method() != "forkserver":
            return
        from multiprocessing import forkserver

        self.context.set_forkserver_preload([name for name in list(sys.modules) if name.split(".")[0] in OURS])
        with _environment(ONE_THREAD):
            forkserver.ensure_running()

    def submit(self, function: Callable[Args, Value], /, *args: Args.args, **kwargs: Args.kwargs) -> Future[Value]:
        """Run a call on a worker (see ``Pool.submit``); starts workers where there are too few."""
        try:
            call = cloudpickle.dumps((function, args, kwargs))
        except Exception as error:  # whatever the __reduce__ of an attribute raises
            raise LinksimError(f"cannot be sent to worker processes ({one_line(error)}); use one worker") from error
        with _environment(ONE_THREAD), _hidden_main():
            return self.executor.submit(_call, call)

    def _start(self) -> None:
        self.executor = ProcessPoolExecutor(self.workers, mp_context=self.context, initializer=_start_worker)

    def restart(self) -> None:
        """Kill all workers; the next submit starts others."""
        self.stop()
        self._start()

    def stop(self) -> None:
        """Kill all workers."""
        for process in list((getattr(self.executor, "_processes", None) or {}).values()):
            process.kill()
        self.executor.shutdown(wait=False, cancel_futures=True)


def _call(call: bytes) -> Any:
    """Run a pickled call, in a worker."""
    try:
        function, args, kwargs = cloudpickle.loads(call)
    except Exception as error:  # whatever an import in the worker raises
        raise LinksimError(f"a worker process cannot load it: {type(error).__name__}: {error}") from error
    return function(*args, **kwargs)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """These environment variables as well, for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _hidden_main() -> Iterator[None]:
    """No main module that the processes started meanwhile could import: a script would run again in each of them."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _start_worker() -> None:
    """Ignore Ctrl-C, since the parent decides what ends, and exit when the parent exits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

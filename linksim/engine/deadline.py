"""Stops what takes too long from within, where it can still be said who did.

In a process's main thread a signal does it, which ends waiting too. In any other, such as those in which Dask's workers
run their tasks, the interpreter is asked to raise an exception: that ends what runs Python code, and what waits once it
has waited. What is deaf to both must be stopped from outside.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from linksim.errors import LinksimError

AGAIN = 1.0
"""Seconds after which the interruption is repeated: where Python ignores exceptions, as in finalisers, one is lost."""


class Overdue(BaseException):
    """Time is up: raised in whatever runs then, and not to be caught by it."""


def within(seconds: float) -> AbstractContextManager[None]:
    """LinksimError if the block takes longer; what it calls may catch ``Overdue`` to say more."""
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise LinksimError(f"timeout {seconds:g}: must be above 0 and at most {threading.TIMEOUT_MAX:g} seconds")
    text = f"took more than {seconds:g} s and was stopped"
    late = type("Overdue", (Overdue,), {"__str__": lambda _: text})
    main = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    return _named(_by_signal(seconds, late) if main else _by_exception(seconds, late))


@contextmanager
def _named(interrupted: AbstractContextManager[None]) -> Iterator[None]:
    try:
        with interrupted:
            yield
    except Overdue as late:
        raise LinksimError(f"a unit {late}") from None


@contextmanager
def _by_signal(seconds: float, late: type[Overdue]) -> Iterator[None]:
    def interrupt(*_: object) -> None:
        raise late

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
        yield
    finally:
        try:  # twice: the first may be interrupted at the last moment
            signal.setitimer(signal.ITIMER_REAL, 0)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


@contextmanager
def _by_exception(seconds: float, late: type[Overdue]) -> Iterator[None]:
    """The thread that is watched takes no lock but in one call, since an exception may reach it at any step. What was
    to be raised and has not been is let come and ignored: to withdraw it (``PyThreadState_SetAsyncExc(thread, None)``)
    leaves CPython 3.11 looking for it for ever, and traced threads then hand the interpreter round without end."""
    thread, stop = ctypes.c_ulong(threading.get_ident()), threading.Lock()
    over = raising = False
    stop.acquire()

    def watch() -> None:
        nonlocal raising
        wait = seconds
        while not stop.acquire(timeout=wait):
            raising = True
            if not over:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(late))
            raising = False
            wait = AGAIN

    def end() -> None:
        nonlocal over
        while True:
            try:
                over = True
                while raising:
                    time.sleep(0)
                for _ in range(100):  # Python looks for what it is to raise at every turn
                    pass
                break
            except Overdue:
                continue
        with suppress(RuntimeError):  # released already
            stop.release()

    threading.Thread(target=watch, daemon=True).start()
    try:
        try:  # twice: the first may be interrupted at the last moment
            yield
        finally:
            end()
    finally:
        end()

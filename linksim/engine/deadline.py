"""Stops a call that takes too long from within, so that the message can name the component that was running.

A timer signal interrupts the main thread of a process, waiting system calls included. Other threads cannot be
interrupted, nor can Windows: there the pool stops the whole worker a little later (see ``linksim.engine.runner``).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from linksim.errors import LinksimError

AGAIN = 1.0
"""Seconds after which the interruption is repeated: Python ignores an exception raised in a finaliser."""


class Overdue(BaseException):
    """Raised in whatever runs when the time is up. A BaseException, so that ``except Exception`` does not stop it."""


def within(seconds: float) -> AbstractContextManager[None]:
    """A context that ends its block after some time; without effect outside the main thread.

    Args:
        seconds: The time that the block may take.

    Raises:
        LinksimError: The block took longer. Code inside it may catch ``Overdue`` to say more. Also if ``seconds`` is
            not a time.
    """
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise LinksimError(f"timeout {seconds:g}: must be above 0 and at most {threading.TIMEOUT_MAX:g} seconds")
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        return _by_signal(seconds)
    return nullcontext()


@contextmanager
def _by_signal(seconds: float) -> Iterator[None]:
    message = f"took more than {seconds:g} s and was stopped"

    def interrupt(*_: object) -> None:
        raise Overdue(message)

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
            yield
        finally:
            try:  # twice: the first may be interrupted at the last moment
                signal.setitimer(signal.ITIMER_REAL, 0)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)
    except Overdue:
        raise LinksimError(f"a unit {message}") from None

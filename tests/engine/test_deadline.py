"""What takes too long is stopped, in any thread, and nothing else is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from linksim.engine.deadline import Overdue, within
from linksim.errors import LinksimError


def in_main_thread(call: Callable[[], None]) -> None:
    call()


def in_another_thread(call: Callable[[], None]) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    if errors:
        raise errors[0]


anywhere = pytest.mark.parametrize("run", [in_main_thread, in_another_thread])


@anywhere
def test_a_block_that_takes_too_long_is_stopped(run: Callable[[Callable[[], None]], None]) -> None:
    def block() -> None:
        with within(0.1):
            while True:
                time.sleep(0.01)

    with pytest.raises(LinksimError, match=r"^a unit took more than 0.1 s and was stopped$"):
        run(block)


@anywhere
def test_an_interruption_that_was_lost_is_repeated(run: Callable[[Callable[[], None]], None]) -> None:
    lost = []

    def block() -> None:
        with within(0.1):
            for _ in range(2):
                try:
                    while True:
                        time.sleep(0.01)
                except Overdue as late:
                    if lost:
                        raise
                    lost.append(str(late))

    with pytest.raises(LinksimError, match="was stopped"):
        run(block)
    assert lost == ["took more than 0.1 s and was stopped"]


@anywhere
def test_what_ends_in_time_is_left_alone_then_and_later(run: Callable[[Callable[[], None]], None]) -> None:
    def blocks() -> None:
        for _ in range(50):
            with within(0.3):
                time.sleep(0.001)
        time.sleep(1.5)  # an alarm that was not put off would ring by now

    run(blocks)

"""What takes too long in a main thread is stopped, and nothing else is."""

from __future__ import annotations

import threading
import time

import pytest

from linksim.engine.deadline import Overdue, within
from linksim.errors import LinksimError


def test_a_block_that_takes_too_long_is_stopped() -> None:
    def block() -> None:
        with within(0.1):
            while True:
                time.sleep(0.01)

    with pytest.raises(LinksimError, match=r"^a unit took more than 0.1 s and was stopped$"):
        block()


def test_an_interruption_that_was_lost_is_repeated() -> None:
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
        block()
    assert lost == ["took more than 0.1 s and was stopped"]


def test_what_ends_in_time_is_left_alone_then_and_later() -> None:
    for _ in range(50):
        with within(0.3):
            time.sleep(0.001)
    time.sleep(1.5)  # an alarm that was not put off would ring by now


def test_other_threads_are_left_to_the_pool() -> None:
    ended = []

    def block() -> None:
        with within(0.05):
            time.sleep(0.2)
        ended.append(True)

    thread = threading.Thread(target=block)
    thread.start()
    thread.join(20)
    assert ended == [True]

"""What arrived, sent again."""

from __future__ import annotations

import numpy as np
import pytest
from foreign import Plasma

from linksim.engine.measure import measure
from linksim.engine.opened import open_experiment
from linksim.engine.replay import deliver, evenly_spaced
from linksim.link import Budget
from linksim.scoring.image_quality import psnr

HALF = Budget("bpp", 0.5)


@pytest.mark.parametrize("method", ["foreign:Analog", "webp+capacity", "original", "jpeg"])
def test_what_is_sent_again_is_what_was_measured(method: str) -> None:
    """And alone as in company: at 6 dB every bit that a channel decoder gets wrong must be the same one."""
    opened = open_experiment((method,), "foreign:Plasma", (6.0, 12.0), (HALF,), task="foreign:Warmth", trials=2)
    rows = [row for unit in opened.units() for row in measure(unit) if row["image"] == 3 and row["trial"] == 0]
    again = deliver(opened, method, HALF, [1, 3])[1]
    filed = {"unit": "", "content": ""}  # what only stored rows have
    assert [delivery.row | filed for delivery in again] == [row | filed for row in rows]
    original = Plasma()[3].image
    assert [psnr(original, delivery.image) for delivery in again] == [row["psnr"] for row in rows]


def test_a_link_that_knows_the_channel_is_told_the_snr() -> None:
    opened = open_experiment(("webp+capacity",), "foreign:Plasma", (0.0, 20.0), (Budget("cbr", 0.25),), task="")
    ((low, high),) = deliver(opened, "webp+capacity", opened.experiment.budgets[0], [0])
    assert low.row["bpp"] < high.row["bpp"]
    assert not np.array_equal(low.image, high.image)


def test_equal_received_images_are_one_object() -> None:
    opened = open_experiment(("webp+capacity",), "foreign:Plasma", (0.0, 15.0, 20.0), (HALF,), task="")
    ((grey, first, second),) = ([d.image for d in of] for of in deliver(opened, "webp+capacity", HALF, [0]))
    assert first is second
    assert first is not grey


def test_the_images_chosen_are_distinct_and_reach_from_end_to_end() -> None:
    for size in (1, 2, 7, 8, 9, 1000):
        chosen = evenly_spaced(size, 8)
        assert len(set(chosen)) == len(chosen) == min(size, 8)
        assert chosen[0] == 0
        assert chosen[-1] == (size - 1 if size > 1 else 0)

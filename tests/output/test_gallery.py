"""Received images side by side: which picture stands where, and what is said under it."""

from __future__ import annotations

import pytest
from foreign import Plasma

from linksim.engine.opened import open_experiment
from linksim.engine.replay import deliver
from linksim.errors import LinksimError
from linksim.link import Budget
from linksim.output.gallery import RIGHT, WRONG, gallery
from linksim.output.plots import style

HALF, ONE = Budget("bpp", 0.5), Budget("bpp", 1.0)


def test_a_gallery_shows_what_arrives_with_the_prediction_under_it() -> None:
    methods = ("original", "webp+capacity", "foreign:Analog")
    opened = open_experiment(methods, "foreign:Plasma", (0.0, 12.0), (HALF,), task="foreign:Warmth")
    with style("default"):
        grid = gallery(opened, 0.0, [1, 3]).axes
    assert [axes.get_title() for axes in grid[:3]] == ["original", "webp+capacity", "foreign:Analog"]
    assert len(grid) == 6
    assert (grid[3].get_images()[0].get_array() == Plasma()[3].image).all()
    for axes, method in zip(grid[3:], methods, strict=True):
        ((low, _),) = deliver(opened, method, HALF, [3])
        assert (axes.get_images()[0].get_array() == low.image).all()
        said = axes.get_xlabel().split("\n")
        assert said[0].startswith("✓" if low.row["correct"] else "✗")
        assert axes.xaxis.label.get_color() == (RIGHT if low.row["correct"] else WRONG)
    assert grid[3].get_xlabel().split("\n")[1].startswith("it is: ")
    assert grid[4].get_xlabel().split("\n")[1] == "outage"
    assert grid[5].get_xlabel().split("\n")[1].endswith(" dB")


def test_budgets_stand_side_by_side_and_boxes_are_drawn() -> None:
    opened = open_experiment(("webp+capacity",), "scenes", (20.0,), (HALF, ONE), task="detection")
    grid = gallery(opened, 20.0, [0]).axes
    titles = ["original", "webp+capacity\nbpp=0.5", "webp+capacity\nbpp=1"]
    assert [axes.get_title() for axes in grid] == titles
    ((original,),) = deliver(opened, "original", HALF, [0])
    drawn = [box for box in original.row["detections"][4::6] if box >= 0.3]
    assert len(grid[0].patches) == len(drawn) > 0
    assert "found" in grid[0].get_xlabel()


def test_an_empty_gallery_is_refused() -> None:
    with pytest.raises(LinksimError, match="at least one image"):
        gallery(open_experiment(("bpg",), "foreign:Plasma", (0.0,), task=""), 0.0, [])

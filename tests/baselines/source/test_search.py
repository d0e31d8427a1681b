"""The budget search against trying every quality."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines.source.search import Found, check_image, largest_fitting
from linksim.errors import LinksimError


def _search(sizes, budget, wiggle=0, start=0):
    calls = []

    def encode(quality):
        calls.append(quality)
        return bytes(sizes[quality])

    found = largest_fitting(encode, range(len(sizes)), budget, start=start, doubling=6, wiggle=wiggle)
    assert len(calls) == len(set(calls)), "a quality was encoded twice"
    return found, len(calls)


@given(st.lists(st.integers(1, 5000), min_size=2, max_size=101), st.integers(0, 6000), st.integers(0, 100))
def test_rising_sizes_give_the_best_that_fits(sizes, budget, start):
    sizes = sorted(sizes)
    found, calls = _search(sizes, budget, start=start % len(sizes))
    fitting = [quality for quality, size in enumerate(sizes) if size <= budget]
    assert found == (Found(fitting[-1], bytes(sizes[fitting[-1]])) if fitting else None)
    assert calls <= 7 + np.ceil(np.log2(len(sizes)))


@given(st.lists(st.integers(1, 100), min_size=8, max_size=101), st.integers(0, 120))
def test_any_sizes_never_exceed_the_budget(sizes, budget):
    found, _ = _search(sizes, budget, wiggle=3)
    if found is None:
        assert min(sizes[:5]) > budget
    else:
        assert len(found.file) == sizes[found.quality] <= budget


def test_wiggle_looks_past_a_bump():
    sizes = [10, 20, 30, 45, 41, 39, 80, 90]
    assert _search(sizes, 40, wiggle=0)[0].quality == 2
    assert _search(sizes, 40, wiggle=2)[0].quality == 5


def test_a_lowest_quality_that_is_not_the_smallest_still_fits():
    assert _search([50, 48, 60, 70], 49)[0].quality == 1


def test_what_is_no_image_is_named():
    with pytest.raises(LinksimError, match=r"float64 \(4, 4, 3\)"):
        check_image(np.zeros((4, 4, 3)))
    with pytest.raises(LinksimError, match=r"uint8 \(4, 4\)"):
        check_image(np.zeros((4, 4), np.uint8))
    with pytest.raises(LinksimError, match="0x4 pixels"):
        check_image(np.zeros((4, 0, 3), np.uint8))

"""The one cache and the one image key."""

from __future__ import annotations

import random
from collections import OrderedDict

import numpy as np
import pytest

from linksim.cache import ENTRY_BYTES, LRU, image_key


def test_the_oldest_entries_go_first_and_reading_renews() -> None:
    cache: LRU[str, bytes] = LRU(3 * (ENTRY_BYTES + 10), len)
    for key in "abc":
        cache[key] = bytes(10)
    assert cache["a"] == bytes(10)
    cache["d"] = bytes(10)
    assert [key for key in "abcd" if key in cache] == ["a", "c", "d"]


def test_the_newest_entry_is_kept_however_large_it_is() -> None:
    cache: LRU[str, bytes] = LRU(10, len)
    cache["small"] = b""
    cache["large"] = bytes(10_000)
    assert "large" in cache
    assert len(cache) == 1


def test_a_value_is_made_once_while_it_is_known() -> None:
    made = []
    cache: LRU[str, str] = LRU(2 * ENTRY_BYTES, lambda _: 0)

    def make() -> str:
        made.append(1)
        return "value"

    assert [cache.get("key", make) for _ in range(3)] == ["value"] * 3
    assert len(made) == 1
    cache.get("second", str)
    cache.get("third", str)
    cache.get("key", make)
    assert len(made) == 2


def test_none_is_a_value() -> None:
    cache: LRU[str, None] = LRU(1000, lambda _: 0)
    cache["none"] = None
    assert cache.get("none", lambda: pytest.fail("made again")) is None


def test_the_bytes_are_those_of_the_entries_after_any_sequence_of_calls() -> None:
    """Against an implementation that recounts everything at each step."""
    chance, limit = random.Random(0), 10 * ENTRY_BYTES
    cache: LRU[int, bytes] = LRU(limit, len)
    model: OrderedDict[int, bytes] = OrderedDict()
    for _ in range(2000):
        key, value = chance.randrange(12), bytes(chance.randrange(3 * ENTRY_BYTES))
        if chance.random() < 0.5 and key in model:
            assert cache[key] == model[key]
            model.move_to_end(key)
            continue
        cache[key] = value
        model.pop(key, None)
        model[key] = value
        while len(model) > 1 and sum(ENTRY_BYTES + len(v) for v in model.values()) > limit:
            model.popitem(last=False)
        assert cache.bytes == sum(ENTRY_BYTES + len(v) for v in model.values())
        assert [k in cache for k in range(12)] == [k in model for k in range(12)]


def test_the_key_is_of_shape_and_pixels_alone() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert image_key(image) == image_key(np.asfortranarray(image)) == image_key(image[::-1][::-1])
    other = image.copy()
    other[1, 3, 2] += 1
    assert len({image_key(image), image_key(other), image_key(image.reshape(4, 2, 3))}) == 3

"""A byte-bounded least-recently-used cache, and the key by which equal images are recognised."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from hashlib import blake2b
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

ENTRY_BYTES = 200
"""Counted for each entry beside its value: its key and the bookkeeping."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class LRU(Generic[Key, Value]):
    """Byte-bounded LRU; the newest entry is always kept.

    Args:
        max_bytes: Upper limit of all entries together, in bytes.
        size: Bytes of one value; ``ENTRY_BYTES`` are added to it.

    >>> cache = LRU[str, bytes](1000, len)
    >>> cache["a"] = bytes(500)
    >>> cache["b"] = bytes(500)  # with ENTRY_BYTES each, both together exceed the limit
    >>> "a" in cache, "b" in cache
    (False, True)
    """

    def __init__(self, max_bytes: int, size: Callable[[Value], int]) -> None:
        self.max_bytes, self.size = max_bytes, size
        self.bytes = 0
        self._entries: OrderedDict[Key, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def __getitem__(self, key: Key) -> Value:
        """The value of a known key, which becomes the newest entry; KeyError if it is not known."""
        self._entries.move_to_end(key)
        return self._entries[key]

    def __setitem__(self, key: Key, value: Value) -> None:
        """Store a value as the newest entry and drop the oldest entries beyond the limit."""
        if key in self._entries:
            self.bytes -= self._bytes_of(self._entries.pop(key))
        self._entries[key] = value
        self.bytes += self._bytes_of(value)
        while self.bytes > self.max_bytes and len(self._entries) > 1:
            self.bytes -= self._bytes_of(self._entries.popitem(last=False)[1])

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """The value of a key; ``make`` computes it if it is not known."""
        if key not in self._entries:
            self[key] = make()
        return self[key]

    def _bytes_of(self, value: Value) -> int:
        return ENTRY_BYTES + self.size(value)


def image_key(image: npt.NDArray[Any]) -> bytes:
    """16-byte hash of an image's shape and pixels: equal for equal images, whatever their memory layout."""
    digest = blake2b(repr(image.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(image).data)
    return digest.digest()

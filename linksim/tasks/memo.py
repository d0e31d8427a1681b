"""Predictions remembered by the content of the image: equal pixels are predicted once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from linksim.errors import ContractError
from linksim.link import Image
from linksim.tasks.base import Task

LIMIT = 20_000
"""Predictions kept: at most 50 MB where each is a hundred boxes."""


class Memo(Task):
    """A task that asks ``task`` only about images it has not seen lately; its predictions are the same.

    A digital link delivers the same image at every SNR above its cliff, so most of a sweep's predictions are known. The
    least recently used prediction is forgotten first; a prediction is handed out as it is, so do not write into it.
    """

    def __init__(self, task: Task, limit: int = LIMIT) -> None:
        self.task, self.limit = task, limit
        self.name, self.kind, self.classes = task.name, task.kind, task.classes
        self._known: OrderedDict[bytes, Any] = OrderedDict()

    def predict(self, images: Sequence[Image]) -> list[Any]:
        keys = [_key(image) for image in images]
        predictions = {key: self._known[key] for key in keys if key in self._known}
        new = {key: image for key, image in zip(keys, images, strict=True) if key not in predictions}
        if new:
            predicted = self.task.predict(list(new.values()))
            if len(predicted) != len(new):
                raise ContractError(f"task {self.name!r}: {len(predicted)} predictions on {len(new)} images")
            predictions |= zip(new, predicted, strict=True)
        for key in keys:
            self._known[key] = predictions[key]
            self._known.move_to_end(key)
        while len(self._known) > self.limit:
            self._known.popitem(last=False)
        return [predictions[key] for key in keys]

    def identity(self) -> dict[str, Any]:
        return self.task.identity()


def _key(image: Image) -> bytes:
    digest = blake2b(repr(image.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(image).data)
    return digest.digest()

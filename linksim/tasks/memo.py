"""A task that remembers its predictions by the content of the image: equal images are predicted once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from linksim.cache import LRU, image_key
from linksim.errors import ContractError
from linksim.link import Image
from linksim.tasks.base import Task

MAX_BYTES = 16 << 20
"""About 80,000 class predictions, or 6,000 predictions of a hundred boxes."""


class Memo(Task):
    """A task that passes on to ``task`` only images it has not seen lately; its predictions are the same.

    A digital link delivers the same image at every SNR above its cliff, so most predictions of a sweep are known. The
    stored objects themselves are returned, so do not write into them.

    Args:
        task: The task that predicts.
        max_bytes: Memory for predictions; the least recently used are dropped beyond it.
    """

    def __init__(self, task: Task, max_bytes: int = MAX_BYTES) -> None:
        self.task = task
        self.name, self.kind, self.classes = task.name, task.kind, task.classes
        self._known: LRU[bytes, Any] = LRU(max_bytes, lambda prediction: np.asarray(prediction).nbytes)

    def predict(self, images: Sequence[Image]) -> list[Any]:
        """A prediction for each (H, W, 3) uint8 image, in their order.

        Raises:
            ContractError: The task returned another number of predictions than it got images.
        """
        keys = [image_key(image) for image in images]
        predictions = {key: self._known[key] for key in keys if key in self._known}
        new = {key: image for key, image in zip(keys, images, strict=True) if key not in predictions}
        if new:
            predicted = self.task.predict(list(new.values()))
            if len(predicted) != len(new):
                raise ContractError(f"task {self.name!r}: {len(predicted)} predictions on {len(new)} images")
            for key, prediction in zip(new, predicted, strict=True):
                self._known[key] = predictions[key] = prediction
        return [predictions[key] for key in keys]

    def identity(self) -> dict[str, Any]:
        """The identity of the task itself."""
        return self.task.identity()

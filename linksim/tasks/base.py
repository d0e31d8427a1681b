"""What a downstream task is: something that looks at received images and gives a prediction on each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from linksim.identity import Identified
from linksim.link import Image

Detections = npt.NDArray[np.float32]
"""(n, 6) float32: x0, y0, x1, y1 in pixels of the image, score in 0..1, class index; best score first."""


class Task(Identified, ABC):
    """A frozen network that predicts from images. ``kind`` is 'classification' (a prediction is an int class index) or
    'detection' (a prediction is a ``Detections`` array); ``classes`` names what the indices mean."""

    name: str = ""
    kind: str = "classification"
    classes: tuple[str, ...] = ()

    @abstractmethod
    def predict(self, images: Sequence[Image]) -> list[Any]:
        """A prediction per image; depends on the image alone, never on its neighbours in the call."""

    def outputs(self, image: Image) -> int | None:
        """How many classes the network tells apart.

        Args:
            image: An image to try it on, (H, W, 3) uint8.

        Returns:
            The number, or None if it cannot be told.
        """
        return len(self.classes) or None

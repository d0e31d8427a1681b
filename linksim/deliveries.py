"""What arrived, as pictures. Rows keep scores, not images, so a chosen image goes through its link again: the noise is
a function of (seed, image, SNR, trial), hence what arrives is what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from linksim.experiment import Experiment, Unit
from linksim.link import Budget, Image, Link, Reception, Transmission
from linksim.measure import Row, measure


@dataclass(frozen=True)
class Delivery:
    """One received image and its row (see ``linksim.store.SCHEMA`` for the columns)."""

    row: Row
    image: Image


def evenly_spaced(size: int, count: int) -> list[int]:
    """``count`` of the indices 0..size-1 (all, if there are fewer): the first, the last, and evenly between.

    >>> evenly_spaced(100, 4), evenly_spaced(2, 4)
    ([0, 33, 66, 99], [0, 1])
    """
    return [int(i) for i in np.linspace(0, size - 1, min(count, size)).round()]


def deliver(experiment: Experiment, method: str, budget: Budget, image: int) -> list[Delivery]:
    """Image number ``image`` through one method at every SNR of the experiment, first noise realisation.

    Equal received images are one object.
    """
    opened = _opened(experiment)
    recorder = _Recorder(opened.link(method, budget))
    alone = replace(opened, methods=(recorder,), dataset=opened.data, task=opened.judge or "", trials=1, limit=None)
    rows = measure(Unit(alone, alone.method_names[0], budget, range(image, image + 1), opened.snr_db, ""))
    known: dict[bytes, Image] = {}
    received = [known.setdefault(image.tobytes(), image) for image in recorder.take()]
    return [Delivery({**row, "method": method}, image) for row, image in zip(rows, received, strict=True)]


@lru_cache(maxsize=2)
def _opened(experiment: Experiment) -> Experiment:
    """Equal experiments share one object, so that a worker opens its data set and task once."""
    return experiment


class _Recorder(Link):
    """A link that keeps what it delivers."""

    def __init__(self, link: Link) -> None:
        self.link, self.name, self.knows_channel = link, link.name, link.knows_channel
        self.images: list[Image] = []

    def send(self, images: Sequence[Image], **channel: float) -> Transmission:
        return self.link.send(images, **channel)

    def receive(
        self, received: npt.NDArray[np.complex64], noise_var: npt.NDArray[np.float32], header: Any
    ) -> Reception:
        got = self.link.receive(received, noise_var, header)
        self.images += got.images
        return got

    def take(self) -> list[Image]:
        """What was delivered since the last call."""
        taken, self.images = self.images, []
        return taken

"""Received images for reports.

Rows keep scores, not images, so chosen images are sent again. The noise is a function of (seed, image, SNR, trial), so
the images received are those that were measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from linksim.cache import image_key
from linksim.data.base import Objects
from linksim.engine.measure import Row, delivered, shared
from linksim.engine.opened import Opened
from linksim.engine.units import Unit
from linksim.link import Budget, Image
from linksim.original import OriginalLink

MIN_SCORE = 0.3
"""Boxes of a lower score are not drawn; average precision counts them."""


@dataclass(frozen=True)
class Delivery:
    """One received image, (H, W, 3) uint8, and its row (columns of ``linksim.engine.store.SCHEMA``)."""

    row: Row
    image: Image


def evenly_spaced(size: int, count: int) -> list[int]:
    """``count`` of the indices 0..size-1 (all, if there are fewer): the first, the last, and evenly between.

    >>> evenly_spaced(100, 4), evenly_spaced(2, 4)
    ([0, 33, 66, 99], [0, 1])
    """
    return [int(i) for i in np.linspace(0, size - 1, min(count, size)).round()]


def deliver(
    opened: Opened,
    method: str,
    budget: Budget,
    images: Sequence[int],
    snr_db: tuple[float, ...] = (),
    channel: str = "",
) -> list[list[Delivery]]:
    """Send images again, with the first noise realisation. Several at once cost a network little more than one.

    Links, data and task are those that the experiment's own units use in this process, with their caches, so images
    that were measured here just now are sent again quickly.

    Args:
        opened: The experiment.
        method: One of its methods, or "original".
        budget: The budget of the method.
        images: Numbers of the images.
        snr_db: SNRs in dB; those of the experiment by default.
        channel: One of its channels; the first by default.

    Returns:
        For each image a list with one delivery for each SNR. Equal received images are one object.
    """
    opened = shared(opened)
    given = opened.experiment
    channel = channel or given.channels[0]
    link = OriginalLink() if method == "original" else opened.link(method, budget, channel)
    unit = Unit(opened, method, budget, channel, tuple(images), snr_db or given.snr_db, "")
    known: dict[bytes, Image] = {}
    found: dict[int, list[Delivery]] = {number: [] for number in images}
    for row, image in delivered(unit, opened, link, trials=1):
        found[row["image"]].append(Delivery(row, known.setdefault(image_key(image), image)))
    return list(found.values())


def found_boxes(row: Row, truth: Objects) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """The detections of a row that are worth drawing.

    Args:
        row: A row with detections.
        truth: The objects of its image.

    Returns:
        (n, 6) float32 detections of a score of at least ``MIN_SCORE``, best first, and (n,) bool, True where one finds
        an object, whether or not mAP counts that object.
    """
    from linksim.scoring.average_precision import match

    found = np.asarray(row["detections"], np.float32).reshape(-1, 6)
    found = found[found[:, 4] >= MIN_SCORE]
    found = found[np.argsort(-found[:, 4], kind="stable")]
    plain = Objects(truth.boxes, truth.labels, np.zeros(len(truth.labels), bool))
    possible = found[:, 5] <= truth.labels.max(initial=-1)
    hits = np.zeros(len(found), bool)
    hits[possible] = match([found[possible]], [plain]).hit
    return found, hits

"""What the image viewer shows: chosen images, what each method delivers at every SNR, and the task's prediction."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from linksim.data.base import Objects, Sample
from linksim.engine.measure import batches
from linksim.engine.opened import Opened
from linksim.engine.pools import Pool
from linksim.engine.replay import Delivery, deliver, evenly_spaced, found_boxes
from linksim.errors import LinksimError
from linksim.link import Budget
from linksim.output.report.album import Album

Call = tuple[Opened, str, Budget, Sequence[int], tuple[float, ...], str]  # the arguments of ``deliver``

PIXELATED = 128
"""Pixels of the longer side up to which a picture is enlarged pixel by pixel, not smoothed."""


MAX_IMAGES = 8
MAX_PIXELS = 3 << 19
"""Of all images shown by default: eight small ones, or four photographs of 768×512."""
MAX_DELIVERIES = 800
"""Of all images, methods, budgets and SNRs by default: seconds to send again, megabytes to show."""


def chosen(opened: Opened, count: int | None) -> list[int]:
    """Numbers of the images to show, evenly spaced; as many as are quickly sent again if there is no ``count``."""
    if count is None:
        experiment = opened.experiment
        height, width = opened.dataset[opened.images[0]].image.shape[:2]
        places = len(experiment.channels) * len(experiment.budgets) * len(experiment.snr_db)
        each = len(experiment.methods) * places
        count = min(MAX_IMAGES, max(1, MAX_PIXELS // (height * width)), MAX_DELIVERIES // each)
    return [opened.images[i] for i in evenly_spaced(opened.size, count)]


def gather(
    opened: Opened,
    methods: Iterable[str],
    numbers: Sequence[int],
    album: Album,
    pool: Pool,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """The viewer's data on these images, JSON-able; its pictures are numbers of the album.

    ``items``: the images. ``shown[channel][budget][method][image][snr]``: what arrived, see ``_shown``.
    """
    experiment = opened.experiment
    methods, rising = list(methods), tuple(sorted(experiment.snr_db))
    links = list(product(experiment.channels, experiment.budgets, methods))
    groups = [list(batch) for batch in batches(opened.dataset, numbers)]  # a network takes several at once anyway
    calls: list[Call] = []
    for group in groups:
        calls.append((opened, "original", experiment.budgets[0], group, rising[:1], ""))
        calls += [(opened, method, budget, group, rising, channel) for channel, budget, method in links]
    arriving = _in_order(pool, calls, progress)
    items: list[dict[str, Any]] = []
    shown: dict[str, dict[str, dict[str, list[Any]]]] = {
        channel: {str(b): {m: [] for m in methods} for b in experiment.budgets} for channel in experiment.channels
    }
    for group in groups:
        samples = [opened.dataset[number] for number in group]
        for sample, (original,) in zip(samples, next(arriving), strict=True):
            items.append(_item(sample) | _shown(original, sample.objects, album))
        for channel, budget, method in links:
            for sample, deliveries in zip(samples, next(arriving), strict=True):
                shown[channel][str(budget)][method].append([_shown(d, sample.objects, album) for d in deliveries])
    progress(len(calls), len(calls))
    task = opened.task
    return {
        "items": items,
        "shown": shown,
        "kind": task.kind if task else "",
        "classes": list(opened.dataset.classes or task.classes) if task else [],
        "pixelated": all(max(item["width"], item["height"]) <= PIXELATED for item in items),
    }


def _in_order(
    pool: Pool, calls: Sequence[Call], progress: Callable[[int, int], None]
) -> Iterator[list[list[Delivery]]]:
    """What ``deliver`` gives for each of the calls; few results wait at a time, since they hold images."""
    waiting: deque[Future[list[list[Delivery]]]] = deque()
    pool.prepare()
    try:
        for done, call in enumerate(calls):
            progress(done, len(calls))
            waiting.append(pool.submit(deliver, *call))
            if len(waiting) > pool.workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except Exception as error:
        if isinstance(error, (*pool.died, CancelledError)):
            raise LinksimError(
                "a worker died while the report's images were sent again; try 'linksim report --images 0'"
            ) from error
        raise


def _item(sample: Sample) -> dict[str, Any]:
    height, width = sample.image.shape[:2]
    item: dict[str, Any] = {"key": sample.key, "width": width, "height": height}
    item["label"] = None if sample.label is None else int(sample.label)
    if sample.objects is not None:
        item["truth"] = [
            [*_relative(box, width, height), int(label)]
            for box, label in zip(sample.objects.boxes, sample.objects.labels, strict=True)
        ]
    return item


def _shown(delivery: Delivery, truth: Objects | None, album: Album) -> dict[str, Any]:
    """One delivery: picture, psnr (dB, None if exact), ok and, where a task predicted it, prediction and correct, or
    boxes: [x0, y0, x1, y1 (of the image's sides), score, class, 1 if it found an object]."""
    row = delivery.row
    shown = {"picture": album.add(delivery.image), "ok": row["ok"]}
    shown["psnr"] = round(row["psnr"], 2) if np.isfinite(row["psnr"]) else None
    if "prediction" in row:
        shown |= {"prediction": row["prediction"], "correct": row["correct"]}
    if "detections" in row and truth is not None:
        height, width = delivery.image.shape[:2]
        shown["boxes"] = [
            [*_relative(box, width, height), round(float(box[4]), 2), int(box[5]), int(hit)]
            for box, hit in zip(*found_boxes(row, truth), strict=True)
        ]
    return shown


def _relative(box: npt.NDArray[np.float32], width: int, height: int) -> list[float]:
    return [round(float(v), 4) for v in box[:4] / (width, height, width, height)]

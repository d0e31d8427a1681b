"""Scores of received images: pixels against the original, a task's predictions against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from linksim.cache import LRU, image_key
from linksim.data.base import Sample
from linksim.engine.contract import CheckedTask, errors_from
from linksim.errors import ContractError
from linksim.link import Image
from linksim.scoring.metrics import Metric
from linksim.tasks.base import Task
from linksim.tasks.classes import Labels
from linksim.tasks.memo import Memo

Row = dict[str, Any]
"""Columns of ``linksim.engine.store.SCHEMA`` and their values."""

MAX_BYTES = 4 << 20
"""Of the scores that a ``Scorer`` remembers."""


class Truth:
    """What a task's predictions on some samples are compared with.

    For a classifier it is the task's prediction on the original image, and each sample's label; if no sample has one,
    that prediction stands for it ("agreement"). For a detector the rows keep the detections, in the data set's classes.

    Args:
        task: The task.
        labels: How its predictions are read as classes of the data set.
        classes: The data set's classes; empty if it has no labels.
        samples: The samples, all of them labelled or none.

    Raises:
        ContractError: Only some of the samples have labels.
    """

    def __init__(self, task: Task, labels: Labels, classes: Sequence[str], samples: Sequence[Sample]) -> None:
        self.task, self.classes = task, classes
        self.labels: list[Any] = [sample.label for sample in samples]
        classifies = task.kind == "classification"
        self.agreement = classifies and all(label is None for label in self.labels)
        self.index = None if self.agreement else labels.index
        self.originals = task.predict([sample.image for sample in samples]) if classifies else []
        if self.agreement:
            self.labels = list(self.originals)
        elif classifies and None in self.labels:
            bare = samples[self.labels.index(None)].key
            raise ContractError(f"image {bare!r} has no label, though others of its data set have")

    def row(self, i: int, prediction: Any) -> Row:
        """Columns of the prediction on sample i as it was received.

        Args:
            i: The sample's number.
            prediction: A class index, or (n, 6) detections, in the task's classes.

        Returns:
            ``label``, ``prediction``, ``correct``, ``agreement`` and ``as_original``, or ``detections``; classes are
            the data set's.

        Raises:
            ContractError: The task names no classes, and predicts one that the data set does not have.
        """
        detects = self.task.kind == "detection"
        if self.index is None and not self.agreement:
            self._check_known(int(prediction[:, 5].max(initial=-1)) if detects else int(prediction))
        if detects:
            found = np.array(prediction, np.float32)
            if self.index is not None:
                found[:, 5] = self.index[found[:, 5].astype(int)]
                found = found[found[:, 5] >= 0]
            return {"detections": found.ravel().tolist()}
        mapped, label = int(prediction if self.index is None else self.index[int(prediction)]), int(self.labels[i])
        return {
            "label": label,
            "prediction": mapped,
            "correct": mapped == label,
            "agreement": self.agreement,
            "as_original": int(prediction) == int(self.originals[i]),
        }

    def _check_known(self, highest: int) -> None:
        """A task without names for its classes is taken to have the data set's, in their order."""
        if self.classes and highest >= len(self.classes):
            raise ContractError(
                f"task {self.task.name!r}: class {highest} is not one of the data set's {len(self.classes)}; "
                "a task of other classes must name them"
            )


class Scorer:
    """Scores received images. An image that arrives as before is neither scored nor predicted again: above its cliff
    a digital link delivers the same image at every SNR.

    Args:
        samples: The samples as they were sent.
        metrics: Those that give each received image a number.
        truth: What a task's predictions are compared with, if there is a task.
    """

    def __init__(self, samples: Sequence[Sample], metrics: Sequence[Metric], truth: Truth | None) -> None:
        self.samples, self.metrics, self.truth = samples, metrics, truth
        self._known: LRU[tuple[int, bytes], Row] = LRU(
            MAX_BYTES, lambda row: 32 * (len(row) + len(row.get("detections", ())))
        )

    def score(self, images: Sequence[Image]) -> list[Row]:
        """Score one received image of each sample, (H, W, 3) uint8.

        Returns:
            For each image the columns of the metrics and of ``Truth.row``.
        """
        keys = [(i, image_key(image)) for i, image in enumerate(images)]
        rows = {key: self._known[key] for key in keys if key in self._known}
        new = [key for key in keys if key not in rows]
        for i, key in new:
            reference = self.samples[i].image
            rows[i, key] = {metric.column: _score(metric, reference, images[i]) for metric in self.metrics}
        if self.truth and new:
            predictions = self.truth.task.predict([images[i] for i, _ in new])
            for (i, key), prediction in zip(new, predictions, strict=True):
                rows[i, key] |= self.truth.row(i, prediction)
        for known in new:
            self._known[known] = rows[known]
        return [dict(rows[key]) for key in keys]


def _score(metric: Metric, reference: Image, received: Image) -> float:
    """What a metric gives one received image; it cannot change either image."""
    views = reference.view(), received.view()
    for view in views:
        view.flags.writeable = False
    with errors_from(f"metric {metric.column!r}"):
        return metric.score(*views)


@lru_cache(maxsize=2)
def remembering(task: Task) -> Task:
    """A task whose predictions are checked, and remembered across units."""
    return Memo(CheckedTask(task))

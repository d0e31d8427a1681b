"""The truth of samples, and scores that are computed once for equal images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from foreign import Plasma, Warmth

from linksim.data.base import Sample
from linksim.engine.score import Scorer, Truth, remembering
from linksim.errors import ContractError
from linksim.link import Image
from linksim.scoring.image_quality import psnr
from linksim.scoring.metrics import metric
from linksim.tasks.base import Task
from linksim.tasks.classes import match_labels

SAMPLES = [Plasma()[i] for i in range(3)]
BARE = [replace(sample, label=None) for sample in SAMPLES]


class Counting(Warmth):
    """Warmth with its classes the other way round, and the number of images of each call."""

    classes = ("cold", "warm")

    def __init__(self) -> None:
        self.calls: list[int] = []

    def predict(self, images: Sequence[Image]) -> list[int]:
        self.calls.append(len(images))
        return [1 - prediction for prediction in super().predict(images)]


class Finder(Warmth):
    """Two detections, of its classes 0 and 1; only the second one exists in the data set."""

    kind = "detection"
    classes = ("hot", "cold")

    def predict(self, images: Sequence[Image]) -> list[Any]:
        boxes = np.array([[0, 0, 9, 9, 0.9, 0], [1, 1, 5, 5, 0.5, 1]], np.float32)
        return [boxes for _ in images]


def truth_of(task: Task, samples: Sequence[Sample] = SAMPLES) -> Truth:
    return Truth(task, match_labels(task, Plasma.classes), Plasma.classes, samples)


def test_a_prediction_is_compared_with_the_label_in_the_data_sets_classes() -> None:
    truth = truth_of(Counting())
    same = {"agreement": False, "as_original": True}  # it predicts its classes 1, 0 and 1 on the originals
    assert truth.row(0, 1) == {"label": 0, "prediction": 0, "correct": True} | same
    assert truth.row(1, 1) == {"label": 1, "prediction": 0, "correct": False} | same | {"as_original": False}


def test_without_labels_the_truth_is_the_prediction_on_the_original() -> None:
    truth = truth_of(Counting(), BARE)
    assert [truth.row(i, 1)["correct"] for i in range(3)] == [True, False, True]
    assert truth.row(1, 0) == {"label": 0, "prediction": 0, "correct": True, "agreement": True, "as_original": True}


def test_labels_of_some_samples_only_are_refused() -> None:
    with pytest.raises(ContractError, match="image 'plasma1' has no label, though others of its data set have"):
        truth_of(Counting(), [SAMPLES[0], BARE[1]])


def test_detections_are_kept_in_the_data_sets_classes() -> None:
    truth, (prediction,) = truth_of(Finder()), Finder().predict([SAMPLES[0].image])
    assert truth.row(0, prediction) == {"detections": [1, 1, 5, 5, 0.5, 1]}
    assert len(prediction) == 2, "the task's own array was changed"


def test_equal_images_are_scored_and_predicted_once() -> None:
    scored = []

    def counted(reference: Image, received: Image) -> float:
        scored.append(1)
        return psnr(reference, received)

    task = Counting()
    scorer = Scorer(SAMPLES, [replace(metric("psnr"), of_image=counted)], truth_of(remembering(task)))
    first = [np.full((64, 64, 3), level, np.uint8) for level in (1, 2, 2)]
    rows = scorer.score(first)
    assert task.calls == [3, 2], "the originals, and what arrived"
    assert len(scored) == 3, "equal images of different samples have scores of their own"
    assert rows[1]["psnr"] != rows[2]["psnr"]
    assert scorer.score([image.copy(order="F") for image in first]) == rows
    assert (task.calls, len(scored)) == ([3, 2], 3)
    rows[0].clear()
    assert scorer.score(first)[0], "a row is the caller's own"


def test_more_images_than_it_remembers_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linksim.engine.score.MAX_BYTES", 1)
    rows = Scorer(SAMPLES, [], truth_of(Counting())).score([sample.image for sample in SAMPLES])
    assert [row["correct"] for row in rows] == [True] * 3

"""Train a classifier's head: multinomial logistic regression on the frozen network's pooled features."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import save_file
from torch import nn

from linksim.data.base import Dataset
from linksim.errors import LinksimError
from linksim.scoring.intervals import bootstrap_mean
from linksim.tasks import efficientnet
from linksim.tasks.classification import Preprocess, to_tensors

PENALTIES = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
"""Weights of half the squared norm of the head, on standardised features, against the summed log loss; the validation
split chooses."""

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Report = Callable[[str], None]


@dataclass(frozen=True)
class Examples:
    """features: (n, 1280) float32. labels: (n,) int64. sources: (n,) int64, which images share what they show."""

    features: Floats
    labels: Labels
    sources: Labels


@dataclass(frozen=True)
class Head:
    """weight: (classes, 1280) float32, bias: (classes,) float32, for features as they come; penalty: the chosen one;
    log_loss: its mean on the validation split."""

    weight: Floats
    bias: Floats
    penalty: float
    log_loss: float

    def correct(self, examples: Examples) -> npt.NDArray[np.bool_]:
        """(n,) whether the largest logit is at the label."""
        return (examples.features @ self.weight.T + self.bias).argmax(1) == examples.labels


def extract(dataset: Dataset, count: int, size: int, device: str, report: Report) -> Examples:
    """EfficientNet-Lite0's pooled features at ``size`` pixels of a data set's first ``count`` images."""
    backbone, _ = efficientnet.pretrained()
    module = nn.Sequential(Preprocess(size, efficientnet.MEAN, efficientnet.STD), backbone).to(device)
    features, labels, sources = np.empty((count, efficientnet.FEATURES), np.float32), [], []
    with torch.inference_mode():
        for i in range(count):
            sample = dataset[i]
            if sample.label is None:
                raise LinksimError(f"data set {dataset.name!r}: image {sample.key!r} has no label to learn")
            features[i] = module(next(to_tensors([sample.image], device)))[0].cpu().numpy()
            labels.append(sample.label)
            sources.append(sample.sources[0] if sample.sources else sample.key)
            if (i + 1) % 500 == 0:
                report(f"features of {i + 1} of {count} images")
    return Examples(features, np.array(labels, np.int64), np.unique(sources, return_inverse=True)[1])


def fit(train: Examples, val: Examples, classes: int, report: Report) -> Head:
    """The head of least log loss on ``val`` among those fitted to ``train`` with each of ``PENALTIES``."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    seen = len(np.unique(train.labels))
    if seen != classes:
        raise LinksimError(f"the training images show {seen} of {classes} classes; take more of them")
    if classes < 2:
        raise LinksimError("the training images have one class; a head needs two at least")
    mean, std = train.features.mean(0, np.float64), train.features.std(0, np.float64) + 1e-6
    best: Head | None = None
    for penalty in PENALTIES:
        model = LogisticRegression(C=1 / penalty, max_iter=2000).fit((train.features - mean) / std, train.labels)
        loss = log_loss(val.labels, model.predict_proba((val.features - mean) / std), labels=range(classes))
        weight, bias = model.coef_, model.intercept_
        if classes == 2:  # scikit-learn keeps only the second class's evidence against the first
            weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        weight = weight / std
        bias = bias - weight @ mean
        head = Head(weight.astype(np.float32), bias.astype(np.float32), penalty, float(loss))
        accuracy = head.correct(val).mean()
        report(f"penalty {penalty:g}: log loss {loss:.4f}, accuracy {accuracy:.4f} on validation")
        if best is None or head.log_loss < best.log_loss:
            best = head
    assert best is not None
    return best


def score(head: Head, test: Examples) -> dict[str, Any]:
    """Accuracy with its 95 % interval, a bootstrap over sources; JSON-able."""
    correct = head.correct(test).astype(np.float64)
    low, high = bootstrap_mean(correct, test.sources)
    return {
        "images": len(correct),
        "sources": int(test.sources.max()) + 1,
        "accuracy": round(float(correct.mean()), 4),
        "interval": [round(low, 4), round(high, 4)],
    }


def write(head: Head, path: Path, card: dict[str, Any]) -> None:
    """Write the head (safetensors) and its card beside it (JSON) for ``classification.classifier_with_head``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {"weight": head.weight, "bias": head.bias}
    save_file({name: np.ascontiguousarray(values) for name, values in tensors.items()}, path)  # it writes raw memory
    chosen = {"penalty": head.penalty, "validation_log_loss": round(head.log_loss, 6)}
    path.with_suffix(".json").write_text(json.dumps(card | chosen, indent=2) + "\n")

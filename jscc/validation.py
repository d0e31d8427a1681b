"""How good a network is while it trains: PSNR and the task's accuracy on images it is not trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from jscc.data import to_batch
from jscc.losses import Objective
from jscc.networks import JSCC
from linksim.data.base import Dataset
from linksim.errors import LinksimError
from linksim.link import Image

SEED = 0x5D
BATCH = 8


@dataclass(frozen=True)
class ValidationSet:
    """Equal-sized images, their labels where they have any, and the task that predicts on them (None: PSNR alone).

    Without labels the accuracy is the agreement with the task's prediction on the original image.
    """

    images: Sequence[Image]
    labels: Sequence[int | None]
    task: nn.Module | None = None

    @classmethod
    def from_dataset(cls, dataset: Dataset, count: int, task: nn.Module | None) -> ValidationSet:
        """``count`` images of a data set (all, if it has fewer), drawn by a fixed seed: evenly spaced ones could all be
        of one class, as classes often come in turn."""
        count = min(count, len(dataset))
        if count < 1:
            raise LinksimError(f"validation data {dataset.name!r}: no images")
        drawn = np.random.default_rng(SEED).permutation(len(dataset))[:count]
        samples = [dataset[i] for i in sorted(drawn.tolist())]
        return cls([s.image for s in samples], [s.label for s in samples], task)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of images and labels."""
        digest = hashlib.sha256(repr([[image.shape for image in self.images], list(self.labels)]).encode())
        for image in self.images:
            digest.update(image.tobytes())
        return digest.hexdigest()

    def batches(self, device: str) -> Iterator[tuple[Tensor, Sequence[int | None]]]:
        for i in range(0, len(self.images), BATCH):
            yield to_batch(self.images[i : i + BATCH], device), self.labels[i : i + BATCH]


@dataclass(frozen=True)
class Point:
    """Where a network is validated: Es/N0 in dB and how many latent channels are sent (None: all)."""

    snr_db: float
    channels: int | None = None


def received_pairs(network: JSCC, data: ValidationSet, point: Point, device: str) -> Iterator[tuple[Tensor, Tensor]]:
    """(received, original) batches, the same noise at every call; received as the link would show it, in 0..255."""
    generator = torch.Generator().manual_seed(SEED)
    network.eval()
    snr = torch.tensor([point.snr_db], device=device)
    channels = None if point.channels is None else torch.tensor([point.channels], device=device)
    with torch.no_grad():
        for images, _ in data.batches(device):
            yield network(images, snr, generator, channels).clamp(0, 255).round(), images


@torch.no_grad()
def validate(
    network: JSCC, data: ValidationSet, points: Sequence[Point], objective: Objective, device: str
) -> dict[str, float]:
    """Means over the points and all images: ``psnr`` (dB, mean over images), ``loss`` (the objective) and, with a
    task, ``acc``; with several points also the PSNR at each."""
    metrics: dict[str, float] = {}
    each = [_validate_at(network, data, point, objective, device) for point in points]
    for name in each[0]:
        metrics[name] = sum(one[name] for one in each) / len(each)
    if len(points) > 1:
        for point, one in zip(points, each, strict=True):
            metrics[f"psnr_{point.snr_db:g}dB_{point.channels}ch"] = one["psnr"]
    return metrics


def _validate_at(
    network: JSCC, data: ValidationSet, point: Point, objective: Objective, device: str
) -> dict[str, float]:
    psnr, loss, correct = [], 0.0, 0
    pairs = zip(received_pairs(network, data, point, device), data.batches(device), strict=True)
    for (received, original), (_, labels) in pairs:
        mse = (received - original).square().mean((1, 2, 3)).clamp(min=1e-3)
        psnr.append(10 * torch.log10(255**2 / mse))
        loss += float(objective(received, original)) * len(labels)
        if data.task is not None:
            correct += _correct(data.task, received, original, labels)
    count = len(data.images)
    metrics = {"psnr": float(torch.cat(psnr).mean()), "loss": loss / count}
    return metrics | ({} if data.task is None else {"acc": correct / count})


def _correct(task: nn.Module, received: Tensor, original: Tensor, labels: Sequence[int | None]) -> int:
    predictions = task(received).argmax(1).tolist()
    wanted = task(original).argmax(1).tolist() if None in labels else labels
    return sum(v == w for v, w in zip(predictions, wanted, strict=True))


def idle_share(network: JSCC, images: Tensor) -> float:
    """Share of the latent's channels whose bit is the same in more than 99.5 % of these images' cells: they tell the
    receiver nothing. An encoder that has died shows 1."""
    with torch.no_grad():
        ones = (network.latent(images) > 0).float().mean((0, 2, 3))
    return float(((ones < 0.005) | (ones > 0.995)).float().mean())

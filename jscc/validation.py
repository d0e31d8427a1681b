"""How good a network is while it trains: PSNR and what the task still understands, on images it is not trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from jscc.data import to_batch
from jscc.losses import Objective, divergence
from jscc.networks import JSCC
from linksim.data.base import Dataset
from linksim.errors import LinksimError
from linksim.link import Image

SEED = 0x5D
BATCH = 8


@dataclass(frozen=True)
class ValidationSet:
    """Equal-sized images, their labels where they have any, and the task that predicts on them (None: PSNR alone)."""

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
    """Means over the points and all images: ``psnr`` (dB, mean over images) and ``loss`` (the objective). With a task,
    how near its predictions are to those on the originals: ``agreement`` (share of equal ones) and ``kl`` (divergence
    of its softmax outputs in nats); where all images are labelled also ``acc``. With several points also the PSNR at
    each."""
    originals = [] if data.task is None else [data.task(i).float().log_softmax(1) for i, _ in data.batches(device)]
    each = [_validate_at(network, data, point, objective, originals, device) for point in points]
    metrics = {name: sum(one[name] for one in each) / len(each) for name in each[0]}
    if len(points) > 1:
        for point, one in zip(points, each, strict=True):
            metrics[f"psnr_{point.snr_db:g}dB_{point.channels}ch"] = one["psnr"]
    return metrics


def _validate_at(
    network: JSCC, data: ValidationSet, point: Point, objective: Objective, originals: Sequence[Tensor], device: str
) -> dict[str, float]:
    psnr, outputs, loss = [], [], 0.0
    for received, original in received_pairs(network, data, point, device):
        mse = (received - original).square().mean((1, 2, 3)).clamp(min=1e-3)
        psnr.append(10 * torch.log10(255**2 / mse))
        loss += float(objective(received, original)) * len(original)
        if data.task is not None:
            outputs.append(data.task(received).float().log_softmax(1))
    metrics = {"psnr": float(torch.cat(psnr).mean()), "loss": loss / len(data.images)}
    if data.task is not None:
        wanted, got = torch.cat(list(originals)), torch.cat(outputs)
        metrics["agreement"] = float((wanted.argmax(1) == got.argmax(1)).float().mean())
        metrics["kl"] = float(divergence(wanted, got).mean())
        if None not in data.labels:
            metrics["acc"] = float((got.argmax(1).cpu() == torch.tensor(data.labels)).float().mean())
    return metrics


def idle_share(network: JSCC, images: Tensor) -> float:
    """Share of the latent's channels whose bit is the same in more than 99.5 % of these images' cells: they tell the
    receiver nothing. An encoder that has died shows 1."""
    with torch.no_grad():
        ones = (network.latent(images) > 0).float().mean((0, 2, 3))
    return float(((ones < 0.005) | (ones > 0.995)).float().mean())

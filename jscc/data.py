"""Training images: where they come from, and the batch of each step as a pure function of (seed, step).

Nothing about a batch depends on the batches before it, so a run that resumes sees what it would have seen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from linksim.data.base import Dataset
from linksim.errors import LinksimError
from linksim.link import Image


@dataclass(frozen=True)
class TrainingImages:
    """uint8 (H, W, 3) images of any sizes, a name and the SHA-256 of what they are."""

    images: Sequence[Image]
    name: str
    digest: str

    def __post_init__(self) -> None:
        if not len(self.images):
            raise LinksimError(f"training data {self.name!r}: no images")

    @classmethod
    def from_dataset(cls, dataset: Dataset) -> TrainingImages:
        """Every image of a data set, each read when a batch needs it."""
        identity = json.dumps(dataset.identity(), sort_keys=True)
        return cls(_Pictures(dataset), dataset.name, hashlib.sha256(identity.encode()).hexdigest())

    @classmethod
    def from_folder(cls, folder: Path) -> TrainingImages:
        """The uint8 (N, H, W, 3) arrays in a folder's ``*.npy`` files, memory-mapped, one after the other."""
        paths = sorted(folder.glob("*.npy"))
        digest, images = hashlib.sha256(), []
        for path in paths:
            try:
                array = np.load(path, mmap_mode="r", allow_pickle=False)
            except (ValueError, OSError) as error:
                raise LinksimError(f"training data {path}: not a NumPy array file ({error})") from None
            if array.dtype != np.uint8 or array.ndim != 4 or array.shape[-1] != 3:
                continue  # labels lie beside the images
            digest.update(f"{path.name} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
            images.extend(array)
        if not images:
            raise LinksimError(f"training data {folder}: no *.npy file with uint8 (N, H, W, 3) images")
        return cls(images, folder.name, digest.hexdigest())


class _Pictures(Sequence[Image]):
    """A data set's images without what is known of them."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> Any:
        return self.dataset[int(index)].image


def to_batch(images: Sequence[Image], device: str = "cpu") -> Tensor:
    """Equal-sized uint8 (H, W, 3) images as float32 (N, 3, H, W) in 0..255, channels last in memory."""
    return torch.from_numpy(np.stack(images)).to(device).permute(0, 3, 1, 2).float()


def batch_of(data: TrainingImages, step: int, *, seed: int, size: int, crop: int) -> list[Image]:
    """``size`` random crops (crop, crop, 3), mirrored half of the time, for this step of this seed."""
    rng = np.random.default_rng([seed, step])
    return [_crop(data.images[int(i)], crop, rng) for i in rng.integers(0, len(data.images), size)]


def _crop(image: Image, crop: int, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    if min(height, width) < crop:
        raise LinksimError(f"training image of {width}×{height}: smaller than the crop of {crop} pixels")
    y, x = rng.integers(0, height - crop + 1), rng.integers(0, width - crop + 1)
    patch = image[y : y + crop, x : x + crop]
    return patch[:, ::-1] if rng.random() < 0.5 else patch

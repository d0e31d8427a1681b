import numpy as np
import pytest
import torch
from torch import nn

from jscc.architecture import Architecture
from jscc.card import Card
from jscc.checkpoint import save_checkpoint
from jscc.data import TrainingImages
from jscc.loss import Loss
from jscc.networks import JSCC
from jscc.presets import Recipe
from jscc.validation import ValidationSet


class TinyTask(nn.Module):
    """Logits (N, 3) from images in 0..255, with feature maps at layer ``maps``."""

    def __init__(self):
        super().__init__()
        self.maps = nn.Conv2d(3, 4, 4, stride=4)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(torch.relu(self.maps(x / 128 - 1)).mean((2, 3)))


@pytest.fixture
def tiny_task():
    torch.manual_seed(3)
    return TinyTask().eval()


@pytest.fixture
def pictures():
    """Twelve smooth uint8 (24, 24, 3) images."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (12, 3, 3, 3)).astype(np.uint8)
    return list(coarse.repeat(8, 1).repeat(8, 2))


@pytest.fixture
def training_images(pictures):
    return TrainingImages(pictures, "tiny", "0" * 64)


@pytest.fixture
def validation_set(pictures, tiny_task):
    return ValidationSet(pictures[:4], [0, 1, 2, 0], tiny_task)


TINY = Architecture(width=8, blocks=1, elements=16)


@pytest.fixture
def make_checkpoint(tmp_path):
    """Write a random tiny checkpoint: ``make_checkpoint("name", elements=8, snr=10, method="sdjscc")``."""

    def make(name, elements=16, snr=(5.0, 5.0), method="deepjscc", mapping="antipodal", kind="residual"):
        torch.manual_seed(len(name))
        arch = Architecture(kind=kind, width=8, blocks=1, elements=elements, mapping=mapping)
        card = Card(
            method=method, architecture=arch, snr_db=snr, loss=Loss().as_dict(), recipe=Recipe(1, 1, 8, 0.1).as_dict(),
            steps=1, seed=0, data={}, task={}, metrics={"val_psnr": 20.0}, command="",
        )  # fmt: skip
        path = tmp_path / f"{name}.safetensors"
        save_checkpoint(path, JSCC(arch), card)
        return path

    return make

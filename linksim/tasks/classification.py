"""Classification tasks: any torch network that gives logits, and the two that linksim brings.

    uint8 image ─► Preprocess (central square, resize, normalise) ─► network ─► logits ─► verdict = argmax

Everything between pixel values and logits is one ``nn.Module``, so that gradients of any class score with respect to
any named layer, or to the image, are autograd's business (see ``jscc.semantics``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn
from torch.nn import functional as F

from linksim.errors import ContractError, LinksimError
from linksim.link import Image
from linksim.tasks import efficientnet
from linksim.tasks.base import Task
from linksim.tasks.digest import module_digest

STAMPS10_SIZE = 160
IMAGENET_SIZE = 224
IMAGENET_CROP = 224 / 256
"""The share of the shorter side that EfficientNet's own evaluation keeps: 224 of 224 + 32 pixels."""


class Preprocess(nn.Module):
    """(N, 3, H, W) float32 of 0..255 to the network's (N, 3, size, size): central square of ``crop`` × the shorter
    side, bilinear resize (anti-aliased where it shrinks), (x - mean) / std. Differentiable."""

    mean: Tensor
    std: Tensor

    def __init__(self, size: int, mean: float | Sequence[float], std: float | Sequence[float], crop: float = 1.0):
        super().__init__()
        if size < 1:
            raise LinksimError(f"input size {size}: must be at least 1 pixel")
        if not 0 < crop <= 1:
            raise LinksimError(f"crop {crop}: must be above 0 and at most 1 (a share of the shorter side)")
        self.size, self.crop = size, crop
        for name, value in (("mean", mean), ("std", std)):
            channels = torch.as_tensor(value, dtype=torch.float32).flatten()
            if channels.numel() not in (1, 3) or (name == "std" and not bool((channels > 0).all())):
                raise LinksimError(f"{name} {value}: must be one number or three" + " above 0" * (name == "std"))
            self.register_buffer(name, channels.view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        side = max(1, round(min(height, width) * self.crop))
        top, left = (height - side) // 2, (width - side) // 2
        x = x[..., top : top + side, left : left + side]
        if side != self.size:
            x = F.interpolate(x, (self.size, self.size), mode="bilinear", align_corners=False, antialias=True)
        return (x - self.mean) / self.std


class PooledClassifier(nn.Module):
    """``head(backbone(preprocess(x)))``: logits (N, classes) of float32 images (N, 3, H, W) in 0..255.

    Layers are found by name as in any module: ``preprocess``, ``backbone.stem``, ``backbone.blocks.0`` to ``.15``,
    ``backbone.top`` (the last feature maps), ``backbone.pool``, ``head`` (the linear layer).
    """

    def __init__(self, preprocess: Preprocess, backbone: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.preprocess, self.backbone, self.head = preprocess, backbone, head

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(self.preprocess(x)))


class TorchClassifier(Task):
    """A frozen ``module`` that maps one float32 image (1, 3, H, W) in 0..255 to logits (1, classes).

    Images are judged one at a time: with a batch, the convolution library picks other kernels for other batch sizes
    and logits change in the last bits, so that a verdict could depend on its neighbours.
    """

    kind = "classification"

    def __init__(self, module: nn.Module, classes: Sequence[str], name: str = "", device: str = "cpu") -> None:
        self.module = module.to(device).eval().requires_grad_(False)
        self.classes = tuple(classes)
        self.name = name or type(module).__name__
        self.device = device

    def judge(self, images: Sequence[Image]) -> list[Any]:
        """The most likely class index of each uint8 (H, W, 3) image."""
        with torch.inference_mode():
            return [self._verdict(self.module(x)) for x in to_tensors(images, self.device)]

    def class_scores(self, x: Tensor) -> Tensor:
        """(N, classes) logits of float32 images (N, 3, H, W) in 0..255. Differentiable."""
        return self.module(x)

    def _verdict(self, logits: Tensor) -> int:
        if logits.ndim != 2 or logits.shape[0] != 1 or (self.classes and logits.shape[1] != len(self.classes)):
            wanted = f"(1, {len(self.classes) or 'classes'})"
            raise ContractError(f"task {self.name!r}: logits have shape {tuple(logits.shape)}, expected {wanted}")
        if not bool(torch.isfinite(logits).all()):
            raise ContractError(f"task {self.name!r}: logits are not finite")
        return int(logits.argmax())

    def identity(self) -> dict[str, Any]:
        return super().identity() | {"weights": module_digest(self.module), "classes": list(self.classes)}


def to_tensors(images: Sequence[Image], device: str) -> Iterator[Tensor]:
    """Each uint8 (H, W, 3) image as float32 (1, 3, H, W) in 0..255, channels last in memory."""
    for image in images:
        yield torch.from_numpy(image).to(device).permute(2, 0, 1)[None].float()


def stamps10_classifier(device: str = "cpu") -> TorchClassifier:
    """EfficientNet-Lite0 features at 160 pixels with the linear head trained by ``linksim train-task``."""
    weights = files("linksim.tasks") / "weights"
    card = json.loads((weights / "stamps10_head.json").read_text())
    return classifier_with_head(load_safetensors((weights / "stamps10_head.safetensors").read_bytes()), card, device)


def classifier_with_head(head: dict[str, Tensor], card: dict[str, Any], device: str = "cpu") -> TorchClassifier:
    """A head's tensors (``weight`` (classes, 1280), ``bias``) and card (``classes``, ``size``, ``name``) as a task."""
    backbone, _ = efficientnet.pretrained()
    linear = nn.Linear(efficientnet.FEATURES, len(card["classes"]))
    linear.load_state_dict({name: tensor.float() for name, tensor in head.items()})
    preprocess = Preprocess(card["size"], efficientnet.MEAN, efficientnet.STD)
    return TorchClassifier(PooledClassifier(preprocess, backbone, linear), card["classes"], card["name"], device)


def imagenet_classifier(device: str = "cpu") -> TorchClassifier:
    """EfficientNet-Lite0 with its own 1,000 classes at 224 pixels; ``classes`` are ImageNet's synset identifiers."""
    from linksim.tasks.classes import imagenet_synsets

    backbone, linear = efficientnet.pretrained()
    preprocess = Preprocess(IMAGENET_SIZE, efficientnet.MEAN, efficientnet.STD, IMAGENET_CROP)
    module = PooledClassifier(preprocess, backbone, linear)
    return TorchClassifier(module, imagenet_synsets(), "imagenet", device)

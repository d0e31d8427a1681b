"""CenterNet on MobileNetV3: a detector of COCO's 80 classes with two million parameters.

    0..255 (N, 3, S, S) ─► backbone ─┬ c2 1/4 ──────────────────────────────► lateral ─► ⊕ ─► attention ─┬─► heat (80)
                                     ├ c3 1/8 ────────────► lateral ─► ⊕ ─► up ×2 ───────┘               └─► extents (4)
                                     ├ c4 1/16 ─► lateral ─► ⊕ ─► up ×2 ─┘
                                     └ c5 1/32 ─► up ×2 ─────┘                  (⊕: concatenation, then ReLU)

Zhou et al., "Objects as Points", 2019: a class's heat map peaks at objects' centres, and at a peak four numbers give
the distances to the box's sides. Howard et al., "Searching for MobileNetV3", 2019, is the backbone. The weights come
from the npm package @vladmandic/human (MIT), converted by ``tools/convert_centernet.py``, batch norms already folded.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn
from torch.nn import functional as F

from linksim.tasks.layers import SameConv, depthwise, double

STRIDE = 4
"""Input pixels per heat-map cell."""
_EXTENT_SCALE = 16.0


@dataclass(frozen=True)
class Stage:
    """One inverted-residual block of MobileNetV3; ``squeeze`` 0 has no squeeze-and-excitation."""

    kernel: int
    stride: int
    hidden: int
    channels: int
    squeeze: int
    activation: type[nn.Module]


STAGES = (
    Stage(3, 1, 16, 16, 0, nn.ReLU),
    Stage(3, 2, 64, 24, 0, nn.ReLU),
    Stage(3, 1, 72, 24, 0, nn.ReLU),
    Stage(5, 2, 72, 32, 24, nn.ReLU),
    Stage(5, 1, 96, 32, 24, nn.ReLU),
    Stage(5, 1, 96, 32, 24, nn.ReLU),
    Stage(3, 2, 192, 64, 0, nn.Hardswish),
    Stage(3, 1, 160, 64, 0, nn.Hardswish),
    Stage(3, 1, 144, 64, 0, nn.Hardswish),
    Stage(3, 1, 144, 64, 0, nn.Hardswish),
    Stage(3, 1, 384, 88, 96, nn.Hardswish),
    Stage(3, 1, 528, 88, 136, nn.Hardswish),
    Stage(5, 2, 528, 120, 136, nn.Hardswish),
    Stage(5, 1, 720, 120, 184, nn.Hardswish),
    Stage(5, 1, 720, 120, 184, nn.Hardswish),
)
_C2, _C3, _C4 = 3, 5, 11  # blocks that the head taps: the first two at their expanded input, the last at its output


class Excite(nn.Module):
    """Scale each channel by a gate computed from the channels' means."""

    def __init__(self, channels: int, squeeze: int, gate: nn.Module, bias: bool = True) -> None:
        super().__init__()
        self.squeeze = SameConv(channels, squeeze, 1)
        self.excite = SameConv(squeeze, channels, 1, bias=bias)
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.excite(F.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))


class InvertedResidual(nn.Module):
    """1×1 expansion, depthwise convolution, gate, 1×1 projection; added to the input where shapes allow."""

    def __init__(self, inputs: int, stage: Stage) -> None:
        super().__init__()
        hidden, widens = stage.hidden, stage.hidden != inputs
        self.expand = nn.Sequential(SameConv(inputs, hidden, 1), stage.activation()) if widens else nn.Identity()
        self.depthwise = nn.Sequential(depthwise(hidden, stage.kernel, stage.stride), stage.activation())
        self.excite = Excite(hidden, stage.squeeze, nn.Hardsigmoid()) if stage.squeeze else nn.Identity()
        self.project = SameConv(hidden, stage.channels, 1)
        self.residual = stage.stride == 1 and inputs == stage.channels

    def forward(self, x: Tensor, expanded: Tensor | None = None) -> Tensor:
        """``expanded``: ``self.expand(x)``, if the caller has computed it for its own use."""
        y = self.project(self.excite(self.depthwise(self.expand(x) if expanded is None else expanded)))
        return x + y if self.residual else y


class MobileNetV3(nn.Module):
    """(N, 3, S, S) of 0..255 to the maps (c2, c3, c4, c5) at 1/4, 1/8, 1/16 and 1/32 of the size."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(SameConv(3, 16, 3, 2), nn.Hardswish())
        inputs = (16, *(stage.channels for stage in STAGES))
        self.blocks = nn.ModuleList(InvertedResidual(n, stage) for n, stage in zip(inputs, STAGES, strict=False))
        self.top = nn.Sequential(SameConv(inputs[-1], 480, 1), nn.Hardswish())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x, taps = self.stem(x), {}
        for i, block in enumerate(self.blocks):
            assert isinstance(block, InvertedResidual)
            expanded = block.expand(x)
            x = block(x, expanded)
            taps[i] = x if i == _C4 else expanded
        return taps[_C2], taps[_C3], taps[_C4], self.top(x)


class Upsample(nn.Module):
    """Sum of a 3×3 and a 5×5 separable convolution, at twice the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.fine = separable(inputs, outputs, 3)
        self.coarse = separable(inputs, outputs, 5)

    def forward(self, x: Tensor) -> Tensor:
        return double(self.fine(x) + self.coarse(x))


class CenterNet(nn.Module):
    """(N, 3, S, S) float32 of 0..255, S a multiple of 32 (trained at 512), to (heat, extents).

    heat: (N, 80, S/4, S/4) logits that an object of that class is centred there. extents: (N, 4, S/4, S/4) distances
    in input pixels from a cell's near corner to the box's left, top, right and bottom.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = MobileNetV3()
        self.lateral = nn.ModuleDict({"c2": lateral(72, 18, 64), "c3": lateral(96, 24, 96), "c4": lateral(88, 22, 128)})
        self.up = nn.ModuleDict({"c5": Upsample(480, 128), "c4": Upsample(256, 96), "c3": Upsample(192, 64)})
        self.attention = Excite(128, 32, nn.Sigmoid(), bias=False)
        self.heat = separable(128, 80, 3)
        self.extents = separable(128, 4, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        c2, c3, c4, x = self.backbone(x)
        x = F.relu(torch.cat((self.lateral["c4"](c4), self.up["c5"](x)), 1))
        x = F.relu(torch.cat((self.lateral["c3"](c3), self.up["c4"](x)), 1))
        x = self.attention(F.relu(torch.cat((self.lateral["c2"](c2), self.up["c3"](x)), 1)))
        return self.heat(x), _EXTENT_SCALE * self.extents(x)


def separable(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Depthwise convolution, then 1×1."""
    return nn.Sequential(depthwise(inputs, kernel, bias=False), SameConv(inputs, outputs, 1))


def lateral(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """What a backbone map contributes to the head."""
    return nn.Sequential(SameConv(inputs, hidden, 1), nn.ReLU(), separable(hidden, outputs, 5))


def pretrained() -> CenterNet:
    """The network with its embedded COCO weights, frozen."""
    state = load_safetensors((files("linksim.tasks") / "weights" / "centernet.safetensors").read_bytes())
    network = CenterNet()
    network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from torch's stubs
    return network.eval().requires_grad_(False)

"""Layers that TensorFlow-trained networks need."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class SameConv(nn.Conv2d):
    """Convolution with TensorFlow's "SAME" padding for even inputs: at stride 2 the odd row goes to the far side."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = True
    ) -> None:
        total = kernel - stride
        near, far = total // 2, total - total // 2
        super().__init__(inputs, outputs, kernel, stride, near if near == far else 0, groups=groups, bias=bias)
        self.pads = (near, far, near, far)
        """Pixels left, right, above and below."""

    def forward(self, x: Tensor) -> Tensor:
        near, far, _, _ = self.pads
        x = x if near == far else F.pad(x, self.pads)
        if self.groups > 1 and self.stride == (2, 2) and x.requires_grad:
            # the same numbers; processors are slow at the gradient of the strided form
            return F.conv2d(x, self.weight, self.bias, 1, self.padding, groups=self.groups)[..., ::2, ::2]
        return super().forward(x)


def depthwise(channels: int, kernel: int, stride: int = 1, bias: bool = True) -> SameConv:
    """One filter per channel."""
    return SameConv(channels, channels, kernel, stride, groups=channels, bias=bias)


def double(x: Tensor) -> Tensor:
    """Bilinear up-sampling by two as TensorFlow 1 did it: output pixel i samples the input at i/2, the last at the
    edge. Neither of torch's two conventions, but that of ``align_corners`` on a map with its edge repeated."""
    height, width = x.shape[-2:]
    edged = F.pad(x, (0, 1, 0, 1), mode="replicate")
    size = (2 * height + 1, 2 * width + 1)
    return F.interpolate(edged, size, mode="bilinear", align_corners=True)[..., :-1, :-1]

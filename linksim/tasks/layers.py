"""The convolution that TensorFlow-trained networks need."""

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
        self._uneven = (near, far, near, far) if near != far else None

    def forward(self, x: Tensor) -> Tensor:
        x = x if self._uneven is None else F.pad(x, self._uneven)
        if self.groups > 1 and self.stride == (2, 2) and x.requires_grad:
            # the same numbers; processors are slow at the gradient of the strided form
            return F.conv2d(x, self.weight, self.bias, 1, self.padding, groups=self.groups)[..., ::2, ::2]
        return super().forward(x)


def depthwise(channels: int, kernel: int, stride: int = 1, bias: bool = True) -> SameConv:
    """One filter per channel."""
    return SameConv(channels, channels, kernel, stride, groups=channels, bias=bias)

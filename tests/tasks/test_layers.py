"""Shortcuts of the networks' layers against the plain convolution."""

import pytest
import torch
from torch.nn import functional as F

from linksim.tasks.layers import depthwise


@pytest.mark.parametrize(("kernel", "size"), [(3, 16), (5, 16), (5, 22)])
def test_strided_depthwise_gradient_is_the_convolutions(kernel, size):
    torch.manual_seed(kernel)
    conv = depthwise(8, kernel, stride=2)
    near = (kernel - 2) // 2
    first, second = (torch.randn(2, 8, size, size, requires_grad=True) for _ in range(2))
    second.data.copy_(first.data)
    padded = F.pad(second, (near, kernel - 2 - near) * 2)
    plain = F.conv2d(padded, conv.weight, conv.bias, stride=2, groups=8)
    short = conv(first)
    torch.testing.assert_close(short, plain)
    weights = torch.randn_like(plain)
    gradients = [torch.autograd.grad((out * weights).sum(), x)[0] for out, x in ((short, first), (plain, second))]
    torch.testing.assert_close(*gradients)

"""A foreign encoder/decoder pair as a link, in ten lines:

    linksim compare --methods bpg,examples.my_link:MyJSCC --snr 0:20

The networks here are stand-ins (8×8 block means, sent as they are): put your own trained modules in their place.
Cells of 8×8 pixels × 3 colours make 3/64 elements per pixel, a CBR of 3/128.
"""

from __future__ import annotations

from torch import Tensor, nn

from jscc.torch_link import TorchLink
from linksim.link import LinkOptions


class MyDecoder(nn.Module):
    """Scales what arrives back to pixels and repeats each value over its 8×8 block."""

    def forward(self, received: Tensor) -> Tensor:
        return nn.functional.interpolate(received / 2, scale_factor=8)


class MyJSCC(TorchLink):
    """Analog block means: pixels in −1..1, averaged over 8×8 blocks, on the air without any coding."""

    def __init__(self, options: LinkOptions) -> None:
        super().__init__(nn.AvgPool2d(8), MyDecoder(), stride=8, pixel_range=(-1, 1), options=options)

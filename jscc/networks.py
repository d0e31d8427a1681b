"""The encoder and decoder networks, fully convolutional.

``residual`` (Sun et al., SD-JSCC, fig. 3: convolutions and residual blocks; up-sampling, convolutions and residual
blocks), here with 1/8 of the resolution in the middle, so bpp = elements per 8×8 cell / 64:

    image ─ conv↓2 ─ conv↓2 ─ res ─ conv↓2 ─ res×n ─ conv ─ norm ─► latent (C, H/8, W/8)
    image' ◄─ conv+shuffle↑2 ─ conv+shuffle↑2 ─ res ─ conv+shuffle↑2 ─ res×n ─ conv ◄─ latent'

``bourtsoulatze`` (Bourtsoulatze, Burth Kurka and Gündüz, "Deep Joint Source-Channel Coding for Wireless Image
Transmission", IEEE TCCN 2019, fig. 2: five 5×5 convolutions with PReLU on each side, 1/4 of the resolution in the
middle), so elements per pixel = C / 16; its latent is sent unquantised.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from jscc.quantizer import MAPPINGS, add_noise, demap, noise_var_of, normalise_power, to_elements
from linksim.errors import LinksimError

ModuleT = TypeVar("ModuleT", bound=nn.Module)

STRIDES = {"residual": 8, "bourtsoulatze": 4}
"""How many pixels, each way, share one latent cell."""


@dataclass(frozen=True)
class Architecture:
    """What determines the networks' shape. ``elements`` per latent cell; ``width`` of the full-depth layers;
    ``blocks`` residual blocks at the latent's resolution on each side; ``mapping`` as in ``jscc.quantizer``."""

    kind: str = "residual"
    elements: int = 16
    width: int = 96
    blocks: int = 4
    mapping: str = "antipodal"

    def __post_init__(self) -> None:
        if self.kind not in STRIDES:
            raise LinksimError(f"network {self.kind!r}: must be one of {', '.join(STRIDES)}")
        if self.mapping not in MAPPINGS:
            raise LinksimError(f"symbol mapping {self.mapping!r}: must be one of {', '.join(MAPPINGS)}")
        for name, low, high in (("elements", 1, 1024), ("width", 8, 1024), ("blocks", 0, 64)):
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= high:
                raise LinksimError(f"network {name} {value!r}: must be an integer from {low} to {high}")
        if self.width % 4:
            raise LinksimError(f"network width {self.width}: must be a multiple of 4")

    @property
    def stride(self) -> int:
        return STRIDES[self.kind]

    @property
    def bpp(self) -> float:
        """Elements per pixel of an image whose sides divide by the stride."""
        return self.elements / self.stride**2

    def cells(self, height: int, width: int) -> tuple[int, int]:
        """The latent's (h, w) for an image of this size: sides that do not divide are padded up."""
        return math.ceil(height / self.stride), math.ceil(width / self.stride)

    def elements_of(self, height: int, width: int) -> int:
        """Elements of an image of this size, those of the padding included."""
        h, w = self.cells(height, width)
        return self.elements * h * w

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def elements_for(bpp: float, kind: str = "residual") -> int:
    """Elements per cell that make exactly this bpp.

    >>> elements_for(0.25)
    16
    """
    cell = STRIDES[kind] ** 2
    elements = round(bpp * cell)
    if elements < 1 or abs(elements / cell - bpp) > 1e-9:
        raise LinksimError(f"bpp {bpp:g}: the {kind} network needs a positive multiple of 1/{cell} = {1 / cell:g}")
    return elements


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(relu(x)))), 3×3; the second convolution starts small, so that depth costs nothing early."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.second(F.relu(self.first(F.relu(x))))
        return out


def _residual(width: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))


def _up(inputs: int, outputs: int) -> nn.Sequential:
    """Twice the resolution: a 3×3 convolution to four times the channels, shuffled into 2×2 pixels."""
    return nn.Sequential(nn.Conv2d(inputs, 4 * outputs, 3, padding=1), nn.PixelShuffle(2))


class LatentNorm(nn.Module):
    """Centres and scales each latent channel by its statistics in training (running ones afterwards), so that its bit
    is 0 about as often as 1 and the sigmoid before the quantizer never saturates: that is how encoders die."""

    mean: Tensor
    var: Tensor

    def __init__(self, channels: int, momentum: float = 0.02) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.mean, self.var, training=self.training, momentum=self.momentum)


def _residual_networks(arch: Architecture) -> tuple[nn.Sequential, nn.Sequential]:
    w = arch.width
    encoder = nn.Sequential(
        nn.Conv2d(3, w // 4, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(w // 4, w // 2, 3, stride=2, padding=1),
        ResidualBlock(w // 2),
        nn.Conv2d(w // 2, w, 3, stride=2, padding=1),
        _residual(w, arch.blocks),
        nn.Conv2d(w, arch.elements, 3, padding=1),
        LatentNorm(arch.elements),
    )
    decoder = nn.Sequential(
        nn.Conv2d(arch.elements, w, 3, padding=1),
        _residual(w, arch.blocks),
        _up(w, w // 2),
        ResidualBlock(w // 2),
        _up(w // 2, w // 4),
        nn.ReLU(),
        _up(w // 4, 3),
    )
    return encoder, decoder


def _bourtsoulatze_networks(arch: Architecture) -> tuple[nn.Sequential, nn.Sequential]:
    def conv(i: int, o: int, stride: int = 1) -> nn.Conv2d:
        return nn.Conv2d(i, o, 5, stride=stride, padding=2)

    def transposed(i: int, o: int, stride: int = 1) -> nn.ConvTranspose2d:
        return nn.ConvTranspose2d(i, o, 5, stride=stride, padding=2, output_padding=stride - 1)

    encoder = nn.Sequential(
        conv(3, 16, 2), nn.PReLU(), conv(16, 32, 2), nn.PReLU(), conv(32, 32), nn.PReLU(), conv(32, 32), nn.PReLU(),
        conv(32, arch.elements), nn.PReLU(),
    )  # fmt: skip
    decoder = nn.Sequential(
        transposed(arch.elements, 32), nn.PReLU(), transposed(32, 32), nn.PReLU(), transposed(32, 32), nn.PReLU(),
        transposed(32, 16, 2), nn.PReLU(), transposed(16, 3, 2), nn.Sigmoid(),
    )  # fmt: skip
    return encoder, decoder


class JSCC(nn.Module):
    """Encoder, quantizer, power, channel, soft bits and decoder, end to end (eq. 1–3 of Sun et al., SD-JSCC).

    Images are float tensors (N, 3, H, W) in 0..255; elements are (N, L), normalised to unit power per image, with
    L = ``arch.elements_of(H, W)``.
    """

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.arch = arch
        build = _residual_networks if arch.kind == "residual" else _bourtsoulatze_networks
        self.encoder, self.decoder = build(arch)

    def latent(self, images: Tensor) -> Tensor:
        """The encoder's raw output (N, C, h, w): before the sigmoid where the mapping has one."""
        height, width = images.shape[-2:]
        h, w = self.arch.cells(height, width)
        padding = (0, w * self.arch.stride - width, 0, h * self.arch.stride - height)
        x = images / 127.5 - 1
        out: Tensor = self.encoder(F.pad(x, padding, mode="replicate") if any(padding) else x)
        return out

    def encode(self, images: Tensor) -> Tensor:
        """Normalised elements (N, L) of images (N, 3, H, W)."""
        return normalise_power(to_elements(self.latent(images), self.arch.mapping))

    def decode(self, elements: Tensor, height: int, width: int) -> Tensor:
        """Images (N, 3, height, width), not clipped, from elements (N, L) as ``quantizer.demap`` gives them."""
        h, w = self.arch.cells(height, width)
        images: Tensor = self.decoder(elements.reshape(-1, self.arch.elements, h, w))[..., :height, :width]
        return images * 255 if self.arch.kind == "bourtsoulatze" else (images + 1) * 127.5

    def forward(self, images: Tensor, snr_db: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """What arrives, not clipped, over AWGN at each image's Es/N0 in dB."""
        received = add_noise(self.encode(images), snr_db, generator)
        elements = demap(received, noise_var_of(snr_db).reshape(-1, 1), self.arch.mapping)
        return self.decode(elements, *images.shape[-2:])


def channels_last(network: ModuleT) -> ModuleT:
    """The module with its convolution weights laid out channels last: 1.8 times as fast to train on an AVX2 core."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

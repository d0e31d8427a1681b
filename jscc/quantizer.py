"""From the encoder's output to symbols on the air, and back: the quantizer, the mapping to bits, the power, soft bits.

An image's *elements* are the encoder's outputs, flattened; two elements make one complex symbol (the first is its
real part). Symbols have unit average power per image; Es/N0 is per complex symbol and the noise has N0/2 per real
dimension (``linksim.channels.base``).
"""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor

from jscc.architecture import MAPPINGS
from linksim.errors import LinksimError

CountT = TypeVar("CountT", int, Tensor)


class _StraightThrough(torch.autograd.Function):
    """Q(e) of eq. 14 whose backward pass is that of the identity."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, e: Tensor) -> Tensor:
        return (e > 0.5).to(e.dtype)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grads: Tensor) -> Tensor:
        return grads[0]


def quantize(e: Tensor) -> Tensor:
    """Q(e) = 1 where e > 0.5, else 0 (eq. 14 of Sun et al., SD-JSCC); the gradient is passed straight through.

    >>> quantize(torch.tensor([0.2, 0.5, 0.7]))
    tensor([0., 0., 1.])
    """
    out: Tensor = _StraightThrough.apply(e)
    return out


def to_elements(latent: Tensor, mapping: str) -> Tensor:
    """Elements to transmit, (N, C, h, w) → (N, C·h·w), before normalisation; ``latent`` is the encoder's raw output.

    The bit-valued mappings put a sigmoid before the quantizer; the analog one sends the latent as it is.
    """
    flat = latent.flatten(1)
    if mapping == "analog":
        return flat
    if mapping not in MAPPINGS:
        raise LinksimError(f"symbol mapping {mapping!r}: must be one of {', '.join(MAPPINGS)}")
    bits = quantize(torch.sigmoid(flat))
    return 2 * bits - 1 if mapping == "antipodal" else bits


def symbols_of(elements: CountT) -> CountT:
    """Complex symbols that carry this many elements: two each, the last one alone if their number is odd."""
    return (elements + 1) // 2


def normalise_power(elements: Tensor, sent: Tensor | int | None = None) -> Tensor:
    """Scale each row of (N, L) to unit average power *per complex symbol of that image*: Σ e² = ⌈sent/2⌉.

    sent: how many of each row's elements are sent, (N,) or a number; all by default. A row of zeros (a unipolar image
    without a single 1) has no power to scale; it is sent as a constant instead.
    """
    energy = elements.square().sum(1, keepdim=True)
    alive = energy > 0
    safe = torch.where(alive, elements, torch.ones_like(elements))
    energy = torch.where(alive, energy, torch.full_like(energy, elements.shape[1]))
    symbols = symbols_of(torch.as_tensor(elements.shape[1] if sent is None else sent, device=elements.device))
    return safe * (symbols.reshape(-1, 1) / energy).sqrt()


def demap(received: Tensor, noise_var: Tensor, mapping: str) -> Tensor:
    """What the decoder is given for received elements (any shape), in units of the elements before normalisation.

    noise_var: N0 of the complex symbol that carried each element, linear, broadcast against ``received``. Antipodal
    elements arrive at ±1/√2 with noise of variance N0/2, so a receiver knows their soft bit E[b | y] = tanh(LLR / 2) =
    tanh(√2·y / N0); what is not sent arrives as 0 and stays 0. The other mappings have no fixed amplitude: √2·y.

    The gradient is that of √2·y for all, passed straight through: tanh is flat around ±1 where the SNR is high, though
    the other bit would have made all the difference.
    """
    scaled = received * math.sqrt(2)
    if mapping != "antipodal":
        return scaled
    soft = torch.tanh(scaled.detach() / noise_var.clamp(min=1e-9))
    return soft + (scaled - scaled.detach())


def noise_var_of(snr_db: Tensor) -> Tensor:
    """N0 = 10^(−SNR/10) at Es/N0 = ``snr_db`` in dB, as Es = 1."""
    return 10 ** (-snr_db / 10)


def add_noise(elements: Tensor, snr_db: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """AWGN on normalised elements (eq. 2): variance N0/2 on each.

    elements: (N, L). snr_db: (N,) or (1,), Es/N0 of each image in dB.
    """
    std = (noise_var_of(snr_db) / 2).sqrt().to(elements).reshape(-1, 1)
    device = elements.device if generator is None else generator.device
    noise = torch.randn(elements.shape, generator=generator, dtype=elements.dtype, device=device).to(elements.device)
    return elements + std * noise

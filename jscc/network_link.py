"""One checkpoint as a link."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from jscc.checkpoint import load_checkpoint
from jscc.networks import channels_last
from jscc.quantizer import to_elements
from jscc.torch_link import Sent, TorchLink
from linksim.link import LinkOptions


class NetworkLink(TorchLink):
    """One checkpoint as a link. Where an image's sides do not divide by the stride, the elements of the padding count.

    Of a network for one rate, the elements over the budget, spread evenly over the image, are not sent and arrive as
    zeros, which a bit-valued element never is (``over_budget="nearest"`` sends them all). An adaptive network sends as
    many of its first channels as the budget holds; both sides know the budget, so that costs no side information. It is
    told the SNR on both sides, within the range that it was trained for.
    """

    def __init__(self, path: Path, options: LinkOptions) -> None:
        network, self.card = load_checkpoint(path)
        arch = network.arch
        super().__init__(stride=arch.stride, snr="both" if arch.is_adaptive else "", options=options, name=path.stem)
        self.network = channels_last(network.to(self.device))

    def encode(self, images: Tensor, *told: Tensor) -> Tensor:
        latent = self.network.latent(images, *told)
        return to_elements(latent, self.network.arch.mapping).reshape(latent.shape)

    def demap(self, elements: Tensor, noise_var: Tensor) -> Tensor:
        return self.network.demap(elements, noise_var)

    def decode(self, latent: Tensor, height: int, width: int, *told: Tensor) -> Tensor:
        return self.network.decode(latent.flatten(1), height, width, *told)

    def sender_told(self, images: int, height: int, width: int, snr_db: float | None) -> tuple[Tensor, ...]:
        channels = max(self.channels(height, width), self.network.arch.fewest)  # an image not sent is encoded too
        return self._told(super().sender_told(images, height, width, snr_db), channels)

    def receiver_told(self, sent: Sent, snr_db: Sequence[float]) -> tuple[Tensor, ...]:
        cells = self.network.arch.elements_of(sent.height, sent.width) // self.network.arch.elements
        return self._told(super().receiver_told(sent, snr_db), sent.elements // cells)

    def _told(self, snr_db: tuple[Tensor, ...], channels: int) -> tuple[Tensor, ...]:
        """The SNR, clipped to what the network was trained for, and the number of channels sent, each (N,)."""
        return tuple(
            t for snr in snr_db for t in (snr[:, 0].clamp(*self.card.snr_db), torch.full((len(snr),), channels))
        )

    def channels(self, height: int, width: int) -> int:
        """How many latent channels of an image of this size an adaptive network sends; 0 if too few fit the budget."""
        arch, limit = self.network.arch, self.limit(height, width)
        h, w = arch.cells(height, width)
        fitting = arch.elements if limit is None else min(limit // (h * w), arch.elements)
        least = arch.fewest if self.over_budget == "nearest" else 0
        return max(fitting, least) if max(fitting, least) >= arch.fewest else 0

    def allowance(self, elements: int, height: int, width: int) -> int:
        if self.network.arch.is_adaptive:
            return self.channels(height, width) * (elements // self.network.arch.elements)
        limit = self.limit(height, width)
        return elements if limit is None or self.over_budget == "nearest" else min(elements, limit)

    def chosen(self, elements: int, sent: int) -> Tensor:
        return torch.arange(sent) if self.network.arch.is_adaptive else super().chosen(elements, sent)

"""Any torch encoder/decoder pair as a link: padding, batching, unit power per image and the symbols' layout.

    class MyJSCC(TorchLink):
        def __init__(self, options):
            super().__init__(MyEncoder(), MyDecoder(), stride=4, options=options)

is all that ``linksim compare --methods bpg,mypackage.mymodule:MyJSCC`` needs. Networks whose ``forward(x, snr)`` wants
the SNR get it with ``snr="encoder,decoder"``.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from jscc.networks import channels_last
from jscc.quantizer import normalise_power, symbols_of
from linksim.errors import ContractError, LinksimError
from linksim.link import Budget, Image, Link, LinkOptions, Reception, Transmission, outage_image

SIDES = ("encoder", "decoder")
CLEAR_DB = 100.0
"""Es/N0 in dB that a decoder is told where there is no noise at all."""

BATCH = 8
SMALL = 128 * 128


def fixed_batch(height: int, width: int) -> int:
    """How many images of this size go through a network at once.

    The convolution library picks its kernels by shape, and other kernels differ in the last bits, which may flip a
    quantised element. With a batch of always the same shape (a short one is filled up) an image's result does not
    depend on its neighbours. Small images gain from a batch, large ones do not need it.
    """
    return BATCH if height * width <= SMALL else 1


@dataclass(frozen=True)
class Sent:
    """What a receiver knows of one image: its size, its latent's shape, whether that is complex, and how many of its
    elements were sent (0: none, the image is an outage)."""

    height: int
    width: int
    latent: tuple[int, ...] = ()
    is_complex: bool = False
    elements: int = 0


class TorchLink(Link):
    """A link around ``encoder``: images (N, 3, H, W) → latent (N, ...), real or complex, and ``decoder``: latent →
    images. Real elements make one complex symbol in pairs; symbols are scaled to unit average power per image.

    encoder, decoder: modules, or override ``encode`` and ``decode`` (which take pixels in 0..255) instead.
    stride: images are padded (edge pixels repeated) to multiples of it, and what padding costs is counted.
    pixel_range: the pixel values that mean black and white to the networks, (0, 1) or (-1, 1), say.
    snr: which of the two are told Es/N0: "encoder", "decoder", "encoder,decoder" (or "both"). Their ``forward(x, snr)``
    gets it in dB as float32 (N, 1), one for each image: the encoder the channel's mean SNR (the sender then knows the
    channel), the decoder that of the symbols which arrived.
    latent_power: mean square of a received latent's *entries* that the decoder expects; 0.5 is that of the two
    halves of a unit-power complex symbol. options: the engine's; an image over their budget is not sent.
    """

    version, libraries, not_identifying = 1, ("torch",), ("name",)

    def __init__(
        self,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        *,
        stride: int = 1,
        pixel_range: tuple[float, float] = (0.0, 1.0),
        latent_power: float = 0.5,
        snr: str = "",
        options: LinkOptions | None = None,
        name: str = "",
    ) -> None:
        if stride < 1:
            raise LinksimError(f"stride {stride}: must be at least 1")
        if latent_power <= 0:
            raise LinksimError(f"latent power {latent_power}: must be above 0")
        self.encoder, self.decoder, self.stride, self.pixel_range = encoder, decoder, stride, pixel_range
        self.told = _sides(snr)
        self.knows_channel = "encoder" in self.told
        self.latent_power = latent_power
        self.name = name or type(self).__name__
        self.budget: Budget | None = options.budget if options else None
        self.over_budget = options.over_budget if options else "outage"
        self.device = options.device if options else "cpu"
        self._proven = False
        self._shown: dict[bytes, Image] = {}
        for side, module in zip(SIDES, (encoder, decoder), strict=True):
            if module is not None:
                _check_signature(self.name, side, module, side in self.told)
                channels_last(module.eval().requires_grad_(False).to(self.device))

    def encode(self, images: Tensor, *told: Tensor) -> Tensor:
        """Latent (N, ...), real or complex, of float images (N, 3, H, W) in 0..255, H and W multiples of ``stride``;
        ``told``: where the encoder is told the SNR, Es/N0 in dB (N, 1)."""
        if self.encoder is None:
            raise ContractError(f"{self.name}: give an encoder, or override encode()")
        low, high = self.pixel_range
        latent: Tensor = self.encoder(low + images * ((high - low) / 255), *told)
        return latent

    def decode(self, latent: Tensor, height: int, width: int, *told: Tensor) -> Tensor:
        """Images (N, 3, ≥ height, ≥ width) in 0..255 from received latents; ``told`` as in ``encode``."""
        if self.decoder is None:
            raise ContractError(f"{self.name}: give a decoder, or override decode()")
        low, high = self.pixel_range
        shown = self.decoder(latent, *told)
        if not isinstance(shown, Tensor) or shown.is_complex():
            raise ContractError(f"{self.name}: the decoder gives {_described(shown)}, not a real tensor")
        return (shown - low) * (255 / (high - low))

    def demap(self, elements: Tensor, noise_var: Tensor) -> Tensor:
        """What stands in the received latent for each received element; both (L,), ``noise_var`` the N0 of its symbol.
        Override it where the decoder wants to know how far to trust an element."""
        return elements

    def limit(self, height: int, width: int) -> int | None:
        """Most elements (real numbers) that an image of this size may send; None for no limit."""
        if self.budget is None:
            return None
        return self.budget.of((height, width)) * (2 if self.budget.kind == "cbr" else 1)

    def allowance(self, elements: int, height: int, width: int) -> int:
        """How many of an image's ``elements`` are sent: all, or none if that exceeds the budget."""
        limit = self.limit(height, width)
        return elements if limit is None or elements <= limit or self.over_budget == "nearest" else 0

    def send(self, images: Sequence[Image], snr_db: float | None = None) -> Transmission:
        self._shown = {}  # the networks may have been trained since
        rows = [torch.zeros(0)] * len(images)
        header = [Sent(*image.shape[:2]) for image in images]
        with torch.inference_mode():
            for indices in _grouped([image.shape[:2] for image in images]):
                latent = self._encoded([images[i] for i in indices], snr_db)
                flat = (torch.view_as_real(latent) if latent.is_complex() else latent).flatten(1).float().cpu()
                for i, elements in zip(indices, flat, strict=False):  # the batch may be filled up with copies
                    height, width = images[i].shape[:2]
                    if not bool(torch.isfinite(elements).all()):
                        raise ContractError(f"{self.name}: the encoder gives values that are not finite numbers")
                    sent = self.allowance(len(elements), height, width)
                    if sent:
                        rows[i] = normalise_power(elements[self.chosen(len(elements), sent)][None])[0]
                        header[i] = Sent(height, width, tuple(latent.shape[1:]), latent.is_complex(), sent)
        symbols = [_to_symbols(row.numpy()) for row in rows]
        return Transmission(
            np.concatenate([*symbols, np.zeros(0, np.complex64)]),
            np.cumsum([0, *map(len, symbols)], dtype=np.int64),
            np.array([sent.elements for sent in header], np.int64),
            tuple(header),
        )

    def receive(
        self, received: npt.NDArray[np.complex64], noise_var: npt.NDArray[np.float32], header: Any
    ) -> Reception:
        starts = np.cumsum([0, *(symbols_of(sent.elements) for sent in header)])
        elements = torch.from_numpy(np.ascontiguousarray(received, np.complex64).view(np.float32))
        flat = self.demap(elements, torch.from_numpy(np.repeat(noise_var, 2)))
        arrived: dict[bytes, tuple[Sent, Tensor, float]] = {}
        keys = [b""] * len(header)
        for i, sent in enumerate(header):
            if sent.elements:
                row = flat[2 * starts[i] : 2 * starts[i] + sent.elements]
                heard = mean_snr_db(noise_var[starts[i] : starts[i + 1]])
                keys[i] = self._key(sent, row, heard)
                arrived[keys[i]] = sent, row, heard
        self._shown = self._received(arrived)
        return Reception(
            [
                self._shown[key].copy() if key else outage_image((s.height, s.width))
                for s, key in zip(header, keys, strict=True)
            ],
            np.array([sent.elements > 0 for sent in header], bool),
        )

    def _received(self, arrived: dict[bytes, tuple[Sent, Tensor, float]]) -> dict[bytes, Image]:
        """The images by key. Latents equal to those at the last SNR are not decoded again: over a good channel all
        antipodal elements arrive equal."""
        shown = {key: self._shown[key] for key in arrived if key in self._shown}
        new = [key for key in arrived if key not in shown]
        with torch.inference_mode():
            for indices in _grouped([arrived[key][0] for key in new]):
                group = [arrived[new[i]] for i in indices]
                images = self._decoded([row for _, row, _ in group], group[0][0], [heard for _, _, heard in group])
                shown |= {new[i]: np.ascontiguousarray(image) for i, image in zip(indices, images, strict=True)}
        return shown

    def _key(self, sent: Sent, row: Tensor, snr_db: float) -> bytes:
        """Hash of all inputs of the decoder for one image."""
        told = self.receiver_told(sent, [snr_db])
        digest = blake2b(repr(sent).encode(), digest_size=16)
        for part in (row, *told):
            digest.update(part.cpu().contiguous().numpy().data)
        return digest.digest()

    def chosen(self, elements: int, sent: int) -> Tensor:
        """Indices of the elements that are sent when not all may be: ``sent`` of them, evenly spread."""
        return torch.arange(sent) * elements // max(sent, 1)

    def sender_told(self, images: int, height: int, width: int, snr_db: float | None) -> tuple[Tensor, ...]:
        """What ``encode`` gets for each of so many images of this size, beside them: the SNR where it is told it."""
        if "encoder" not in self.told:
            return ()
        if snr_db is None:
            raise LinksimError(f"{self.name}: its encoder is told the SNR: call send(images, snr_db=...)")
        return (torch.full((images, 1), float(snr_db), device=self.device),)

    def receiver_told(self, sent: Sent, snr_db: Sequence[float]) -> tuple[Tensor, ...]:
        """What ``decode`` gets for images sent alike, beside their latents: the SNR of each where it is told it."""
        if "decoder" not in self.told:
            return ()
        return (torch.tensor(snr_db, dtype=torch.float32, device=self.device)[:, None],)

    def _encoded(self, images: Sequence[Image], snr_db: float | None) -> Tensor:
        """The latent of equal-sized images, its first axis checked; of a batch of one on two copies, the first time."""
        height, width = images[0].shape[:2]
        batch = self._padded_batch(images)
        if len(batch) == 1 and not self._proven:
            told = self.sender_told(2, height, width, snr_db)
            self._check_latent(self.encode(batch.expand(2, -1, -1, -1).contiguous(), *told), 2)
        told = self.sender_told(len(batch), height, width, snr_db)
        latent = self._check_latent(self.encode(batch, *told), len(batch))
        self._proven = True
        return latent

    def _check_latent(self, latent: Any, images: int) -> Tensor:
        if isinstance(latent, Tensor) and latent.ndim >= 2 and len(latent) == images:
            return latent
        raise ContractError(
            f"{self.name}: the encoder gives {_described(latent)} for {images} images; it must be a tensor whose first"
            " axis is the batch, for a batch of one too"
        )

    def _decoded(self, rows: Sequence[Tensor], sent: Sent, snr_db: Sequence[float]) -> npt.NDArray[np.uint8]:
        """Images (len(rows), height, width, 3) from the received elements of each and the SNR it arrived at."""
        latents = self._latents(rows, sent)
        filled = [*snr_db, *[snr_db[0]] * (len(latents) - len(snr_db))]
        shown = self.decode(latents, sent.height, sent.width, *self.receiver_told(sent, filled))
        least = (len(latents), 3, sent.height, sent.width)
        if shown.ndim != 4 or shown.shape[:2] != least[:2] or shown.shape[2] < least[2] or shown.shape[3] < least[3]:
            raise ContractError(f"{self.name}: the decoder gives {_described(shown)}; it must be at least {least}")
        shown = shown[: len(rows), :, : sent.height, : sent.width]
        if not bool(torch.isfinite(shown).all()):
            raise ContractError(f"{self.name}: the decoder gives values that are not finite numbers")
        return shown.clamp(0, 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()

    def _padded_batch(self, images: Sequence[Image]) -> Tensor:
        """Equal-sized images as one batch of the fixed length, sides padded to multiples of the stride."""
        height, width = images[0].shape[:2]
        filled = [*images, *[images[0]] * (fixed_batch(height, width) - len(images))]
        batch = torch.from_numpy(np.stack(filled)).to(self.device).permute(0, 3, 1, 2).float()
        padding = (0, -width % self.stride, 0, -height % self.stride)
        return F.pad(batch, padding, mode="replicate") if any(padding) else batch

    def _latents(self, rows: Sequence[Tensor], sent: Sent) -> Tensor:
        """Received elements as one batch of latents; what was not sent is 0, an erasure."""
        shape = (*sent.latent, 2) if sent.is_complex else sent.latent
        grid = torch.zeros(fixed_batch(sent.height, sent.width), int(np.prod(shape)))
        grid[: len(rows), self.chosen(grid.shape[1], sent.elements)] = torch.stack(tuple(rows))
        latent = (grid * float(np.sqrt(2 * self.latent_power))).reshape(-1, *shape).to(self.device)
        return torch.view_as_complex(latent) if sent.is_complex else latent


def _grouped(keys: Sequence[Any]) -> Iterator[list[int]]:
    """Indices of equal keys, in groups no longer than the fixed batch of that size."""
    found: dict[Any, list[int]] = {}
    for i, key in enumerate(keys):
        found.setdefault(key, []).append(i)
    for key, indices in found.items():
        size = (key.height, key.width) if isinstance(key, Sent) else key
        batch = fixed_batch(*size)
        yield from (indices[i : i + batch] for i in range(0, len(indices), batch))


def mean_snr_db(noise_var: npt.NDArray[np.float32]) -> float:
    """Es/N0 in dB of the mean noise variance of an image's symbols, as Es = 1; at most ``CLEAR_DB``."""
    return min(CLEAR_DB, -10 * float(np.log10(max(float(np.mean(noise_var, dtype=np.float64)), 1e-30))))


def _sides(snr: str) -> tuple[str, ...]:
    """The sides that are told the SNR, from "encoder,decoder" or "both"."""
    named = SIDES if snr == "both" else tuple(part.strip() for part in snr.split(",") if part.strip())
    if set(named) - set(SIDES):
        raise LinksimError(f"snr={snr!r}: must be 'encoder', 'decoder', 'encoder,decoder' or empty")
    return tuple(side for side in SIDES if side in named)


def _check_signature(name: str, side: str, module: nn.Module, told: bool) -> None:
    """Whether the module's ``forward`` can be called with what it will be given."""
    given = (None, None) if told else (None,)
    signature = inspect.signature(module.forward)
    try:
        signature.bind(*given)
    except TypeError:
        shown = f"{name}: the {side}'s {type(module).__name__}.forward{signature}"
        if told:
            raise LinksimError(
                f"{shown} takes no SNR: write forward(self, x, snr), or leave {side!r} out of snr="
            ) from None
        if _binds(signature, 2):
            raise LinksimError(f"{shown} takes two arguments: construct the link with snr={side!r}") from None
        raise LinksimError(f"{shown} cannot be called: write forward(self, x), or forward(self, x, snr)") from None


def _binds(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def _described(value: Any) -> str:
    return (
        f"a {value.dtype} tensor of shape {tuple(value.shape)}"
        if isinstance(value, Tensor)
        else f"a {type(value).__name__}"
    )


def _to_symbols(elements: npt.NDArray[np.float32]) -> npt.NDArray[np.complex64]:
    """Pairs of elements as complex symbols; an odd last one is sent alone, on the real axis."""
    even = np.zeros(2 * symbols_of(len(elements)), np.float32)
    even[: len(elements)] = elements
    return even.view(np.complex64)

"""The bound: a source codec over an ideal code that is error-free at the channel's capacity."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from baselines.separate import SourceSender
from baselines.source.base import SourceCodec
from linksim.channels.base import noise_variance
from linksim.link import Image, Link, LinkOptions, Reception, Transmission, outage_image

DEFAULT_CHAIN_RATE = 3.0  # information bits per channel use of rate-3/4 16-QAM


@dataclass(frozen=True)
class Genie:
    """The files themselves: this link is a bound, so what an ideal code would deliver is handed over."""

    files: tuple[bytes | None, ...]
    shapes: tuple[tuple[int, ...], ...]
    offsets: npt.NDArray[np.int64]


class CapacityLink(Link):
    """An ideal code: capacity log2(1 + SNR) bits per use (Shannon 1948), no errors, no CRC.

    Matched by CBR the sender knows the channel and sends as many bits as capacity lets through in the uses of the
    budget: over AWGN the upper bound of every separate link. Matched by bpp it sends the budget's bits at 3 bits per
    use, as the default chain does, and is error-free exactly where capacity exceeds that. Over fading the sender goes
    by the mean SNR, whose capacity exceeds the mean capacity (Jensen), so this is no bound there.

    The symbols are complex normal, as capacity asks, so that their peak-to-average power is that of such a code.
    """

    identity_name, version = "capacity", 2

    def __init__(self, codec: SourceCodec, options: LinkOptions) -> None:
        self.codec, self.budget = codec, options.budget
        self.source = SourceSender(codec, options.over_budget)
        self.knows_channel = options.budget.kind == "cbr"

    def send(self, images: Sequence[Image], snr_db: float | None = None) -> Transmission:
        rate = DEFAULT_CHAIN_RATE if snr_db is None else float(np.log2(1 + 1 / noise_variance(snr_db)))
        allowed = [self.budget.of(image.shape) for image in images]
        bits = allowed if snr_db is None else [int(uses * rate) for uses in allowed]
        files = [self.source.file(image, n // 8) for image, n in zip(images, bits, strict=True)]
        sizes = np.array([8 * len(file or b"") for file in files], np.int64)
        uses = np.ceil(sizes / rate - 1e-9).astype(np.int64)
        offsets = np.concatenate([[0], np.cumsum(uses)]).astype(np.int64)
        header = Genie(tuple(files), tuple(image.shape for image in images), offsets)
        symbols = [_codeword(file or b"", count) for file, count in zip(files, uses, strict=True)]
        return Transmission(np.concatenate([*symbols, np.zeros(0, np.complex64)]), offsets, sizes, header)

    def receive(
        self, received: npt.NDArray[np.complex64], noise_var: npt.NDArray[np.float32], header: Genie
    ) -> Reception:
        capacity = np.concatenate([[0.0], np.cumsum(np.log2(1 + 1 / noise_var.astype(np.float64)))])
        images, ok = [], []
        for file, shape, (start, stop) in zip(header.files, header.shapes, pairwise(header.offsets), strict=True):
            # The tolerance is that of float32 noise variances, so that sending at capacity itself is let through.
            through = file is not None and capacity[stop] - capacity[start] >= 8 * len(file) * (1 - 1e-6)
            ok.append(through)
            images.append(self.codec.decode(file, (shape[0], shape[1])) if through and file else outage_image(shape))
        return Reception(images, np.array(ok, bool))


def _codeword(file: bytes, uses: np.int64) -> npt.NDArray[np.complex64]:
    """Complex normal symbols of unit average power, the same for the same file."""
    dice = np.random.default_rng(zlib.crc32(file))
    symbols = dice.standard_normal((int(uses), 2)).view(np.complex128)[:, 0]
    power = np.mean(np.abs(symbols) ** 2) if uses else 1.0
    return (symbols / np.sqrt(power)).astype(np.complex64)

"""Adaptive modulation and coding: the envelope of all 802.11n rates and QAM orders, by their measured block errors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from baselines.modulation import modulation
from baselines.separate import Header, SeparateLink
from baselines.source.base import SourceCodec
from linksim import registry
from linksim.identity import describe
from linksim.link import Image, Link, LinkOptions, Reception, Transmission

TARGET_BLER = "1e-3"


@dataclass(frozen=True)
class Scheme:
    """A code and modulation, and the lowest SNR (Es/N0, dB, AWGN) at which its measured BLER is within the target."""

    code: str
    modulation: str
    bits_per_use: float
    threshold_db: float


@cache
def schemes() -> tuple[Scheme, ...]:
    """The measured schemes, the fastest first (``mcs.json``, made by ``tools/measure_mcs.py``)."""
    table = json.loads(files("baselines").joinpath("mcs.json").read_text())
    found = [
        Scheme(row["code"], row["modulation"], row["bits_per_use"], row["snr_db"][TARGET_BLER])
        for row in table["schemes"]
    ]
    return tuple(sorted(found, key=lambda s: (-s.bits_per_use, s.threshold_db)))


def choose(snr_db: float) -> Scheme:
    """The fastest scheme within the target at this SNR; the most robust one where none is."""
    within = (scheme for scheme in schemes() if scheme.threshold_db <= snr_db)
    return next(within, min(schemes(), key=lambda s: s.threshold_db))


@dataclass(frozen=True)
class AdaptiveHeader:
    """The scheme used, and its own link's header."""

    scheme: Scheme
    inner: Header


class AdaptiveLink(Link):
    """The best rate and modulation for each SNR, which the sender knows (thresholds: AWGN at BLER 1e-3, measured)."""

    knows_channel = True
    identity_name, version = "adaptive", 1

    def __init__(self, codec: SourceCodec, options: LinkOptions) -> None:
        self.codec, self.options = codec, options
        self.links: dict[Scheme, SeparateLink] = {}

    def identity(self) -> dict[str, Any]:
        return super().identity() | {
            "schemes": describe(schemes()),
            "links": [self.link(s).identity() for s in schemes()],
        }

    def link(self, scheme: Scheme) -> SeparateLink:
        """The separate link of a scheme."""
        if scheme not in self.links:
            code, qam = registry.code(scheme.code), modulation(scheme.modulation)
            self.links[scheme] = SeparateLink(self.codec, code, qam, self.options.budget, self.options.over_budget)
        return self.links[scheme]

    def send(self, images: Sequence[Image], snr_db: float = 0.0) -> Transmission:
        scheme = choose(snr_db)
        sent = self.link(scheme).send(images)
        header = AdaptiveHeader(scheme, sent.header)
        return Transmission(sent.symbols, sent.offsets, sent.payload_bits, header, sent.blocks)

    def receive(
        self, received: npt.NDArray[np.complex64], noise_var: npt.NDArray[np.float32], header: AdaptiveHeader
    ) -> Reception:
        return self.link(header.scheme).receive(received, noise_var, header.inner)

"""Adaptive modulation and coding: the scheme of a ladder that is worth most for each image, SNR and channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from baselines.ladder import Scheme, code, schemes
from baselines.modulation import modulation
from baselines.scrambler import CRC_BITS
from baselines.separate import MAX_CACHED_BYTES, Header, SeparateLink
from baselines.source.base import SourceCodec
from linksim.cache import LRU, image_key
from linksim.channels.awgn import AWGN
from linksim.identity import describe
from linksim.link import (
    USES_PER_SIDE_INFO_BIT,
    Blocks,
    Image,
    Link,
    LinkOptions,
    Reception,
    Transmission,
    outage_image,
)
from linksim.scoring.image_quality import psnr

LIST_BITS = 4
"""Most side information of an image: which scheme of a list that both sides know."""
LEAST_SUCCESS = 0.01
NO_GAIN = 1e-3
"""A gain in the probability of success below which a scheme is not worth a smaller file."""
SAMPLES, DRAWS = 1 << 20, (32, 500)
"""Most noise variances that stand for a channel's statistics, and the least and most images that have them: of a few
dozen a scheme may lose none that loses one in ten."""
LOSSLESS_DB = 100.0
"""PSNR of an image without errors, in a mean."""


@dataclass(frozen=True)
class Candidate:
    """A scheme that may be best for an image: the largest file in bytes, and how likely that arrives."""

    scheme: Scheme
    max_bytes: int
    success: float


@dataclass(frozen=True)
class AdaptiveHeader:
    """offsets: (images + 1,) into the symbols. groups: per scheme used, its images and its own link's header."""

    offsets: npt.NDArray[np.int64]
    groups: tuple[tuple[Scheme, tuple[int, ...], Header], ...]


class AdaptiveLink(Link):
    """The scheme of a ladder with the highest expected PSNR for each image.

    Sender and receiver know the SNR and the channel's statistics, so they agree on a short list of schemes: those that
    no other beats in both file size and probability of success. The sender picks one of them for each image, which
    costs log2 of the list's length in side information. Matched by bpp, all files have one size, and the scheme is the
    most reliable one; of nearly equal ones the fastest. family: how the names of the codes begin.
    """

    knows_channel = True
    identity_name, version = "adaptive", 2

    def __init__(self, codec: SourceCodec, options: LinkOptions, family: str = "") -> None:
        self.codec, self.options, self.family = codec, options, family
        self.links: dict[Scheme, SeparateLink] = {}
        self.candidates: dict[tuple[int, float], tuple[int, list[Candidate]]] = {}
        self.qualities: LRU[tuple[bytes, int], float | None] = LRU(MAX_CACHED_BYTES, lambda quality: 8)
        self.sample_noise = options.sample_noise or AWGN().sample_noise

    def identity(self) -> dict[str, Any]:
        ladder = schemes(self.family)
        links = [self.link(scheme).identity() for scheme in ladder]
        return super().identity() | {"schemes": describe(ladder), "links": links}

    def link(self, scheme: Scheme) -> SeparateLink:
        """The separate link of a scheme."""
        if scheme not in self.links:
            chain = code(scheme.code), modulation(scheme.modulation)
            self.links[scheme] = SeparateLink(self.codec, *chain, self.options.budget, self.options.over_budget)
        return self.links[scheme]

    # Choosing

    def agreed(self, shape: Sequence[int], snr_db: float) -> tuple[int, list[Candidate]]:
        """What sender and receiver agree on for images of a shape at an SNR.

        Returns:
            Bits that tell which candidate an image uses, and the candidates, from the largest files to the smallest.
        """
        key = self.options.budget.of(shape), snr_db
        if key not in self.candidates:
            listed = self._candidates(shape, snr_db, schemes(self.family), LIST_BITS)
            bits = (len(listed) - 1).bit_length()
            self.candidates[key] = bits, self._candidates(shape, snr_db, [c.scheme for c in listed], bits)
        return self.candidates[key]

    def _candidates(
        self, shape: Sequence[int], snr_db: float, ladder: Sequence[Scheme], side_info_bits: int
    ) -> list[Candidate]:
        """At most 2^LIST_BITS of the schemes, none of which another one beats in file size and success."""
        reserved = USES_PER_SIDE_INFO_BIT * side_info_bits
        sizes = {scheme: self.link(scheme).max_bytes(shape, reserved) for scheme in ladder}
        snrs: dict[int, npt.NDArray[np.float64]] = {}
        kept: list[Candidate] = []
        for scheme in sorted(ladder, key=lambda scheme: -sizes[scheme]):  # stable: of equal files the fastest first
            uses = 1 << (self.link(scheme).uses(sizes[scheme]) - 1).bit_length()
            if uses not in snrs:
                snrs[uses] = self._snrs(uses, snr_db)
            success = scheme.success(code(scheme.code).split(8 * sizes[scheme] + CRC_BITS), snrs[uses])
            if not kept or success > kept[-1].success + NO_GAIN:
                if kept and kept[-1].max_bytes == sizes[scheme]:
                    kept.pop()
                kept.append(Candidate(scheme, sizes[scheme], success))
        kept = [c for c in kept if c.success >= LEAST_SUCCESS] or kept[-1:]
        spaced = np.geomspace(kept[0].max_bytes + 1, kept[-1].max_bytes + 1, 1 << LIST_BITS)
        if len(kept) > len(spaced):
            sizes_kept = np.array([c.max_bytes + 1 for c in kept])
            nearest = np.abs(np.log(sizes_kept / spaced[:, None])).argmin(axis=1)
            kept = [kept[i] for i in sorted(set(nearest.tolist()))]
        return kept

    def _snrs(self, uses: int, snr_db: float) -> npt.NDArray[np.float64]:
        """Es/N0 (dB) of each symbol in some draws of the channel, (draws, uses); (draws, 1) if all of a draw are
        alike."""
        noise = self.sample_noise(max(uses, 2), snr_db, 8)
        if (noise == noise[:, :1]).all():
            noise = noise[:1, :1] if (noise == noise[0, 0]).all() else self.sample_noise(1, snr_db, 2000)
        else:
            noise = self.sample_noise(uses, snr_db, int(np.clip(SAMPLES // uses, *DRAWS)))
        return -10 * np.log10(noise.astype(np.float64))

    def choose(self, image: Image, snr_db: float) -> tuple[Candidate, int]:
        """The candidate with the highest expected PSNR, and how many bits tell it."""
        bits, candidates = self.agreed(image.shape, snr_db)
        if len(candidates) == 1:
            return candidates[0], bits
        grey = psnr(image, outage_image(image.shape))
        best, most, quality = candidates[-1], grey, LOSSLESS_DB
        for candidate in candidates:
            if grey + candidate.success * (quality - grey) <= most:
                continue  # not even with the quality of the larger file before it
            found = self._quality(image, candidate)
            if found is None:
                break  # nor does any smaller file exist
            quality = found
            if grey + candidate.success * (quality - grey) > most:
                best, most = candidate, grey + candidate.success * (quality - grey)
        return best, bits

    def _quality(self, image: Image, candidate: Candidate) -> float | None:
        """PSNR (dB) of a candidate's file; None if no file fits."""

        def measure() -> float | None:
            file = self.link(candidate.scheme).source.file(image, candidate.max_bytes)
            if file is None:
                return None
            return min(LOSSLESS_DB, psnr(image, self.codec.decode(file, image.shape[:2])))

        return self.qualities.get((image_key(image), candidate.max_bytes), measure)

    # Sending and receiving

    def send(self, images: Sequence[Image], snr_db: float = 0.0) -> Transmission:
        chosen = [self.choose(image, snr_db) for image in images]
        groups: dict[Scheme, list[int]] = {}
        for i, (candidate, _) in enumerate(chosen):
            groups.setdefault(candidate.scheme, []).append(i)
        symbols = [np.zeros(0, np.complex64) for _ in images]
        bits = [np.zeros(0, np.uint8) for _ in images]
        lengths = [np.zeros(0, np.int64) for _ in images]
        payload_bits = np.zeros(len(images), np.int64)
        headers = []
        for scheme, members in groups.items():
            largest = [chosen[i][0].max_bytes for i in members]
            sent = self.link(scheme).send([images[i] for i in members], largest)
            header: Header = sent.header
            headers.append((scheme, tuple(members), header))
            payload_bits[members] = sent.payload_bits
            edges = np.concatenate([[0], np.cumsum(header.lengths)])[header.image_blocks]
            for j, i in enumerate(members):
                symbols[i] = sent.symbols[slice(*sent.offsets[j : j + 2])]
                lengths[i] = header.lengths[slice(*header.image_blocks[j : j + 2])]
                if sent.blocks is not None:
                    bits[i] = sent.blocks.bits[slice(*edges[j : j + 2])]
        offsets = _ends(map(len, symbols))
        blocks = Blocks(_joined(bits), _ends(_joined(lengths)), _ends(map(len, lengths)))
        side_info = np.array([count for _, count in chosen], np.int64) * (payload_bits > 0)
        return Transmission(
            _joined(symbols), offsets, payload_bits, AdaptiveHeader(offsets, tuple(headers)), blocks, side_info
        )

    def receive(
        self, received: npt.NDArray[np.complex64], noise_var: npt.NDArray[np.float32], header: AdaptiveHeader
    ) -> Reception:
        count = len(header.offsets) - 1
        images: dict[int, Image] = {}
        bits: dict[int, npt.NDArray[np.uint8]] = {}
        ok = np.zeros(count, bool)
        spans = [np.arange(*span) for span in pairwise(header.offsets)]
        for scheme, members, inner in header.groups:
            own = np.concatenate([spans[i] for i in members])
            got = self.link(scheme).receive(received[own], noise_var[own], inner)
            images |= dict(zip(members, got.images, strict=True))
            ok[list(members)] = got.ok
            edges = np.concatenate([[0], np.cumsum(inner.lengths)])[inner.image_blocks]
            if got.bits is not None:
                bits |= dict(zip(members, np.split(got.bits, edges[1:-1]), strict=True))
        return Reception([images[i] for i in range(count)], ok, _joined([bits[i] for i in range(count)]))


def _joined(arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return np.concatenate(arrays) if arrays else np.zeros(0, np.uint8)


def _ends(counts: Any) -> npt.NDArray[np.int64]:
    """Offsets of consecutive ranges of these lengths, with the end of the last."""
    return np.cumsum([0, *counts]).astype(np.int64)

"""The separate link: source codec → CRC-32 → scrambler → channel code → QAM, and back.

    file ─► file | CRC-32 ─► scrambled ─► blocks, as even as possible ─► codewords, shortened ─► symbols

Nothing is padded but the last symbol of an image (by at most one symbol's bits), and all of it is counted: the source
bits are the whole file's, the channel uses those of file, CRC, parity and padding.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from baselines.fec.base import Bits, ChannelCode, Lengths
from baselines.modulation import QAM
from baselines.scrambler import CRC_BITS, scramble
from baselines.source.base import DecodeError, SourceCodec
from linksim.cache import LRU, image_key
from linksim.identity import digest
from linksim.link import Blocks, Budget, Image, Link, Reception, Transmission, outage_image

MAX_CACHED_BYTES = 16 << 20
"""Several times what one unit of work needs; units are measured one after another."""


@cache
def encoded_files() -> LRU[tuple[str, str, bytes, int], bytes | None]:
    """Files that this process has encoded: methods that differ in code or modulation share them."""
    return LRU(MAX_CACHED_BYTES, lambda file: len(file or b""))


class SourceSender:
    """A source codec under a budget's policy."""

    def __init__(self, codec: SourceCodec, over_budget: str) -> None:
        self.codec = codec
        self.over_budget = over_budget
        self.identity = digest(codec.identity())

    def file(self, image: Image, max_bytes: int) -> bytes | None:
        """The file to send: the best that fits, or None (an outage) where nothing does and nothing may exceed."""
        key = (self.identity, self.over_budget, image_key(image), max_bytes)
        return encoded_files().get(key, lambda: self._encode(image, max_bytes))

    def _encode(self, image: Image, max_bytes: int) -> bytes | None:
        file = self.codec.encode_to_budget(image, max_bytes) if max_bytes > 0 else None
        return self.codec.smallest(image) if file is None and self.over_budget == "nearest" else file


@dataclass(frozen=True)
class Header:
    """What the receiver knows: per image its (H, W) and how many blocks it has; per block its information bits."""

    shapes: tuple[tuple[int, ...], ...]
    image_blocks: Lengths  # (images + 1,)
    lengths: Lengths  # (blocks,)


class SeparateLink(Link):
    """Separate source and channel coding: any source codec, channel code and QAM (``bpg+ldpc-1/2+qpsk``)."""

    identity_name, version = "separate", 1

    def __init__(
        self,
        codec: SourceCodec,
        code: ChannelCode,
        qam: QAM,
        budget: Budget,
        over_budget: str = "outage",
        demapper: str = "app",
    ) -> None:
        self.source = SourceSender(codec, over_budget)
        self.codec, self.code, self.qam = codec, code, qam
        self.budget, self.demapper = budget, demapper
        self.decoded: LRU[tuple[bytes, tuple[int, ...]], Image | None] = LRU(
            MAX_CACHED_BYTES, lambda image: 0 if image is None else image.nbytes
        )

    # Sending

    def uses(self, file_bytes: int) -> int:
        """Complex channel uses of a file of so many bytes, everything counted."""
        lengths = self.code.split(8 * file_bytes + CRC_BITS)
        coded = sum(self.code.coded_length(int(length)) for length in lengths)
        return -(-coded // self.qam.bits_per_symbol)

    def max_bytes(self, shape: Sequence[int], reserved: int = 0) -> int:
        """The largest file that an image of this shape may have within the budget.

        reserved: channel uses that are not for symbols; matched by bpp, they are not limited.
        """
        allowed = self.budget.of(shape)
        if self.budget.kind == "bpp":
            return allowed // 8
        allowed = max(0, allowed - reserved)
        return largest(lambda size: self.uses(size) <= allowed, allowed * self.qam.bits_per_symbol // 8 + 1)

    def send(self, images: Sequence[Image], max_bytes: Sequence[int] | None = None) -> Transmission:
        """Symbols for these images. max_bytes: limit of each file, ``self.max_bytes`` by default."""
        if max_bytes is None:
            max_bytes = [self.max_bytes(image.shape) for image in images]
        files = [self.source.file(image, size) for image, size in zip(images, max_bytes, strict=True)]
        payloads = [b"" if file is None else file + zlib.crc32(file).to_bytes(4, "big") for file in files]
        splits = [self.code.split(8 * len(payload)) for payload in payloads]
        lengths = np.concatenate([np.zeros(0, np.int64), *splits])
        image_blocks = np.concatenate([[0], np.cumsum([len(split) for split in splits])]).astype(np.int64)
        scrambled = [scramble(np.unpackbits(np.frombuffer(payload, np.uint8))) for payload in payloads]
        bits = np.concatenate([np.zeros(0, np.uint8), *scrambled])
        header = Header(tuple(image.shape for image in images), image_blocks, lengths)
        layout = self._layout(header)
        symbols_bits = np.zeros(layout.symbols[-1] * self.qam.bits_per_symbol, np.uint8)
        symbols_bits[layout.coded] = self.code.encode(bits, lengths)
        return Transmission(
            self.qam.map(symbols_bits),
            layout.symbols,
            np.array([8 * len(file or b"") for file in files], np.int64),
            header,
            Blocks(bits, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), image_blocks),
        )

    # Receiving

    def receive(
        self, received: npt.NDArray[np.complex64], noise_var: npt.NDArray[np.float32], header: Header
    ) -> Reception:
        llr = self.qam.demap(received, noise_var, self.demapper)[self._layout(header).coded]
        bits, _ = self.code.decode(llr, header.lengths)
        edges = np.concatenate([[0], np.cumsum(header.lengths)])[header.image_blocks]
        images = [
            self._image(bits[start:stop], shape)
            for start, stop, shape in zip(edges[:-1], edges[1:], header.shapes, strict=True)
        ]
        ok = np.array([image is not None for image in images], bool)
        shown = [
            outage_image(shape) if image is None else image for image, shape in zip(images, header.shapes, strict=True)
        ]
        return Reception(shown, ok, bits)

    def _image(self, bits: Bits, shape: tuple[int, ...]) -> Image | None:
        """The image of a payload; None (an outage) where the CRC or the file's own parser says no."""
        payload = np.packbits(scramble(bits)).tobytes()
        file, crc = payload[: -CRC_BITS // 8], payload[-CRC_BITS // 8 :]
        if not file or zlib.crc32(file).to_bytes(4, "big") != crc:
            return None
        return self.decoded.get((file, shape), lambda: self._decode(file, shape))

    def _decode(self, file: bytes, shape: tuple[int, ...]) -> Image | None:
        try:
            return self.codec.decode(file, (shape[0], shape[1]))
        except DecodeError:
            return None

    def _layout(self, header: Header) -> Layout:
        """Where the coded bits of all blocks lie among the bits of the symbols."""
        distinct, which = np.unique(header.lengths, return_inverse=True)
        coded = np.array([self.code.coded_length(int(length)) for length in distinct], np.int64)[which]
        per_image = np.diff(np.concatenate([[0], np.cumsum(coded)])[header.image_blocks])
        symbols = -(-per_image // self.qam.bits_per_symbol)
        padding = symbols * self.qam.bits_per_symbol - per_image
        shift = np.repeat(np.cumsum(padding) - padding, per_image)
        return Layout(np.arange(len(shift)) + shift, np.concatenate([[0], np.cumsum(symbols)]).astype(np.int64))


@dataclass(frozen=True)
class Layout:
    """coded: positions of the coded bits among the symbols' bits. symbols: (images + 1,) offsets."""

    coded: npt.NDArray[np.int64]
    symbols: npt.NDArray[np.int64]


def largest(fits: Callable[[int], bool], top: int) -> int:
    """The largest number from 0 to ``top`` that fits, by bisection (0 if none above it does)."""
    low, high = 0, top + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low

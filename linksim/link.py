"""The one abstraction: a link turns images into channel symbols, and received symbols into images.

    images ──► Link.send ──► symbols ──► channel(SNR) ──► received ──► Link.receive ──► images'

Conventions, the same for every link (see ``linksim.channels.base``): complex baseband symbols of unit average power
*per image*, SNR = Es/N0 per complex symbol, N0/2 noise variance per real dimension.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from linksim.errors import LinksimError
from linksim.identity import Identified

Image = npt.NDArray[np.uint8]
"""An RGB image: uint8, shape (H, W, 3)."""


@dataclass(frozen=True)
class Budget:
    """What an image may cost.

    kind: ``"bpp"``, source bits per pixel, or ``"cbr"``, the channel bandwidth ratio: complex channel uses per source
    sample, k/n with n = 3·H·W (Bourtsoulatze et al. 2019). value: a number or fraction above 0 and at most 100; it is
    kept as the nearest fraction with a denominator up to ``MAX_DENOMINATOR``, so that 1/24 and 0.0416666667 are one.
    """

    kind: str
    value: Fraction
    capacity: Callable[[int], int] | None = field(default=None, repr=False, compare=False)
    """Symbols that fit into so many channel uses, where a channel takes some for itself (pilots, cyclic prefix)."""

    MAX_DENOMINATOR: ClassVar[int] = 100_000

    def __init__(self, kind: str, value: float | Fraction) -> None:
        if kind not in ("bpp", "cbr"):
            raise LinksimError(f"budget kind {kind!r}: must be 'bpp' or 'cbr'")
        try:
            exact = Fraction(value).limit_denominator(self.MAX_DENOMINATOR)
        except (TypeError, ValueError, OverflowError):
            raise LinksimError(f"budget {kind} {value}: must be a number above 0 and at most 100") from None
        if not 0 < exact <= 100:
            raise LinksimError(f"budget {kind} {value}: must be above 0 and at most 100")
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "value", exact)
        object.__setattr__(self, "capacity", None)

    def over(self, capacity: Callable[[int], int]) -> Budget:
        """The budget over a channel that takes some of the channel uses for itself."""
        made = Budget(self.kind, self.value)
        object.__setattr__(made, "capacity", capacity)
        return made

    def identity(self) -> dict[str, Any]:
        """What determines results: a channel has an identity of its own."""
        return {"budget": str(self)}

    @classmethod
    def parse(cls, text: str) -> Budget:
        """The budget that ``str`` wrote, such as ``bpp=0.25`` or ``cbr=1/24``."""
        kind, _, value = text.partition("=")
        try:
            return cls(kind, Fraction(value))
        except (ValueError, ZeroDivisionError) as error:
            raise (
                error
                if isinstance(error, LinksimError)
                else LinksimError(f"budget {text!r}: must be written as bpp=0.25 or cbr=1/24")
            ) from None

    def __str__(self) -> str:
        return f"{self.kind}={self.text}"

    @property
    def text(self) -> str:
        """The value in full: a decimal number for bpp where a few digits say it, else a fraction.

        >>> Budget("bpp", 0.25).text, Budget("cbr", 1 / 24).text
        ('0.25', '1/24')
        """
        short = f"{float(self.value):g}"
        return short if self.kind == "bpp" and Fraction(short) == self.value else str(self.value)

    @property
    def per_pixel(self) -> float:
        """Bits (bpp) or complex channel uses (cbr) per pixel, of which an RGB image has three samples."""
        return float(self.value * (3 if self.kind == "cbr" else 1))

    def of(self, shape: Sequence[int]) -> int:
        """Whole units that an image of this (H, W, ...) shape may use: bits, or complex symbols of its own."""
        whole = int(self.value * int(shape[0]) * int(shape[1]) * (3 if self.kind == "cbr" else 1))
        return whole if self.capacity is None or self.kind != "cbr" else self.capacity(whole)


OVER_BUDGET = ("outage", "nearest")
SampleNoise = Callable[[int, float, int], npt.NDArray[np.float32]]
"""The channel's statistics, as a sender may know them: see ``linksim.channels.base.Channel.sample_noise``."""


@dataclass(frozen=True)
class LinkOptions:
    """What the engine tells a link at construction, beside its method string."""

    budget: Budget = Budget("bpp", 0.25)
    over_budget: str = "outage"  # or "nearest": send the smallest file although it exceeds the budget
    device: str = "cpu"
    snr_db: tuple[float, ...] = ()  # the grid, for links that prepare per SNR
    sample_noise: SampleNoise | None = field(default=None, compare=False)  # of the channel; None: AWGN

    def __post_init__(self) -> None:
        if self.over_budget not in OVER_BUDGET:
            raise LinksimError(f"over-budget policy {self.over_budget!r}: must be 'outage' or 'nearest'")

    def identity(self) -> dict[str, Any]:
        """What determines a link's results, beside the budget, which rows are filed under anyway."""
        return {"over_budget": self.over_budget}


USES_PER_SIDE_INFO_BIT = 5
"""Channel uses that a bit of side information is counted as: BPSK with a code of rate 1/5. It is taken as received."""


@dataclass(frozen=True)
class Blocks:
    """The information blocks (codewords' messages) behind a transmission, for counting errors afterwards.

    bits: uint8 of 0/1, all blocks end to end. block_offsets: (blocks + 1,) int64 into ``bits``.
    image_blocks: (images + 1,) int64 into the blocks: image i owns blocks image_blocks[i]:image_blocks[i+1].
    """

    bits: npt.NDArray[np.uint8]
    block_offsets: npt.NDArray[np.int64]
    image_blocks: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Transmission:
    """What ``Link.send`` puts on the air for N images.

    symbols: (S,) complex64, the symbols of all images end to end, unit average power per image.
    offsets: (N + 1,) int64; image i owns symbols[offsets[i]:offsets[i+1]]; an empty range is an image not sent.
    payload_bits: (N,) int64, source bits (whole file, headers included) of each image; 0 where not sent.
    header: what a receiver legitimately knows (image sizes, code, modulation, quantizer); opaque to the engine.
    blocks: the sent information blocks, if the link has any; the engine counts errors with them, the receiver
    never sees them.
    side_info_bits: (N,) int64, bits beside the symbols that a real sender would have to transmit for each image (a
    chosen rate, a scale); None for no bits. Each is counted as
    ``USES_PER_SIDE_INFO_BIT`` channel uses.
    """

    symbols: npt.NDArray[np.complex64]
    offsets: npt.NDArray[np.int64]
    payload_bits: npt.NDArray[np.int64]
    header: Any = None
    blocks: Blocks | None = None
    side_info_bits: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Reception:
    """What ``Link.receive`` makes of it: N uint8 (H, W, 3) images, an ``ok`` flag each (False = outage, the image
    is then mid-grey, see ``outage_image``) and, where the link has blocks, the decoded information bits in the
    layout of ``Blocks.bits``."""

    images: list[Image]
    ok: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    bits: npt.NDArray[np.uint8] | None = None


class Link(Identified, ABC):
    """A method of sending images. Subclass it, implement ``send`` and ``receive``, and name the class with
    ``--methods package.module:Class`` or register it under the entry-point group ``linksim.links``."""

    name: str = ""
    knows_channel: bool = False
    """True if the sender knows the channel: ``send`` is then called as ``send(images, snr_db=...)`` once per SNR."""

    @classmethod
    def from_method(cls, method: Method, options: LinkOptions) -> Link:
        """The link for a parsed method string. Override to read its parts; the default takes none."""
        if method.parts or method.at or method.path:
            raise LinksimError(f"method {method.text!r}: {method.head!r} takes no '+', '@' or ':' parts")
        return cls()

    @abstractmethod
    def send(self, images: Sequence[Image]) -> Transmission:
        """Symbols for these images. Whatever does not depend on the SNR belongs here: it runs once per image."""

    @abstractmethod
    def receive(
        self, received: npt.NDArray[np.complex64], noise_var: npt.NDArray[np.float32], header: Any
    ) -> Reception:
        """Images from received symbols: a pure function of its arguments.

        received: (S,) complex64, equalised where the channel fades. noise_var: (S,) float32, variance N0 of the
        complex noise on each received symbol (linear). header: what ``send`` put in the transmission.
        """

    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of the table, e.g. which checkpoint stands in for the budget asked for."""
        return ()


@dataclass(frozen=True)
class Method:
    """A method string ``HEAD[+PART...][@AT][:PATH]``, e.g. ``bpg+ldpc-1/2+qpsk``, ``sdjscc@5dB``."""

    text: str
    head: str
    parts: tuple[str, ...] = ()
    at: str = ""
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Method:
        """Split a method string; ``package.module:Class`` keeps the whole text as its head."""
        text = text.strip()
        before_colon, _, path = text.partition(":")
        if path and "." in before_colon and "+" not in before_colon:
            return cls(text, head=text)
        if "+" in before_colon:  # a part may hold a colon itself: bpg+alist:codes/mine.alist+16qam
            head, *parts = text.split("+")
            if not head or not all(parts):
                raise LinksimError(f"method {text!r}: empty part; the form is SOURCE[+FEC][+MODULATION]")
            return cls(text, head, tuple(parts))
        head, _, at = before_colon.partition("@")
        if not head:
            raise LinksimError(f"method {text!r}: no name; the form is SOURCE[+FEC][+MODULATION] or NAME[@SNR][:PATH]")
        return cls(text, head, (), at, path)


def outage_image(shape: Sequence[int]) -> Image:
    """Mid-grey (128) of shape (H, W, 3): what a receiver shows when it could not decode."""
    return np.full((shape[0], shape[1], 3), 128, np.uint8)

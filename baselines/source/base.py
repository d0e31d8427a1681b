"""What a source codec is: an image to bytes of a chosen quality, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from linksim.errors import LinksimError
from linksim.identity import Identified
from linksim.link import Image


class DecodeError(LinksimError):
    """The bytes are not a file this codec can read (what a parser at the receiver can know)."""


class SourceCodec(Identified, ABC):
    """A still-image codec. ``qualities`` is its own scale (what ``linksim encode --quality`` takes), ordered from
    the smallest file to the best picture."""

    name: str = ""
    suffix: str = ""
    qualities: Sequence[int] = ()

    @abstractmethod
    def encode(self, image: Image, quality: int) -> bytes:
        """The whole file at a quality of the codec's own scale; ValueError (one line) outside the scale."""

    @abstractmethod
    def decode(self, data: bytes, shape: tuple[int, int] | None = None) -> Image:
        """uint8 (H, W, 3) RGB. ``shape`` is the expected (H, W): a file that claims another raises DecodeError
        before anything is allocated for it. Any malformed file raises DecodeError, never another exception."""

    @abstractmethod
    def encode_to_budget(self, image: Image, max_bytes: int) -> bytes | None:
        """The best quality whose *whole file* fits in ``max_bytes``; None if even the smallest does not."""

    @abstractmethod
    def smallest(self, image: Image) -> bytes:
        """The smallest file this codec can make of the image."""

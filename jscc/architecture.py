"""The shape of a learned link's networks as plain data, without torch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from linksim.errors import LinksimError

MAPPINGS = ("antipodal", "unipolar", "analog")
"""What an element becomes: 2q − 1 (no DC offset), q itself (the paper's {0, 1}), or the real latent unquantised."""

STRIDES = {"residual": 8, "bourtsoulatze": 4, "adaptive": 8}
"""How many pixels, each way, share one latent cell."""


@dataclass(frozen=True)
class Architecture:
    """What determines the networks' shape. ``elements`` per latent cell; ``width`` of the full-depth layers;
    ``blocks`` residual blocks at the latent's resolution on each side; ``mapping``: one of ``MAPPINGS``."""

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
        if self.is_adaptive and self.mapping != "analog":
            raise LinksimError(f"symbol mapping {self.mapping!r}: the adaptive network's must be analog")
        if self.width % 4:
            raise LinksimError(f"network width {self.width}: must be a multiple of 4")

    @property
    def stride(self) -> int:
        return STRIDES[self.kind]

    @property
    def is_adaptive(self) -> bool:
        """Whether the networks are told the SNR and send a chosen number of latent channels."""
        return self.kind == "adaptive"

    @property
    def fewest(self) -> int:
        """Fewest elements per cell that may be sent: an eighth of all for the adaptive network."""
        return max(1, self.elements // 8) if self.is_adaptive else self.elements

    @property
    def bpp(self) -> float:
        """Elements per pixel of an image whose sides divide by the stride."""
        return self.elements / self.stride**2

    def bpp_within(self, limit: float) -> float:
        """The most elements per pixel that the network can send within ``limit`` of them; 0 if none fit."""
        fitting = min(self.elements, int(limit * self.stride**2 + 1e-6))
        if not self.is_adaptive and fitting < self.elements:
            return 0.0
        return fitting / self.stride**2 if fitting >= self.fewest else 0.0

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

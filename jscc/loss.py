"""Which loss to train on, as plain data, without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from linksim.errors import LinksimError, unknown

TERMS = ("pixel", "features", "gsw", "classwise", "kl")
RENAMED = {"verdict": "kl"}
"""Former names of terms, as older cards have them."""

PIXELS = ("mse", "log")
VARIANTS = ("paper", "absolute", "predicted")
"""Weights of the ``gsw`` term: see ``jscc.semantics``."""
DEFAULT_LAYER = "backbone.top"


@dataclass(frozen=True)
class Loss:
    """Which loss to train on.

    semantic: ``pixel`` (none: deep JSCC), ``features`` (eq. 6, SD-JSCC without GSW), ``gsw`` (eq. 13), ``classwise``
    (see ``semantics.classwise_loss``) or ``kl`` (KL divergence between the task's softmax outputs).
    pixel_weight: share of the pixel term beside the semantic one. pixels: the pixel term's form, ``mse`` (eq. 5) or
    ``log`` (see ``losses.log_pixel_loss``). layer: the task's, by name. variant, tau, r,
    per_image: of the weights, for ``gsw`` only. warps: whether the semantic term sees both images through the same
    random warp at each step of training (``jscc.warps``).
    """

    semantic: str = "pixel"
    pixel_weight: float = 0.0
    pixels: str = "mse"
    layer: str = DEFAULT_LAYER
    variant: str = "paper"
    tau: float = 1.0
    r: float | None = None
    per_image: bool = False
    warps: bool = False

    def __post_init__(self) -> None:
        if self.semantic not in TERMS:
            raise unknown("loss", self.semantic, TERMS)
        if self.pixels not in PIXELS:
            raise unknown("pixel loss", self.pixels, PIXELS)
        if self.variant not in VARIANTS:
            raise unknown("GSW variant", self.variant, VARIANTS)
        if not 0 <= self.pixel_weight < float("inf"):
            raise LinksimError(f"pixel weight {self.pixel_weight}: must be a finite number, at least 0")
        if not 0 <= self.tau < float("inf"):
            raise LinksimError(f"temperature τ {self.tau}: must be a finite number, at least 0")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

"""How to train: the settings of one run, and the two recipes by name."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from linksim.errors import LinksimError, unknown


@dataclass(frozen=True)
class Recipe:
    """One stage of training with Adam.

    steps: number of batches. batch: images in each. crop: pixels each way. lr: peak learning rate. warmup: steps of
    linear rise. decay: whether a half cosine takes the rate to zero at the last step. clip: largest norm of the
    gradient (0: none). ema: decay per step of the average of the weights that is validated and kept (0: the weights
    themselves). validate_every: steps between validations, each of which also saves the state.
    """

    steps: int
    batch: int
    crop: int
    lr: float
    warmup: int = 0
    decay: bool = True
    clip: float = 1.0
    ema: float = 0.0
    validate_every: int = 500

    def __post_init__(self) -> None:
        for name, low in (("steps", 1), ("batch", 1), ("crop", 8), ("warmup", 0), ("validate_every", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < low:
                raise LinksimError(f"{name} {value!r}: must be an integer, at least {low}")
        if not 0 < self.lr <= 1:
            raise LinksimError(f"learning rate {self.lr}: must be above 0 and at most 1")
        if not 0 <= self.clip < math.inf:
            raise LinksimError(f"gradient clip {self.clip}: must be a finite number, at least 0")
        if not 0 <= self.ema < 1:
            raise LinksimError(f"averaging of weights {self.ema}: must be at least 0 and below 1")

    def lr_at(self, step: int) -> float:
        """Learning rate of a step (0-based).

        >>> r = Recipe(steps=100, batch=1, crop=8, lr=1.0, warmup=10)
        >>> r.lr_at(0), round(r.lr_at(50), 3)
        (0.1, 0.5)
        """
        rise = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        return self.lr * rise * (0.5 + 0.5 * math.cos(math.pi * step / self.steps) if self.decay else 1.0)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


STAGES = ("base", "tune")
"""Stage 1 trains a network from nothing on pixels; stage 2 fine-tunes it on the loss of its method."""

PRESETS: dict[str, dict[str, Recipe]] = {
    # Sun et al., SD-JSCC, IV.B: 3–4·10^5 and 2–3·10^4 steps, batch 32, learning rate 1e-5, whole 96×96 images.
    "paper": {
        "base": Recipe(steps=400_000, batch=32, crop=96, lr=1e-5, decay=False, clip=0.0, validate_every=10_000),
        "tune": Recipe(steps=30_000, batch=32, crop=96, lr=1e-5, decay=False, clip=0.0, validate_every=1_000),
    },
    # What two CPU cores can do in an hour. The shipped checkpoints start from longer bases: tools/train_shipped.py.
    "cpu": {
        "base": Recipe(steps=12_000, batch=8, crop=64, lr=1e-3, warmup=400, validate_every=1_000),
        "tune": Recipe(steps=800, batch=8, crop=96, lr=2e-4, warmup=20, validate_every=200),
    },
}


def recipe(preset: str, stage: str) -> Recipe:
    """The recipe of a preset's stage."""
    if preset not in PRESETS:
        raise unknown("preset", preset, PRESETS)
    if stage not in STAGES:
        raise unknown("stage", stage, STAGES)
    return PRESETS[preset][stage]

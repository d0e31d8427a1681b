"""A link that stands for trained checkpoints: there is one at 1.5 elements per pixel, and none at others."""

from __future__ import annotations

from typing import Any

from foreign import Analog

from linksim.errors import LinksimError
from linksim.link import Budget


class Trained(Analog):
    """Served by the checkpoint ``trained-1.5bpp-5dB``."""

    def __init__(self, budget: Budget) -> None:
        if budget.value != 1.5:
            raise LinksimError(f"no checkpoint at {budget}")

    def identity(self) -> dict[str, Any]:
        return super().identity() | {"checkpoints": {"trained-1.5bpp-5dB": "0"}}


class Twin(Trained):
    """The same under another name."""

"""Model cards: what a trained network is and how it was trained, as JSON beside its weights."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from jscc.architecture import Architecture
from linksim.errors import LinksimError, failed, reason


@dataclass(frozen=True)
class Card:
    """A model card. snr_db: Es/N0 in dB that it was trained at, or [low, high] for a uniformly random one.

    method: the method string it ships under. loss, recipe: as dicts of ``loss.Loss`` and ``presets.Recipe``. steps:
    training steps in all, those of the checkpoint it started from included. metrics: of the validation split. sha256:
    of the weights in half precision as a safetensors file. start: name and hash of the checkpoint it was fine-tuned
    from.
    """

    method: str
    architecture: Architecture
    snr_db: tuple[float, float]
    loss: dict[str, Any]
    recipe: dict[str, Any]
    steps: int
    seed: int
    data: dict[str, Any]
    task: dict[str, Any]
    metrics: dict[str, float]
    command: str
    sha256: str = ""
    start: dict[str, Any] = field(default_factory=dict)

    @property
    def bpp(self) -> float:
        return self.architecture.bpp

    def to_json(self) -> str:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values |= {"architecture": self.architecture.as_dict(), "snr_db": list(self.snr_db), "bpp": self.bpp}
        return json.dumps(values, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Card:
        """The card in this JSON text; ``LinksimError`` names what is wrong with it."""
        try:
            values = json.loads(text)
            values = {f.name: values[f.name] for f in fields(cls)}
            values["architecture"] = Architecture(**values["architecture"])
            low, high = (float(v) for v in values["snr_db"])
            card = cls(**{**values, "snr_db": (low, high)})
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise LinksimError(f"model card: {reason(error)[:200]}") from None
        if not -100 <= low <= high <= 100:
            raise LinksimError(f"model card: snr_db {low}, {high}: must be two rising numbers within ±100 dB")
        for name, kind in _CARD_TYPES.items():
            if not isinstance(getattr(card, name), kind):
                raise LinksimError(f"model card: {name} {getattr(card, name)!r:.60}: must be a {kind.__name__}")
        if not all(isinstance(v, int | float) and math.isfinite(v) for v in card.metrics.values()):
            raise LinksimError("model card: metrics must be finite numbers")
        return card


_CARD_TYPES: dict[str, type] = {
    "method": str, "loss": dict, "recipe": dict, "steps": int, "seed": int, "data": dict, "task": dict,
    "metrics": dict, "command": str, "sha256": str, "start": dict,
}  # fmt: skip


def read_card(path: Path) -> Card:
    """The card of the checkpoint ``path`` (NAME.safetensors), without reading its weights."""
    card = path.with_suffix(".json")
    try:
        return Card.from_json(card.read_text(encoding="utf-8"))
    except OSError as error:
        raise failed(f"model card {card}", error) from None
    except LinksimError as error:
        raise LinksimError(f"{card}: {error}") from None
    except UnicodeDecodeError:
        raise LinksimError(f"{card}: not UTF-8 text") from None

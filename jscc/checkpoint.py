"""Trained networks on disk: half-precision safetensors with a model card in JSON beside them, never a pickle.

``NAME.safetensors`` holds the weights and ``NAME.json`` the card: the architecture, what it was trained on, how, and
what it reached on the validation split. Whatever is wrong with either is one ``LinksimError``.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from jscc.networks import JSCC, Architecture
from linksim.errors import LinksimError
from linksim.files import write_atomically


@dataclass(frozen=True)
class Card:
    """A model card. snr_db: Es/N0 in dB that it was trained at, or [low, high] for a uniformly random one.

    method: the method string it ships under. loss, recipe: as dicts of ``losses.Loss`` and ``presets.Recipe``. steps:
    training steps in all, those of the checkpoint it started from included. metrics: of the validation split. sha256:
    of the weights file. start: name and hash of the checkpoint it was fine-tuned from.
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
            raise LinksimError(f"model card: {_one_line(error)}") from None
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


def _one_line(error: Exception) -> str:
    """The error's message with what makes it an odd line taken out; a missing key reads as such."""
    text = f"missing {error}" if isinstance(error, KeyError) else str(error)
    return " ".join(text.split())[:200]


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LinksimError(f"checkpoint {path}: {error.strerror or error}") from None


def parse_tensors(path: Path, content: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file with this content; ``LinksimError`` if it is not one."""
    try:
        return load_safetensors(content)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise LinksimError(f"checkpoint {path}: not a safetensors file ({_one_line(error)})") from None


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> str:
    """Write a safetensors file; returns its SHA-256 (hex)."""
    content = save_safetensors({name: t.detach().cpu().contiguous() for name, t in tensors.items()})
    write_atomically(path, content)
    return hashlib.sha256(content).hexdigest()


def save_checkpoint(path: Path, network: JSCC, card: Card) -> Card:
    """Write ``path`` (NAME.safetensors, half precision) and its card beside it; returns the card with the hash."""
    digest = save_tensors(path, {name: t.half() for name, t in network.state_dict().items()})
    card = Card(**{f.name: getattr(card, f.name) for f in fields(card)} | {"sha256": digest})
    write_atomically(path.with_suffix(".json"), card.to_json().encode())
    return card


def read_card(path: Path) -> Card:
    """The card of the checkpoint ``path`` (NAME.safetensors), without reading its weights."""
    card = path.with_suffix(".json")
    try:
        return Card.from_json(card.read_text(encoding="utf-8"))
    except OSError as error:
        raise LinksimError(f"model card {card}: {error.strerror or error}") from None
    except LinksimError as error:
        raise LinksimError(f"{card}: {error}") from None
    except UnicodeDecodeError:
        raise LinksimError(f"{card}: not UTF-8 text") from None


def load_checkpoint(path: Path) -> tuple[JSCC, Card]:
    """The network (float32, evaluation mode) and the card of ``path`` (NAME.safetensors)."""
    card = read_card(path)
    content = read_bytes(path)
    state = parse_tensors(path, content)
    with torch.device("meta"):
        network = JSCC(card.architecture)
    expected = {name: t.shape for name, t in network.state_dict().items()}
    if {name: t.shape for name, t in state.items()} != expected:
        raise LinksimError(f"checkpoint {path}: its tensors are not those of the architecture in its card")
    if not all(t.is_floating_point() and bool(torch.isfinite(t).all()) for t in state.values()):
        raise LinksimError(f"checkpoint {path}: holds weights that are not finite numbers")
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise LinksimError(f"checkpoint {path}: its hash is not the one in its card")
    network = JSCC(card.architecture)
    network.load_state_dict({name: t.float() for name, t in state.items()})
    return network.eval().requires_grad_(False), card

"""Trained networks on disk: half-precision safetensors with a model card in JSON beside them, never a pickle.

``NAME.safetensors`` holds the weights and ``NAME.json`` the card: the architecture, what it was trained on, how, and
what it reached on the validation split. Whatever is wrong with either is one ``LinksimError``.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from jscc.card import Card, one_line, read_card
from jscc.networks import JSCC
from linksim.errors import LinksimError
from linksim.files import write_atomically


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
        raise LinksimError(f"checkpoint {path}: not a safetensors file ({one_line(error)})") from None


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

"""Trained networks on disk: half-precision safetensors with a model card in JSON beside them, never a pickle.

``NAME.safetensors`` holds the weights, or how they differ from another checkpoint beside it (``jscc.delta``);
``NAME.json`` is the card: the architecture, what it was trained on, how, and what it reached on the validation split.
Whatever is wrong with either is one ``LinksimError``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from jscc.card import Card, read_card
from jscc.delta import difference, restored, shared
from jscc.networks import JSCC
from linksim.errors import LinksimError, failed, reason
from linksim.files import write_atomically

DIFFERENCE = "difference"
"""The tensor of a file that holds what differs from the base."""


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise failed(f"checkpoint {path}", error) from None


def parse_tensors(path: Path, content: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file with this content; ``LinksimError`` if it is not one."""
    try:
        return load_safetensors(content)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise LinksimError(f"checkpoint {path}: not a safetensors file ({reason(error)[:200]})") from None


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> str:
    """Write a safetensors file; returns its SHA-256 (hex)."""
    content = save_safetensors({name: t.detach().cpu().contiguous() for name, t in tensors.items()})
    write_atomically(path, content)
    return hashlib.sha256(content).hexdigest()


def weights_digest(state: dict[str, Tensor]) -> str:
    """SHA-256 (hex) of half-precision weights as the safetensors file that ``save_checkpoint`` writes."""
    return hashlib.sha256(save_safetensors(state)).hexdigest()


def save_checkpoint(path: Path, network: JSCC, card: Card) -> Card:
    """Write ``path`` (NAME.safetensors, half precision) and its card beside it; returns the card with the hash."""
    digest = save_tensors(path, {name: t.half() for name, t in network.state_dict().items()})
    card = replace(card, sha256=digest)
    write_atomically(path.with_suffix(".json"), card.to_json().encode())
    return card


def save_difference(path: Path, weights: dict[str, Tensor], base: Path) -> None:
    """Write half-precision weights to ``path`` as what differs from another checkpoint of its folder, whose file is
    then needed to load this one. The card stays as it is, since the weights do."""
    start = load_weights(base)
    names = shared(weights, start)
    assert set(start) <= set(weights), "a base has no tensors of its own"
    rest = {name: t for name, t in weights.items() if name not in names}
    metadata = {"base": base.stem, "base_sha256": weights_digest(start)}
    write_atomically(path, save_safetensors(rest | {DIFFERENCE: difference(weights, start)}, metadata))


def load_weights(path: Path, within: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """The half-precision weights of ``path`` (NAME.safetensors), restored where the file holds a difference.

    within: names of the checkpoints whose base this one is.
    """
    content = read_bytes(path)
    state = parse_tensors(path, content)
    metadata = _metadata(content)
    if "base" not in metadata:
        return state
    name = metadata["base"]
    if name != Path(name).name or name in (*within, path.stem):
        raise LinksimError(f"checkpoint {path}: its base {name!r:.60} is not the name of another checkpoint")
    base = load_weights(path.with_name(f"{name}.safetensors"), (*within, path.stem))
    if weights_digest(base) != metadata.get("base_sha256"):
        raise LinksimError(f"checkpoint {path}: was made with another base {name!r} than the one beside it")
    try:
        packed = state.pop(DIFFERENCE)
        return state | restored(packed, base, [key for key in sorted(base) if key not in state])
    except (LinksimError, KeyError, RuntimeError) as error:
        why = reason(error)[:200]
        raise LinksimError(f"checkpoint {path}: its difference from {name!r} is damaged: {why}") from None


def _metadata(content: bytes) -> dict[str, str]:
    """The metadata of a safetensors file that has been parsed."""
    found: dict[str, str] = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")]).get("__metadata__", {})
    return found


def load_checkpoint(path: Path) -> tuple[JSCC, Card]:
    """The network (float32, evaluation mode) and the card of ``path`` (NAME.safetensors)."""
    card = read_card(path)
    state = load_weights(path)
    with torch.device("meta"):
        network = JSCC(card.architecture)
    expected = {name: t.shape for name, t in network.state_dict().items()}
    if {name: t.shape for name, t in state.items()} != expected:
        raise LinksimError(f"checkpoint {path}: its tensors are not those of the architecture in its card")
    if not all(t.is_floating_point() and bool(torch.isfinite(t).all()) for t in state.values()):
        raise LinksimError(f"checkpoint {path}: holds weights that are not finite numbers")
    if weights_digest(state) != card.sha256:
        raise LinksimError(f"checkpoint {path}: its hash is not the one in its card")
    network = JSCC(card.architecture)
    network.load_state_dict({name: t.float() for name, t in state.items()})
    return network.eval().requires_grad_(False), card

"""What a run needs to go on exactly where it stopped: one safetensors file, replaced as a whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save as save_safetensors
from torch import Tensor

from jscc.checkpoint import parse_tensors, read_bytes
from jscc.networks import JSCC
from linksim.errors import LinksimError, reason
from linksim.files import write_atomically


@dataclass
class Best:
    """The best network so far: its validation metrics, the step it was found at and its weights."""

    metrics: dict[str, float]
    step: int
    weights: dict[str, Tensor]


def save_state(
    path: Path, network: JSCC, average: JSCC, adam: torch.optim.Adam, best: Best | None, facts: dict[str, Any]
) -> None:
    """Weights, their average, Adam's moments and the best weights so far, in full precision; ``facts`` as JSON in the
    header."""
    tensors = {f"average.{name}": t for name, t in average.state_dict().items()} if average is not network else {}
    tensors |= {f"network.{name}": t for name, t in network.state_dict().items()}
    for name, parameter in network.named_parameters():
        for key, value in adam.state[parameter].items():
            tensors[f"adam.{key}.{name}"] = value
    if best is not None:
        tensors |= {f"best.{name}": t for name, t in best.weights.items()}
        facts = facts | {"best": {"metrics": best.metrics, "step": best.step}}
    tensors = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    write_atomically(path, save_safetensors(tensors, {"facts": json.dumps(facts)}))


def load_state(path: Path, network: JSCC, average: JSCC, adam: torch.optim.Adam) -> tuple[dict[str, Any], Best | None]:
    """Put a saved state back into the network, its average and its optimizer; returns the facts and the best so far."""
    tensors = parse_tensors(path, read_bytes(path))
    with safe_open(path, "pt") as file:
        facts = json.loads((file.metadata() or {}).get("facts", "{}"))
    try:
        network.load_state_dict({name: tensors[f"network.{name}"] for name in network.state_dict()})
        if average is not network:
            average.load_state_dict({name: tensors[f"average.{name}"] for name in network.state_dict()})
        for name, parameter in network.named_parameters():
            state = {key: tensors[f"adam.{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq")}
            # Adam keeps its step count on the CPU and its moments in the parameter's own memory format.
            adam.state[parameter] = {
                key: value if key == "step" else torch.empty_like(parameter).copy_(value)
                for key, value in state.items()
            }
        best = facts.pop("best", None)
        weights = {name.removeprefix("best."): t for name, t in tensors.items() if name.startswith("best.")}
        return facts, None if best is None else Best(best["metrics"], best["step"], weights)
    except (KeyError, RuntimeError) as error:
        raise LinksimError(f"saved state {path}: does not belong to this run ({reason(error)[:200]})") from None

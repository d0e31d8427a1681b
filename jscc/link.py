"""Trained networks as links: ``deepjscc``, ``sdjscc`` and their kin, from shipped or given checkpoints.

NAME            the shipped checkpoint with the largest bpp within the budget, trained nearest to 5 dB on average
NAME@12dB       the one trained nearest to 12 dB
NAME@match      for each test SNR the one trained nearest to it (the sender then knows the channel)
NAME:PATH       this checkpoint (a file, or the name of a shipped one)
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jscc import shipped
from jscc.card import read_card
from jscc.loss import RENAMED
from jscc.methods import learned_method, resolve
from jscc.shipped import Shipped
from linksim.errors import LinksimError
from linksim.link import Image, Link, LinkOptions, Method, Reception, Transmission

DEFAULT_SNR_DB = 5.0


class JSCCLink(Link):
    """The checkpoints that a method string and a budget name, and the choice among them for each SNR."""

    identity_name, version, libraries = "jscc", 1, ("torch",)
    not_identifying = ("name", "choices", "remarks")

    def __init__(
        self, name: str, choices: Sequence[Shipped], options: LinkOptions, remarks: Sequence[str] = ()
    ) -> None:
        from jscc.network_link import NetworkLink  # torch, which lists of methods do without

        self.name, self.choices, self.remarks = name, tuple(choices), tuple(remarks)
        self.links = {choice.path.stem: NetworkLink(choice.path, options) for choice in choices}
        self.knows_channel = len(choices) > 1 or any(link.knows_channel for link in self.links.values())

    @classmethod
    def about(cls, name: str) -> str:
        """A line for ``linksim methods``: the loss of a learned method, and the checkpoints of it that are shipped."""
        loss = _loss_text(learned_method(name).loss.as_dict())
        served = [s for s in shipped.shipped(shipped.FOLDER) if resolve(s.card.method) == resolve(name)]
        found = ", ".join(f"{s.bpp_text} bpp at {s.snr_text}" for s in served)
        stands_for = f"{resolve(name)}: " if resolve(name) != name else ""
        return f"{stands_for}{loss}; {f'shipped for {found}' if found else 'none shipped'}"

    @classmethod
    def from_method(cls, method: Method, options: LinkOptions) -> JSCCLink:
        if method.parts:
            raise LinksimError(f"method {method.text!r}: {method.head!r} takes '@SNR' or ':PATH', not '+'")
        per_pixel = options.budget.per_pixel * (2 if options.budget.kind == "cbr" else 1)
        if method.path:
            choice = _explicit(method.path)
            if not choice.card.architecture.bpp_within(per_pixel) and options.over_budget != "nearest":
                raise LinksimError(
                    f"{method.text!r} sends {choice.bpp_text} elements per pixel, the budget allows {per_pixel:g}"
                )
            return cls(method.text, [choice], options, _remarks([choice], per_pixel))
        candidates = shipped.within_budget(method.head, per_pixel, shipped.shipped(shipped.FOLDER))
        if method.at == "match":
            fixed = [c for c in candidates if c.is_fixed]
            choices = fixed if len(fixed) > 1 else candidates
        else:
            wanted = _snr(method) if method.at else DEFAULT_SNR_DB
            choices = [shipped.nearest_snr(wanted, candidates)]
        return cls(method.text, choices, options, _remarks(choices, per_pixel))

    def send(self, images: Sequence[Image], snr_db: float | None = None) -> Transmission:
        wanted = DEFAULT_SNR_DB if snr_db is None else snr_db
        name = shipped.nearest_snr(wanted, self.choices).path.stem
        sent = self.links[name].send(images, wanted)
        return Transmission(sent.symbols, sent.offsets, sent.payload_bits, (name, sent.header))

    def receive(
        self, received: npt.NDArray[np.complex64], noise_var: npt.NDArray[np.float32], header: Any
    ) -> Reception:
        name, inner = header
        return self.links[name].receive(received, noise_var, inner)

    def notes(self) -> tuple[str, ...]:
        return self.remarks

    def identity(self) -> dict[str, Any]:
        weights = {choice.path.stem: choice.card.sha256 for choice in self.choices}
        return super().identity() | {"checkpoints": weights}


def _snr(method: Method) -> float:
    """The SNR in dB that ``@...`` asks for."""
    match = re.fullmatch(r"(-?\d+(?:\.\d+)?)(?:dB)?", method.at, re.IGNORECASE)
    if not match:
        raise LinksimError(f"method {method.text!r}: after '@' comes a training SNR like '5dB', or 'match'")
    return float(match[1])


def _explicit(path: str) -> Shipped:
    """The checkpoint at a path, or the shipped one of that name."""
    found = Path(path)
    if not found.exists() and (shipped.FOLDER / f"{path}.safetensors").exists():
        found = shipped.FOLDER / f"{path}.safetensors"
    if found.suffix != ".safetensors":
        raise LinksimError(f"checkpoint {path!r}: must be a .safetensors file, or the name of a shipped checkpoint")
    return Shipped(found, read_card(found))


def _remarks(choices: Sequence[Shipped], per_pixel: float) -> tuple[str, ...]:
    """Which checkpoints answer, on which loss they were trained, and what of the budget they leave."""
    first = choices[0].card
    names = ", ".join(c.path.stem for c in choices)
    trained = " and ".join(dict.fromkeys(c.snr_text for c in choices))
    remarks = [f"checkpoint {names}: {choices[0].bpp_text} bpp, trained at {trained} with the {_loss_text(first.loss)}"]
    used = first.architecture.bpp_within(per_pixel) or first.bpp
    if not math.isclose(used, per_pixel, rel_tol=1e-6):
        remarks.append(f"the budget would allow {per_pixel:g} elements per pixel; {used:g} is the nearest below it")
    return tuple(remarks)


def _loss_text(loss: dict[str, Any]) -> str:
    """A loss in words, e.g. 'gsw loss (variant paper, τ = 1000) and 0.3 × pixel loss'."""
    kind = RENAMED.get(loss.get("semantic", "pixel"), loss.get("semantic", "pixel"))
    detail = f" (variant {loss.get('variant')}, τ = {loss.get('tau'):g})" if kind == "gsw" else ""
    pixels = loss.get("pixel_weight", 0)
    return f"{kind} loss{detail}" + (f" and {pixels:g} × pixel loss" if pixels and kind != "pixel" else "")

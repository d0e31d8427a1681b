"""``--device``, checked before anything else is done."""

from __future__ import annotations

from linksim.errors import LinksimError


def check_device(name: str) -> None:
    """``LinksimError`` unless torch can compute there, on this machine."""
    if name == "cpu":
        return  # without loading torch
    import torch

    there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    there += ["mps"] if torch.backends.mps.is_available() else []
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError):  # the second if torch is built without CUDA
        raise LinksimError(f"--device {name!r}: torch has no such device here; there is {', '.join(there)}") from None

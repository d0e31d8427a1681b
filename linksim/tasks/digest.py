"""A network's identity: the hash of its weights."""

from __future__ import annotations

import hashlib

import torch
from torch import nn


def module_digest(module: nn.Module) -> str:
    """SHA-256 (hex) over the names, types, shapes and values of a module's parameters and buffers.

    >>> a, b = nn.Linear(2, 1), nn.Linear(2, 1)
    >>> _ = b.load_state_dict(a.state_dict())
    >>> module_digest(a) == module_digest(b)
    True
    """
    digest = hashlib.sha256(type(module).__qualname__.encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()

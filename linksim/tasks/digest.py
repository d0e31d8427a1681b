"""A network's identity: hashes of what it is made of."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import nn


def module_digest(module: nn.Module) -> str:
    """SHA-256 (hex) over a module's printed structure and the values of its parameters and buffers.

    >>> a, b = nn.Linear(2, 1), nn.Linear(2, 1)
    >>> _ = b.load_state_dict(a.state_dict())
    >>> module_digest(a) == module_digest(b)
    True
    """
    digest = hashlib.sha256(repr(module).encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file, or of the names and contents of all files in a folder."""
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(path).as_posix()} {content}\n".encode())
    return digest.hexdigest()

"""A network's weights stored as what differs from another network's: quantised, compressed, in a safetensors file.

A convolution's weight (O, I, kh, kw) is restored as ``half(base + step * level)`` with integer levels and
``step[o, i] = 2 ** ((row[o] + column[i]) / 4)``; every other tensor is kept in half precision. The file's metadata
names the base and the SHA-256 of its weights, and two uint8 tensors hold the rest, each compressed with LZMA:
``levels`` (zigzag, low bytes then high bytes, tensors in order of their names) and ``steps`` (the int8 exponents, rows
then columns). Restoring uses only multiplications, additions and roundings of IEEE 754, so every machine gets the same
weights.
"""

from __future__ import annotations

import lzma
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from linksim.errors import LinksimError

QUARTERS = np.array([1.0, 1.189207115, 1.4142135624, 1.6817928305], np.float32)
"""2 ** (0, 1/4, 1/2, 3/4)."""
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 0, "pb": 0}]


@dataclass(frozen=True)
class Delta:
    """levels: integers (O, I, kh, kw) within ±32767. rows, columns: int8 (O,), (I,), in quarters of an octave."""

    levels: Tensor
    rows: Tensor
    columns: Tensor

    @property
    def step(self) -> Tensor:
        """Float32 (O, I, 1, 1)."""
        return _power(self.rows)[:, None, None, None] * _power(self.columns)[None, :, None, None]

    def restored(self, base: Tensor) -> Tensor:
        """The half-precision weight."""
        return (base.float() + self.step * self.levels.float()).half()


def _power(exponents: Tensor) -> Tensor:
    """2 ** (e / 4) in float32."""
    e = exponents.numpy().astype(np.int32)
    return torch.from_numpy(np.ldexp(QUARTERS[e % 4], e // 4))


def pack(deltas: dict[str, Delta]) -> dict[str, Tensor]:
    """The tensors ``levels`` and ``steps`` of a file."""
    ordered = [deltas[name] for name in sorted(deltas)]
    levels = np.concatenate([d.levels.numpy().astype(np.int32).ravel() for d in ordered])
    zigzag = np.where(levels < 0, -2 * levels - 1, 2 * levels).astype(np.uint16)
    steps = np.concatenate([np.concatenate([d.rows.numpy(), d.columns.numpy()]) for d in ordered]).astype(np.int8)
    planes = (zigzag & 255).astype(np.uint8).tobytes() + (zigzag >> 8).astype(np.uint8).tobytes()
    return {"levels": _compressed(planes), "steps": _compressed(steps.tobytes())}


def unpack(packed: dict[str, Tensor], shapes: dict[str, torch.Size]) -> dict[str, Delta]:
    """What ``pack`` was given, for weights of these names and shapes; ``LinksimError`` if it is not that."""
    names = sorted(shapes)
    weights = sum(shapes[name].numel() for name in names)
    planes = _expanded(packed["levels"], 2 * weights).astype(np.uint16)
    zigzag = (planes[:weights] | planes[weights:] << 8).astype(np.int32)
    levels = torch.from_numpy(np.where(zigzag & 1, -((zigzag + 1) >> 1), zigzag >> 1))
    channels = [size for name in names for size in shapes[name][:2]]
    steps = torch.from_numpy(_expanded(packed["steps"], sum(channels)).view(np.int8)).split(channels)
    split = levels.split([shapes[name].numel() for name in names])
    return {name: Delta(split[i].reshape(shapes[name]), steps[2 * i], steps[2 * i + 1]) for i, name in enumerate(names)}


def _compressed(data: bytes) -> Tensor:
    return torch.frombuffer(bytearray(lzma.compress(data, lzma.FORMAT_XZ, filters=FILTERS)), dtype=torch.uint8)


def _expanded(packed: Tensor, size: int) -> np.ndarray:
    """The ``size`` bytes that were compressed."""
    if packed.dtype != torch.uint8:
        raise LinksimError(f"holds {packed.dtype}, not torch.uint8")
    try:
        data = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=2**28).decompress(packed.numpy().tobytes(), size + 1)
    except lzma.LZMAError as error:
        raise LinksimError(f"not LZMA ({error})") from None
    if len(data) != size:
        raise LinksimError(f"holds other than {size} bytes")
    return np.frombuffer(bytearray(data), np.uint8)

"""Half-precision weights as what differs from another network's, exactly, in a few bytes.

A half-precision number's bits, read as an integer that grows with the number, differ little after fine-tuning. The
differences of all weights that both networks have, in the order of their names, are written zigzag (0, -1, 1, -2, …
as 0, 1, 2, 3, …), all low bytes before all high bytes, and compressed by LZMA.
"""

from __future__ import annotations

import lzma
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from linksim.errors import LinksimError

FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 0, "pb": 0}]


def shared(weights: Mapping[str, Any], base: Mapping[str, Any]) -> list[str]:
    """The names of tensors (or shapes) that have the same shape in both, sorted."""
    shapes, others = ({name: tuple(getattr(t, "shape", t)) for name, t in each.items()} for each in (weights, base))
    return sorted(name for name, shape in shapes.items() if others.get(name) == shape)


def difference(weights: Mapping[str, Tensor], base: Mapping[str, Tensor]) -> Tensor:
    """What restores the tensors that both have.

    Args:
        weights, base: half-precision tensors by name.

    Returns:
        Uint8 (B,).
    """
    names = shared(weights, base)
    step = _integers(weights, names) - _integers(base, names)  # modulo 2^16
    zigzag = ((step << 1) ^ (step >> 15)).view(np.uint16)
    planes = (zigzag & 255).astype(np.uint8).tobytes() + (zigzag >> 8).astype(np.uint8).tobytes()
    packed = lzma.compress(planes, lzma.FORMAT_XZ, filters=FILTERS)
    return torch.frombuffer(bytearray(packed), dtype=torch.uint8)


def restored(packed: Tensor, base: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
    """The half-precision tensors of these names, from the base and what ``difference`` returned.

    Raises:
        LinksimError: It is not that.
    """
    start = _integers(base, names)
    planes = _expanded(packed, 2 * start.size).astype(np.uint16)
    zigzag = planes[: start.size] | planes[start.size :] << 8
    step = (zigzag >> 1).view(np.int16) ^ -(zigzag & 1).view(np.int16)
    whole = torch.from_numpy(_mirrored(start + step)).view(torch.float16)
    parts = whole.split([base[name].numel() for name in names])
    return {name: part.reshape(base[name].shape).clone() for name, part in zip(names, parts, strict=True)}


def _integers(weights: Mapping[str, Tensor], names: Sequence[str]) -> npt.NDArray[np.int16]:
    """All numbers of these tensors end to end, as int16 that grow with them."""
    bits = [weights[name].contiguous().view(torch.int16).numpy().ravel() for name in names]
    return _mirrored(np.concatenate([np.zeros(0, np.int16), *bits]))


def _mirrored(bits: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """The bits of a float16 as an integer that grows with it, or the other way round."""
    return bits ^ (bits >> 15 & 0x7FFF)


def _expanded(packed: Tensor, size: int) -> npt.NDArray[np.uint8]:
    """The ``size`` bytes that were compressed."""
    if packed.dtype != torch.uint8:
        raise LinksimError(f"holds {packed.dtype}, not torch.uint8")
    try:
        data = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=2**28).decompress(packed.numpy().tobytes(), size + 1)
    except lzma.LZMAError as error:
        raise LinksimError(f"not LZMA ({error})") from None
    if len(data) != size:
        raise LinksimError(f"holds other than {size} bytes")
    return np.frombuffer(data, np.uint8)

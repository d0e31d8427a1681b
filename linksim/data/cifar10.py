"""CIFAR-10 in its official "python version": pickled batches, read without running what a pickle asks for."""

from __future__ import annotations

import io
import pickle
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from linksim.data.base import Dataset, Sample
from linksim.data.files import fingerprint, first_existing, missing, require_folder
from linksim.errors import LinksimError, unknown

SIDE = 32
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = {"test": ("test_batch",), "train": tuple(f"data_batch_{i}" for i in range(1, 6))}


class CIFAR10(Dataset):
    """32×32 images of ten classes. No task that is shipped knows them: train a head (``linksim train-task``) or
    bring a network."""

    name = "cifar10"
    classes = CLASSES
    description = "CIFAR-10, 32×32, 10 classes"
    splits = tuple(BATCHES)
    embedded = False
    expects = (
        "test_batch and data_batch_1 to data_batch_5, of cifar-10-python.tar.gz; "
        "from https://www.cs.toronto.edu/~kriz/cifar.html"
    )

    def __init__(self, root: Path, split: str = "test"):
        if split not in BATCHES:
            raise unknown("split of cifar10", split, BATCHES)
        self.root = require_folder(self.name, Path(root), self.expects)
        self.root = first_existing([self.root / "cifar-10-batches-py"]) or self.root
        self.split = split
        self._files = [self.root / name for name in BATCHES[split]]
        absent = [path.name for path in self._files if not path.is_file()]
        if absent:
            raise missing(self.name, self.root, f"no {', '.join(absent)}", self.expects)
        self._starts = np.cumsum([0] + [len(read_batch(path)[1]) for path in self._files])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(f"cifar10/{self.split} has {len(self)} images, no index {index}")
        batch = int(np.searchsorted(self._starts, index, side="right")) - 1
        images, labels = read_batch(self._files[batch])
        within = index - int(self._starts[batch])
        key = f"{self.split}-{index:05d}"
        return Sample(np.ascontiguousarray(images[within]), key, int(labels[within]), sources=(key,))

    def identity(self) -> dict[str, Any]:
        return {"dataset": self.name, "split": self.split, **fingerprint(self.root, self._files)}


@lru_cache(maxsize=6)
def read_batch(path: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Images (N, 32, 32, 3) and labels (N,) of one batch file."""
    try:
        content = _Unpickler(io.BytesIO(path.read_bytes()), encoding="bytes").load()
        fields = {k.decode() if isinstance(k, bytes) else k: v for k, v in content.items()}
        pixels = fields["data"].pixels()
        labels = np.array(fields["labels"], dtype=np.int64)
    except Exception as error:  # a damaged pickle makes the machine raise anything
        why = f"{path.name} is no batch of it, or half-copied ({str(error) or type(error).__name__})"
        raise missing(CIFAR10.name, path.parent, why, CIFAR10.expects) from None
    each = 3 * SIDE * SIDE
    if pixels.shape != (len(labels), each) or not len(labels):
        raise LinksimError(f"{path}: data of shape {pixels.shape}, expected ({len(labels)}, {each}) for its labels")
    if labels.min() < 0 or labels.max() >= len(CLASSES):
        raise LinksimError(f"{path}: labels {labels.min()} to {labels.max()}, expected 0 to {len(CLASSES) - 1}")
    return pixels.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1), labels


class _Array:
    """Takes the state of a pickled numpy array without being one."""

    def __init__(self, *arguments: Any):
        self._state: Any = None

    def __setstate__(self, state: Any) -> None:
        self._state = state

    def pixels(self) -> npt.NDArray[np.uint8]:
        _, shape, dtype, fortran, content = self._state
        if dtype.code not in (b"u1", "u1") or fortran:
            raise LinksimError(f"array of {dtype.code!r}, expected of bytes in C order")
        return np.frombuffer(content, np.uint8).reshape(shape)


class _Type:
    """Takes the arguments of a pickled numpy dtype."""

    def __init__(self, code: Any = None, *arguments: Any):
        self.code = code

    def __setstate__(self, state: Any) -> None:
        """The rest of a dtype (byte order, fields ...) means nothing for bytes."""


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 pickles bytes under protocol 2."""
    return text.encode(encoding)


class _Unpickler(pickle._Unpickler):
    """Knows arrays of numbers and what pickle itself has (dict, list, str, bytes, int); anything else is refused.
    The one in Python, since five bytes make the one in C reserve gigabytes."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return _Array
        allowed = {("numpy", "ndarray"): _Array, ("numpy", "dtype"): _Type, ("_codecs", "encode"): _encode}
        if (module, name) not in allowed:
            raise LinksimError(f"it asks for {module}.{name}")
        return allowed[module, name]

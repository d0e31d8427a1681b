"""What a task calls a class and what a data set calls it: matched by name, with the aliases of the common data sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

# COCO's spelling is the canonical one; left of it Pascal VOC's and CIFAR-10's.
_ALIASES = {
    "aeroplane": "airplane",
    "motorbike": "motorcycle",
    "sofa": "couch",
    "tvmonitor": "tv",
    "diningtable": "dining table",
    "pottedplant": "potted plant",
    "automobile": "car",
}


def class_map(task_classes: Sequence[str], dataset_classes: Sequence[str]) -> npt.NDArray[np.int64]:
    """For each of the task's classes the index of the data set's class of that name, or -1 where it has none.

    Case, ``_`` and ``-`` do not matter; Pascal VOC's and CIFAR-10's spellings equal COCO's; an ImageNet synset
    equals each of its names that no other synset of the thousand has.

    >>> class_map(["person", "airplane", "tv"], ["tvmonitor", "Aeroplane"])
    array([-1,  1,  0])
    >>> class_map(["n01440764"], ["goldfish", "tench"])
    array([1])
    """
    index: dict[str, int] = {}
    for i, name in enumerate(dataset_classes):
        for key in _keys(name):
            index.setdefault(key, i)
    found = [next((index[key] for key in _keys(name) if key in index), -1) for name in task_classes]
    return np.array(found, dtype=np.int64)


def imagenet_synsets() -> tuple[str, ...]:
    """The 1,000 WordNet identifiers of ImageNet's classes (ILSVRC 2012), in the order of a network's outputs."""
    return tuple(_imagenet())


@cache
def _imagenet() -> dict[str, tuple[str, ...]]:
    """Synset to its names: WordNet's lemmas, in the table of the PyPI package timm 1.0 (Apache-2.0)."""
    text = (files("linksim.tasks") / "weights" / "imagenet_classes.txt").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines())
    return {synset: tuple(_spelling(name) for name in names.split(",")) for synset, names in rows}


@cache
def _ambiguous() -> frozenset[str]:
    """Names that more than one of the thousand synsets has: crane (the bird, the machine), maillot, …"""
    count = Counter(name for names in _imagenet().values() for name in set(names))
    return frozenset(name for name, synsets in count.items() if synsets > 1)


def _keys(name: str) -> tuple[str, ...]:
    """All that a class may be called, the strictest first."""
    spelled = _spelling(name)
    names = _imagenet().get(spelled, ()) if spelled.startswith(("n0", "n1")) else ()
    return (_ALIASES.get(spelled, spelled), *(_ALIASES.get(n, n) for n in names if n not in _ambiguous()))


def _spelling(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())

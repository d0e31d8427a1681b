"""Names of classes: a task's matched with a data set's, and the ways to write them down."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from linksim.errors import LinksimError
from linksim.link import Image

if TYPE_CHECKING:
    from linksim.tasks.base import Task

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


@dataclass(frozen=True)
class Labels:
    """How a task's predictions are read as classes of a data set.

    index: (task's classes,) int64, the data set's class of each of the task's, -1 where there is none; None if the
    numbers are the same. notes: lines for the reader of the results.
    """

    index: npt.NDArray[np.int64] | None
    notes: tuple[str, ...] = ()


def match_labels(task: Task, dataset_classes: Sequence[str], image: Image | None = None) -> Labels:
    """Match a task's classes with a data set's: by name if the task has names, else by number.

    Args:
        task: The task.
        dataset_classes: The data set's class names; empty if it has no labels.
        image: An image to count the task's outputs with, (H, W, 3) uint8. Without it the counts are not compared.

    Returns:
        The data set's class of each of the task's classes, and notes on what was assumed.

    Raises:
        LinksimError: The counts differ, no name is shared, or a name is ambiguous.
    """
    outputs = None if image is None else task.outputs(image)
    if task.classes and outputs not in (None, len(task.classes)):
        raise LinksimError(f"task {task.name!r} has {outputs} outputs but names {len(task.classes)} classes")
    if not dataset_classes:
        return Labels(None)
    if not task.classes:
        if outputs not in (None, len(dataset_classes)):
            known = " (?classes=imagenet for ImageNet's 1,000)" if outputs == len(_imagenet()) else ""
            raise LinksimError(
                f"task {task.name!r} has {outputs} outputs and no names for them, but the data set has "
                f"{len(dataset_classes)} classes; name the outputs with ?classes=FILE{known}"
            )
        return Labels(None, _order_notes(task.name, dataset_classes))
    if tuple(task.classes) == tuple(dataset_classes) and len(set(dataset_classes)) == len(dataset_classes):
        return Labels(None)
    try:
        index = class_map(task.classes, dataset_classes)
    except LinksimError as error:
        raise LinksimError(f"task {task.name!r}: {error}") from error
    absent = [name for i, name in enumerate(dataset_classes) if i not in index]
    if len(absent) == len(dataset_classes):
        raise LinksimError(
            f"task {task.name!r} knows none of the data set's classes ({_some(dataset_classes)}); its own are "
            f"{_some(task.classes)}; choose another --task, or --task none"
        )
    notes = (
        f"task {task.name!r} has no class for {len(absent)} of the data set's {len(dataset_classes)} "
        f"({_some(absent)}): it cannot predict them",
    )
    return Labels(index, notes if absent else ())


def _order_notes(task: str, classes: Sequence[str]) -> tuple[str, ...]:
    """What is assumed of a task without names, if classes sorted as text, without case and by number differ."""
    orders = (sorted(classes), sorted(classes, key=str.lower), sorted(classes, key=_by_number))
    if all(order == list(classes) for order in orders):
        return ()
    whose = "torchvision's" if list(classes) == orders[0] else "the data set's own"
    return (
        f"task {task!r} does not name its outputs: they are taken in the order {_some(classes)} ({whose}); "
        "name them with ?classes=FILE if the network's order differs",
    )


def _by_number(name: str) -> list[tuple[int, str]]:
    """Sort key under which '10' comes after '2'."""
    return [(int(part), "") if part.isdecimal() else (0, part.lower()) for part in re.split(r"(\d+)", name)]


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + ", ..." * (len(names) > most)


def class_map(task_classes: Sequence[str], dataset_classes: Sequence[str]) -> npt.NDArray[np.int64]:
    """For each of the task's classes the index of the data set's class of that name, or -1 where it has none.

    Equal names match first. Otherwise case, ``_`` and ``-`` do not matter, Pascal VOC's and CIFAR-10's spellings equal
    COCO's, a name may list synonyms between commas, and an ImageNet synset equals each of its names that no other
    synset of the thousand has.

    Raises:
        LinksimError: A name fits two classes of the data set equally well, or two outputs have the same name.

    >>> class_map(["person", "airplane", "tv"], ["tvmonitor", "Aeroplane"])
    array([-1,  1,  0])
    >>> class_map(["n01440764"], ["goldfish", "tench"])
    array([1])
    """
    index: dict[str, dict[int, int]] = {}  # key -> class of the data set -> how loosely the key names it
    for i, name in enumerate(dataset_classes):
        for key, looseness in _keys(name).items():
            index.setdefault(key, {})[i] = looseness
    found = [_best(name, index, dataset_classes) for name in task_classes]
    taken: dict[tuple[int, str], int] = {}
    for output, (name, label) in enumerate(zip(task_classes, found, strict=True)):
        first = taken.setdefault((label, name), output)
        if label >= 0 and first != output:
            raise LinksimError(f"outputs {first} and {output} have the same name {name!r}; tell them apart")
    return np.array(found, dtype=np.int64)


def _best(name: str, index: Mapping[str, Mapping[int, int]], dataset_classes: Sequence[str]) -> int:
    """The class that shares the strictest key with ``name``, or -1."""
    ranks: dict[int, int] = {}
    for key, looseness in _keys(name).items():
        for i, theirs in index.get(key, {}).items():
            ranks[i] = min(max(looseness, theirs), ranks.get(i, max(looseness, theirs)))
    best = sorted(i for i, rank in ranks.items() if rank == min(ranks.values()))
    if len(best) > 1:
        both = " and ".join(repr(dataset_classes[i]) for i in best[:2])
        raise LinksimError(f"its class {name!r} fits the data set's classes {both} alike")
    return best[0] if best else -1


def parse_names(text: str) -> tuple[str, ...]:
    """Class names from the ways they are written in files and in models' metadata.

    A name a line; names between commas on a single line; a list; or a dictionary, index to name or name to index.

    Raises:
        LinksimError: The text begins as a list or dictionary, but is not one of names.

    >>> parse_names("{0: 'person', 1: 'bicycle'}")
    ('person', 'bicycle')
    """
    text = text.strip().removeprefix("\ufeff")
    if not text.startswith(("[", "{")):
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return tuple(part.strip() for part in lines[0].split(",")) if len(lines) == 1 else tuple(lines)
    try:
        found = ast.literal_eval(text)
        if isinstance(found, dict):
            pairs = found.items() if all(str(key).isdecimal() for key in found) else ((v, k) for k, v in found.items())
            numbered = {int(number): name for number, name in pairs}
            found = [numbered[i] for i in range(len(found))]
        return tuple(str(name) for name in found)
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise LinksimError(f"class names {text[:40]!r}...: not a list of names, nor numbered from 0 on") from error


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


@cache
def _keys(name: str) -> dict[str, int]:
    """All that a class may be called, and how loosely: 0 as written, 1 but for case and dashes, 2 as COCO spells it,
    3 a synonym."""
    spelled = _spelling(name)
    synset = re.match(r"n\d{8}\b", spelled)
    synonyms = [part.strip() for part in spelled.split(",")]
    if synset:
        synonyms += [synset[0], *(known for known in _imagenet().get(synset[0], ()) if known not in _ambiguous())]
    keys = {name: 0}
    for key, looseness in ((spelled, 1), (_ALIASES.get(spelled, spelled), 2)):
        keys.setdefault(key, looseness)
    for synonym in synonyms:
        keys.setdefault(synonym, 3)
        keys.setdefault(_ALIASES.get(synonym, synonym), 3)
    return keys


def _spelling(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())

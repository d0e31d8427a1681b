"""Whether images can be sent and scored: all are opened before anything is measured, and all bad ones are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from linksim.data.base import Dataset, Objects, Sample
from linksim.errors import LinksimError, one_line

SHOWN = 10
"""Bad images that a message gives the reasons of."""


def complaint(sample: Any, classes: int) -> str:
    """Say what keeps a sample from being sent and scored.

    Args:
        sample: What a data set gave for an image.
        classes: Number of the data set's classes; 0 if it names none.

    Returns:
        A clause such as "must be (H, W, 3) uint8, not list", or '' for a sound sample.
    """
    if not isinstance(sample, Sample) or not isinstance(sample.key, str):
        given = type(sample if not isinstance(sample, Sample) else sample.key).__name__
        return f"must be a Sample whose key is text, not {given}"
    image, label, sources = sample.image, sample.label, sample.sources
    if not isinstance(image, np.ndarray):
        return f"must be (H, W, 3) uint8, not {type(image).__name__}"
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        return f"must be (H, W, 3) uint8, not {image.shape} {image.dtype}"
    if not isinstance(sources, tuple) or not all(isinstance(source, str) for source in sources):
        return f"must have a tuple of texts as its sources, not {sources!r:.60}"
    if not all(_is_unicode(text) for text in (sample.key, *sources)):
        return "must have a key and sources that UTF-8 can write: escape the bytes that are not text"
    if label is not None and not (isinstance(label, int | np.integer) and 0 <= label < (classes or label + 1)):
        allowed = f"a class from 0 to {classes - 1}" if classes else "a whole number of at least 0"
        return f"must have {allowed} as its label, not {label!r:.60}"
    return _complaint_of_objects(sample.objects, classes)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _complaint_of_objects(objects: Objects | None, classes: int) -> str:
    if objects is None:
        return ""
    boxes, labels, difficult = map(np.asarray, (objects.boxes, objects.labels, objects.difficult))
    shapes = (boxes.shape, labels.shape, difficult.shape)
    if boxes.ndim != 2 or shapes != ((len(boxes), 4), (len(boxes),), (len(boxes),)):
        return f"must have boxes (n, 4), labels (n,) and difficult (n,) as its objects, not {shapes}"
    if not np.isfinite(boxes).all() or (boxes[:, 2:] < boxes[:, :2]).any():
        return "must have finite boxes x0, y0, x1, y1 with x0 <= x1 and y0 <= y1"
    if len(labels) and not (labels.min() >= 0 and labels.max() < (classes or labels.max() + 1)):
        return f"must have objects of classes from 0 to {classes - 1}, not {labels.min()} to {labels.max()}"
    return ""


def readable(
    dataset: Dataset,
    indices: Sequence[int],
    *,
    skip_bad: bool,
    progress: Callable[[int, int], None] | None = None,
    around: Callable[[int], AbstractContextManager[None]] = lambda index: nullcontext(),
) -> tuple[list[int], dict[str, str]]:
    """Open and check images, so that a run does not stop half-way for one of them.

    Each image is read once; its digest is kept, so that ``dataset.digest`` of it costs nothing afterwards. Images of a
    data set that declares itself ``trusted`` are not opened.

    Args:
        dataset: The images.
        indices: Numbers of those to check.
        skip_bad: Leave bad images out instead of raising.
        progress: Called with the number of images checked and of all.
        around: A context in which an image is read, such as one that limits the time.

    Returns:
        The indices of the sound images, in the order given, and the reason for each bad one by its name.

    Raises:
        LinksimError: If images are bad and ``skip_bad`` is false, naming all of them; or if no image is sound.
    """
    if dataset.trusted:
        return list(indices), {}
    kept: list[int] = []
    names: dict[str, int] = {}
    reasons: dict[str, str] = {}
    for done, index in enumerate(indices, 1):
        with around(index):
            name, why = _check(dataset, index)
        if not why and name in names:
            why = f"has the same key as image {names[name]}"
            name = f"image {index} ({name})"
        if why:
            reasons[name] = why
        else:
            kept.append(index)
            names[name] = index
        if progress is not None:
            progress(done, len(indices))
    if reasons and (not skip_bad or not kept):
        count = f"{len(reasons)} of {len(indices)}"
        advice = "; --skip-bad (in Python skip_bad=True) leaves them out" if kept else ""
        raise LinksimError(f"data set {dataset.name!r}: {count} images cannot be used: {listed(reasons)}{advice}")
    return kept, reasons


def listed(reasons: Mapping[str, str]) -> str:
    """Bad images with their reasons; beyond ``SHOWN``, how many more.

    >>> listed({"a.png": "empty file", "b.png": "no such file"})
    'a.png (empty file), b.png (no such file)'
    """
    shown = [f"{name} ({why})" for name, why in list(reasons.items())[:SHOWN]]
    more = len(reasons) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def left_out(reasons: Mapping[str, str], count: int) -> str:
    """The sentence that a table carries when bad images were skipped; '' if none were.

    Args:
        reasons: What ``readable`` returned.
        count: Number of images that were checked.
    """
    if not reasons:
        return ""
    were = "image was" if len(reasons) == 1 else "images were"
    return f"{len(reasons)} of {count} {were} left out, since they cannot be used: {listed(reasons)}."


def _check(dataset: Dataset, index: int) -> tuple[str, str]:
    """Name of an image, and what is wrong with it ('' if nothing)."""
    name = dataset.name_of(index)
    try:
        sample = dataset[index]
        why = complaint(sample, len(dataset.classes))
        if not why:
            name = sample.key
            dataset.digest(index, sample)
    except (Exception, SystemExit) as error:  # whatever a file or somebody's data set leads to
        kind = "" if isinstance(error, LinksimError) else f"{type(error).__name__}: "
        why = kind + one_line(error).rpartition(f"{name}: ")[2]
    return name, why

"""Average precision of detections: Pascal VOC's rules, COCO's through pycocotools, each as a function of
how often every image counts.

Detections are matched to objects once; every average precision, also each of the bootstrap's, is then a weighted
cumulative sum over the matches.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from linksim.data.base import Objects
from linksim.errors import LinksimError
from linksim.scoring.intervals import Floats, Ints
from linksim.tasks.base import Detections

METHODS = {"all-points": 0, "11-point": 11, "101-point": 101}
"""How precision is averaged over recall: at every recall reached (VOC since 2010), or at so many equally spaced
recalls from 0 to 1 (VOC 2007; COCO)."""


@dataclass(frozen=True)
class Matches:
    """What became of D detections in N images of C classes, best score first.

    image, label: (D,) int64. hit: (D,) bool, true positive or false. positives: (N, C) int64, objects to be found.
    Detections of ``difficult`` objects are in none of these.
    """

    image: Ints
    label: Ints
    hit: npt.NDArray[np.bool_]
    positives: Ints

    def average_precision(self, method: str = "all-points", weights: npt.NDArray[Any] | None = None) -> Floats:
        """(C,) average precision of each class; NaN for a class without objects. With ``weights`` (B, N), how often
        each image counts in each of B resamples: (B, C)."""
        if method not in METHODS:
            raise LinksimError(f"average-precision method {method!r}: must be one of {', '.join(METHODS)}")
        counts = np.ones((1, len(self.positives))) if weights is None else weights
        counts = np.ascontiguousarray(counts, np.int64)
        result = _areas()(counts, *self._by_class, counts @ self.positives, np.linspace(0, 1, METHODS[method]))
        return result[0] if weights is None else result

    @cached_property
    def _by_class(self) -> tuple[Ints, npt.NDArray[np.bool_], Ints]:
        """Image and hit of the detections of each class, best first, up to its last hit, since no precision at a recall
        depends on later ones; and (C + 1,) where each class begins."""
        classes = range(self.positives.shape[1])
        places = [np.flatnonzero(self.label == label) for label in classes]
        places = [mine[: 1 + np.flatnonzero(self.hit[mine]).max(initial=-1)] for mine in places]
        order = np.concatenate([np.empty(0, np.int64), *places])
        return self.image[order], self.hit[order], np.cumsum([0, *map(len, places)])

    def mean(self, method: str = "all-points") -> float:
        """Mean average precision over the classes that have objects; NaN if none has."""
        return float(self.means(method, np.ones((1, len(self.positives))))[0])

    def means(self, method: str, weights: npt.NDArray[Any]) -> Floats:
        """(B,) what ``mean`` is in each of B resamples that take every image ``weights`` (B, N) times."""
        per_class = self.average_precision(method, weights)
        there = ~np.isnan(per_class)
        total, count = np.where(there, per_class, 0.0).sum(1), there.sum(1)
        return np.divide(total, count, out=np.full(len(weights), np.nan), where=count > 0)


def match(detections: Sequence[Detections], objects: Sequence[Objects], iou: float = 0.5) -> Matches:
    """Match every image's detections to its objects by the rules of Pascal VOC (Everingham et al. 2010, section 4.4).

    In order of score, a detection belongs to the object of its class that it overlaps most. It is a hit if their
    intersection over union is at least ``iou`` and no better detection has hit that object; if the object is
    ``difficult`` it does not count at all; otherwise it is a false alarm.

    detections, objects: one per image, labels in the same numbering (see ``linksim.tasks.classes``). Detections of
    labels above every object's are left out, as no average precision of theirs exists.
    """
    if len(detections) != len(objects):
        raise LinksimError(f"{len(detections)} images with detections, but {len(objects)} with objects")
    classes = 1 + max((int(o.labels.max()) for o in objects if len(o.labels)), default=-1)
    parts = [_match_image(d, o, classes, iou) for d, o in zip(detections, objects, strict=True)]
    columns = [np.concatenate(column) for column in zip(*(part[:3] for part in parts), strict=True)] or [
        np.empty(0)
    ] * 3
    score, label, hit = columns
    image = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
    order = np.argsort(-score, kind="stable")
    positives = np.array([part[3] for part in parts], np.int64).reshape(len(parts), classes)
    return Matches(image[order], label[order].astype(np.int64), hit[order].astype(bool), positives)


def mean_average_precision(
    detections: Sequence[Detections],
    objects: Sequence[Objects],
    iou: float = 0.5,
    method: str = "all-points",
) -> float:
    """mAP at one overlap; see ``match`` for the arguments, ``METHODS`` for the methods.

    >>> box = np.array([[0, 0, 4, 4]], np.float32)
    >>> one = Objects(box, np.array([0]), np.array([False]))
    >>> found = np.array([[0, 0, 4, 3, 0.9, 0], [9, 9, 12, 12, 0.5, 0]], np.float32)
    >>> mean_average_precision([found], [one])
    1.0
    """
    return match(detections, objects, iou).mean(method)


def coco_map(detections: Sequence[Detections], objects: Sequence[Objects]) -> float:
    """COCO's mAP over the overlaps 0.5, 0.55, …, 0.95; ``difficult`` objects are its crowds."""
    return float(np.mean([matches.mean("101-point") for matches in coco_matches(detections, objects)]))


def coco_matches(detections: Sequence[Detections], objects: Sequence[Objects]) -> list[Matches]:
    """Matches by COCO's rules at each of its ten overlaps, by pycocotools; ``difficult`` objects are its crowds."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth: list[dict[str, Any]] = [
        {"image_id": i, "category_id": int(label), "bbox": _xywh(box), "area": _area_of(box), "iscrowd": int(difficult)}
        for i, image in enumerate(objects)
        for box, label, difficult in zip(image.boxes, image.labels, image.difficult, strict=True)
    ]
    classes = 1 + max((annotation["category_id"] for annotation in truth), default=-1)
    found = [
        {
            "image_id": i,
            "category_id": int(row[5]),
            "bbox": _xywh(row[:4]),
            "area": _area_of(row),
            "score": float(row[4]),
        }
        for i, image in enumerate(detections)
        for row in image
        if row[5] < classes
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(_coco(COCO(), truth, len(objects)), _coco(COCO(), found, len(objects)), "bbox")
        evaluation.params.areaRng = evaluation.params.areaRng[:1]  # all sizes: three quarters less work
        evaluation.params.areaRngLbl = evaluation.params.areaRngLbl[:1]
        evaluation.evaluate()
    images = [image for image in evaluation.evalImgs if image]
    positives = np.zeros((len(objects), classes), np.int64)
    for image in images:
        positives[image["image_id"], image["category_id"]] = np.count_nonzero(np.equal(image["gtIgnore"], 0))
    whose = [np.repeat([i[name] for i in images], [len(i["dtIds"]) for i in images]) for name in _WHOSE]
    order = np.argsort([-score for image in images for score in image["dtScores"]], kind="stable")
    number, label = (values[order].astype(np.int64) for values in whose)
    none = np.empty((len(evaluation.params.iouThrs), 0))
    ignored, matched = (np.concatenate([none, *(i[name] for i in images)], 1)[:, order] for name in _FATE)
    return [
        Matches(number[counts], label[counts], hit[counts], positives)
        for counts, hit in zip(ignored == 0, matched > 0, strict=True)
    ]


_WHOSE, _FATE = ("image_id", "category_id"), ("dtIgnore", "dtMatches")
"""Names in pycocotools' results: of an image and a class, and of what became of detections at each overlap."""


def _match_image(found: Detections, truth: Objects, classes: int, iou: float) -> tuple[Floats, Ints, Ints, Ints]:
    """(scores, labels, hits) of the detections that count, and the number of objects of each class."""
    positives = np.bincount(truth.labels[~truth.difficult], minlength=classes)
    found = found[found[:, 5] < classes]
    found = found[np.argsort(-found[:, 4], kind="stable")]
    labels, hit, counts = found[:, 5].astype(np.int64), np.zeros(len(found), np.int64), np.ones(len(found), bool)
    if len(truth.boxes):
        overlap = np.where(labels[:, None] == truth.labels, _overlaps(found[:, :4], truth.boxes), -1.0)
        best = overlap.argmax(1)
        taken = np.zeros(len(truth.boxes), bool)
        for i in np.flatnonzero(overlap.max(1) >= iou):
            counts[i] = not truth.difficult[best[i]]
            hit[i] = not taken[best[i]]
            taken[best[i]] = True
    return found[counts, 4].astype(np.float64), labels[counts], hit[counts], positives


def _overlaps(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> Floats:
    """(len(a), len(b)) intersection over union of boxes x0, y0, x1, y1."""
    p, q = a.astype(np.float64)[:, None], b.astype(np.float64)[None]
    sides = np.minimum(p[..., 2:], q[..., 2:]) - np.maximum(p[..., :2], q[..., :2])
    shared = sides.clip(0).prod(-1)
    union = (p[..., 2:] - p[..., :2]).prod(-1) + (q[..., 2:] - q[..., :2]).prod(-1) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


@cache
def _areas() -> Callable[..., Floats]:
    """The compiled areas under precision-recall curves; made on first use, since numba is slow to import."""
    from numba import njit

    @njit(cache=True, nogil=True)
    def areas(counts, image, hit, starts, positives, recalls):
        """(B, C) areas of the detections ``image``, ``hit`` of each class from ``starts`` (C + 1,), if images count
        ``counts`` (B, N) times and there are ``positives`` (B, C) objects. Precision at a recall is the best at that
        recall or a higher one. It is averaged over ``recalls`` or, if these are none, over every recall reached."""
        found = np.full(positives.shape, np.nan)
        for b, c in np.ndindex(positives.shape):
            objects = positives[b, c]
            if objects == 0:
                continue
            seen, hits = 0, 0
            for d in range(starts[c], starts[c + 1]):
                count = counts[b, image[d]]
                seen += count
                hits += count * hit[d]
            point, best, reached, averaged = len(recalls) - 1, 0.0, 0.0, 0.0
            while point >= 0 and recalls[point] > hits / objects:  # beyond the last recall, precision is 0
                point -= 1
            for d in range(starts[c + 1] - 1, starts[c] - 1, -1):
                count = counts[b, image[d]]
                if hit[d] and count:
                    best = max(best, hits / seen)  # misses before the next hit only lower it
                    hits -= count
                    reached += count * best
                    while point >= 0 and recalls[point] > hits / objects:
                        averaged += best
                        point -= 1
                seen -= count
            found[b, c] = (averaged + best * (point + 1)) / len(recalls) if len(recalls) else reached / objects
        return found

    return areas


def _xywh(box: npt.NDArray[np.float32]) -> list[float]:
    x0, y0, x1, y1 = (float(v) for v in box[:4])
    return [x0, y0, x1 - x0, y1 - y0]


def _area_of(box: npt.NDArray[np.float32]) -> float:
    _, _, width, height = _xywh(box)
    return width * height


def _coco(coco: object, annotations: list[dict], images: int) -> object:
    """A pycocotools data set made in memory."""
    coco.dataset = {  # type: ignore[attr-defined]
        "images": [{"id": i} for i in range(images)],
        "categories": [{"id": i} for i in {annotation["category_id"] for annotation in annotations}],
        "annotations": [{"id": i, "iscrowd": 0} | annotation for i, annotation in enumerate(annotations, 1)],
    }
    coco.createIndex()  # type: ignore[attr-defined]
    return coco

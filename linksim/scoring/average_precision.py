"""Average precision of detections: Pascal VOC's rules, COCO's through pycocotools, intervals by bootstrap.

Detections are matched to objects once; every average precision, also each of the bootstrap's, is then a weighted
cumulative sum over the matches.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from linksim.data.base import Objects
from linksim.errors import LinksimError
from linksim.scoring.intervals import bootstrap_weights
from linksim.tasks.base import Detections

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

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

    def average_precision(self, method: str = "all-points", weights: npt.NDArray[np.int64] | None = None) -> Floats:
        """(C,) average precision of each class; NaN for a class without objects. With ``weights`` (B, N), how often
        each image counts in each of B resamples: (B, C)."""
        if method not in METHODS:
            raise LinksimError(f"average-precision method {method!r}: must be one of {', '.join(METHODS)}")
        images, classes = self.positives.shape
        counts = np.ones((1, images), np.int64) if weights is None else weights
        result = np.full((len(counts), classes), np.nan)
        positives = counts @ self.positives
        for label in np.flatnonzero(self.positives.any(0)):
            mine = np.flatnonzero(self.label == label)
            drawn = positives[:, label] > 0
            taken = counts[np.ix_(drawn, self.image[mine])]
            result[drawn, label] = _area(taken, self.hit[mine], positives[drawn, label], METHODS[method])
        return result[0] if weights is None else result

    def mean(self, method: str = "all-points") -> float:
        """Mean average precision over the classes that have objects; NaN if none has."""
        return float(_mean(self.average_precision(method)[None])[0])

    def interval(self, method: str = "all-points", clusters: Ints | None = None) -> tuple[float, float]:
        """95 % percentile-bootstrap interval of ``mean``, resampling images, or whole clusters of them.

        clusters: (N,) which cluster each image belongs to, numbered from 0. The resamples are those of
        ``linksim.scoring.image_quality``, so that methods measured on the same images are paired.
        """
        images = len(self.positives)
        if images == 0 or not self.positives.any():
            return np.nan, np.nan
        cluster = np.arange(images) if clusters is None else clusters
        if cluster.max() < 1:  # one says nothing of how much others differ
            return np.nan, np.nan
        weights = bootstrap_weights(int(cluster.max()) + 1)
        batch = max(1, 20_000_000 // max(1, len(self.image)))
        means = [
            _mean(self.average_precision(method, weights[start : start + batch, cluster].astype(np.int64)))
            for start in range(0, len(weights), batch)
        ]
        low, high = np.nanquantile(np.concatenate(means), (0.025, 0.975))
        return float(low), float(high)


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
    """COCO's mAP over the overlaps 0.5, 0.55, …, 0.95, by pycocotools; ``difficult`` objects are its crowds."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = [
        {"image_id": i, "category_id": int(label), "bbox": _xywh(box), "area": _area_of(box), "iscrowd": int(difficult)}
        for i, image in enumerate(objects)
        for box, label, difficult in zip(image.boxes, image.labels, image.difficult, strict=True)
    ]
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
    ]
    if not truth:
        return float("nan")
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(_coco(COCO(), truth, len(objects)), _coco(COCO(), found, len(objects)), "bbox")
        evaluation.params.areaRng = evaluation.params.areaRng[:1]  # all sizes: three quarters less work
        evaluation.params.areaRngLbl = evaluation.params.areaRngLbl[:1]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, -1]  # overlaps, recalls, classes, all areas, 100 detections
    return float(precision[precision > -1].mean())


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


def _area(taken: Ints, hit: npt.NDArray[np.bool_], positives: Ints, points: int) -> Floats:
    """(B,) area under the precision-recall curve of one class whose D detections count ``taken`` (B, D) times, of
    ``positives`` (B,) objects. Precision at a recall is the best at that recall or a higher one."""
    hits = np.cumsum(taken * hit, axis=1)
    total = np.cumsum(taken, axis=1)
    precision = np.divide(hits, total, out=np.zeros(hits.shape), where=total > 0)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    if points == 0:
        return (taken * hit * envelope).sum(1) / positives
    padded = np.pad(envelope, ((0, 0), (0, 1)))  # beyond the last recall reached, precision is 0
    grid = np.linspace(0, 1, points)
    recall = hits / positives[:, None]
    return np.array([row[np.searchsorted(r, grid)].mean() for row, r in zip(padded, recall, strict=True)])


def _mean(per_class: Floats) -> Floats:
    """Mean over the last axis without NaN; NaN where nothing else is."""
    there = ~np.isnan(per_class)
    count = there.sum(-1)
    total = np.where(there, per_class, 0.0).sum(-1)
    return np.divide(total, count, out=np.full(len(per_class), np.nan), where=count > 0)


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

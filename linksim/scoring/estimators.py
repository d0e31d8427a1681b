"""How a metric follows from rows: each estimator turns a group of rows into a function of the sources' weights.

Of equal weights it is the metric's value, of a bootstrap's weights the value in each resample, so that one definition
serves aggregates, intervals and paired differences.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from linksim.data.base import Dataset, Objects
from linksim.errors import LinksimError
from linksim.scoring.intervals import Floats, Ints, Statistic, ratio

if TYPE_CHECKING:
    import pandas as pd

    from linksim.scoring.average_precision import Matches

Mask = npt.NDArray[np.bool_]


class Truth:
    """The ground-truth objects of a data set's images by number, each read once."""

    def __init__(self, dataset: Dataset | None) -> None:
        self.dataset = dataset
        self._known: dict[int, Objects] = {}

    def __getitem__(self, image: int) -> Objects:
        if image not in self._known:
            objects = None if self.dataset is None else self.dataset[image].objects
            if objects is None:
                name = "" if self.dataset is None else f" {self.dataset.name!r}"
                raise LinksimError(f"data set{name} has no boxes; --task needs a detection data set")
            self._known[image] = objects
        return self._known[image]


class Group:
    """Rows of one method at one operating point.

    rows: as the store reads them. source: (n,) int64, the source of each row, numbered from 0 without gaps; rows of
    equal source are not independent. truth: what there is to detect.
    """

    def __init__(self, rows: pd.DataFrame, source: Ints, truth: Truth) -> None:
        self.rows, self.truth = rows, truth
        self.source = np.unique(source, return_inverse=True)[1]

    @property
    def sources(self) -> int:
        """How many sources there are."""
        return int(self.source.max()) + 1 if len(self.source) else 0

    def only(self, mask: Mask) -> Group:
        """The rows that the mask (n,) names."""
        return self if mask.all() else Group(self.rows[mask], self.source[mask], self.truth)

    @cached_property
    def detections(self) -> tuple[list[npt.NDArray[np.float32]], list[Objects]]:
        """What was found in each row's image, and what there is to be found."""
        found = [np.asarray(row, np.float32).reshape(-1, 6) for row in self.rows["detections"]]
        return found, [self.truth[image] for image in self.rows["image"]]

    @cached_property
    def voc_matches(self) -> Matches:
        """Detections matched to objects by the rules of Pascal VOC at an overlap of 0.5."""
        from linksim.scoring.average_precision import match

        return match(*self.detections)

    @cached_property
    def coco_matches(self) -> list[Matches]:
        """Detections matched to objects by COCO's rules, at each of its overlaps."""
        from linksim.scoring.average_precision import coco_matches

        return coco_matches(*self.detections)


Estimator = Callable[[Group], Statistic]


def mean(values: Callable[[pd.DataFrame], Any]) -> Estimator:
    """The mean over rows of what ``values`` gives for each."""

    def estimator(group: Group) -> Statistic:
        of_rows = np.asarray(values(group.rows), np.float64)
        return ratio(of_rows, np.ones(len(of_rows)), group.source, group.sources)

    return estimator


def ratio_of_sums(above: str, below: str) -> Estimator:
    """The sum of one column over the sum of another."""

    def estimator(group: Group) -> Statistic:
        numerators, denominators = (group.rows[name].to_numpy(np.float64) for name in (above, below))
        return ratio(numerators, denominators, group.source, group.sources)

    return estimator


def psnr_of_mean_mse(cap: float) -> Estimator:
    """10·log10(255² / mean MSE) in dB, at most ``cap``, of the mean over rows of the MSE that a row's PSNR tells."""
    relative_mse = mean(lambda rows: 10 ** (-rows["psnr"].to_numpy(np.float64) / 10))

    def estimator(group: Group) -> Statistic:
        statistic = relative_mse(group)
        return lambda weights: -10 * np.log10(np.maximum(statistic(weights), 10 ** (-cap / 10)))

    return estimator


def macro_f1(group: Group) -> Statistic:
    """Unweighted mean of F1 = 2TP / (2TP + FP + FN) over the classes that occur in the labels or the predictions, as
    scikit-learn defines it; predictions of any class that the data set does not have count as one further class."""
    from scipy.sparse import csr_array

    labels, predictions = (group.rows[name].to_numpy(np.int64) for name in ("label", "prediction"))
    classes, number = np.unique(np.concatenate([labels, predictions]), return_inverse=True)
    label, prediction = number.reshape(2, -1)
    shape = group.sources, len(classes)

    def counts(where: Mask, which: Ints) -> Any:
        """(sources, classes) how many rows of each source are of each class."""
        return csr_array((np.ones(int(where.sum())), (group.source[where], which[where])), shape=shape)

    every = np.ones(len(label), bool)
    hits, occurring = counts(label == prediction, label), counts(every, label) + counts(every, prediction)

    def statistic(weights: npt.NDArray[Any]) -> Floats:
        weighted = weights.astype(np.float64)
        true, total = weighted @ hits, weighted @ occurring
        scores = np.divide(2 * true, total, out=np.zeros(total.shape), where=total > 0)
        occurs = (total > 0).sum(1)
        return np.divide(scores.sum(1), occurs, out=np.full(len(weights), math.nan), where=occurs > 0)

    return statistic


def voc_map(method: str) -> Estimator:
    """Pascal VOC's mAP at an overlap of 0.5; method: see ``linksim.scoring.average_precision.METHODS``."""
    return lambda group: lambda weights: group.voc_matches.means(method, weights[:, group.source])


def coco_map(group: Group) -> Statistic:
    """COCO's mAP: the mean over overlaps of 0.5, 0.55, ..., 0.95."""
    matches = group.coco_matches
    return lambda weights: np.mean([m.means("101-point", weights[:, group.source]) for m in matches], axis=0)

"""Rows to summaries: means, rates and mAP per (method, budget, SNR) with 95 % intervals, and paired differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from linksim.data.base import Dataset, Objects
from linksim.errors import LinksimError
from linksim.metrics import bootstrap_mean, wilson

# fmt: off
COLUMNS = [
    "dataset", "method", "budget", "snr_db", "n", "psnr", "psnr_lo", "psnr_hi", "ssim", "ssim_lo", "ssim_hi",
    "acc", "acc_lo", "acc_hi", "f1", "map", "outage", "bpp", "cbr", "bler",
]
# fmt: on
GROUP = ["method", "budget", "snr_db"]


def summarise(rows: pd.DataFrame, dataset: Dataset, methods: tuple[str, ...], budgets: tuple[str, ...]) -> pd.DataFrame:
    """One line per method, budget and SNR, in the order asked for; the columns are ``COLUMNS``, plus those that a
    task adds: ``agreement`` with its interval, or ``map_lo``, ``map_hi``, ``map_11pt`` and ``map_coco``."""
    cluster_of = {source: i for i, source in enumerate(sorted(rows["source"].unique()))}
    shared = len(cluster_of) < rows["image"].nunique()
    truth = _Truth(dataset)
    lines: list[dict[str, Any]] = []
    for key, group in rows.groupby(GROUP, sort=False, observed=True):
        clusters = group["source"].map(cluster_of).to_numpy(np.int64)
        line: dict[str, Any] = {"dataset": dataset.name, **dict(zip(GROUP, key, strict=True)), "n": len(group)}
        for name in ("psnr", "ssim"):
            line[name], line[f"{name}_lo"], line[f"{name}_hi"] = mean_interval(group[name].to_numpy(float), clusters)
        line |= _verdicts(group, clusters, shared, len(dataset.classes)) | _detections(group, truth)
        line["outage"] = 1 - group["ok"].mean()
        line["bpp"], line["cbr"] = group["bpp"].mean(), group["cbr"].mean()
        blocks = group["blocks_sent"].sum()
        line["bler"] = group["block_errors"].sum() / blocks if blocks else math.nan
        lines.append(line)
    extra = [name for name in dict.fromkeys(k for line in lines for k in line) if name not in COLUMNS]
    table = pd.DataFrame(lines, columns=[*COLUMNS, *extra])
    table["method"] = pd.Categorical(table["method"], methods)
    table["budget"] = pd.Categorical(table["budget"], budgets)
    table = table.sort_values(["budget", "method", "snr_db"], ignore_index=True)
    return table.astype({"method": str, "budget": str})


def mean_interval(values: npt.NDArray[np.float64], clusters: npt.NDArray[np.int64]) -> tuple[float, float, float]:
    """Mean and its 95 % bootstrap interval over clusters; rows without the value (NaN) are left out."""
    there = ~np.isnan(values)
    if not there.any():
        return math.nan, math.nan, math.nan
    numbers = np.unique(clusters[there], return_inverse=True)[1]
    return float(values[there].mean()), *bootstrap_mean(values[there], numbers)


def _verdicts(group: pd.DataFrame, clusters: npt.NDArray[np.int64], shared: bool, class_count: int) -> dict[str, float]:
    """ACC (or agreement) with its interval, and macro-F1. Wilson's interval assumes independent images, so where
    images share sources the bootstrap over sources stands in for it."""
    judged = group["correct"].notna().to_numpy()
    if not judged.any():
        return {}
    correct = group["correct"][judged].to_numpy(float)
    rate, n = float(correct.mean()), len(correct)
    low, high = mean_interval(correct, clusters[judged])[1:] if shared else wilson(correct.sum(), n)
    name = "agreement" if group["agreement"][judged].any() else "acc"
    found = {name: rate, f"{name}_lo": low, f"{name}_hi": high}
    if name == "acc":
        labels, verdicts = (group[c][judged].to_numpy(np.int64) for c in ("label", "verdict"))
        found["f1"] = macro_f1(labels, verdicts)
    return found


def macro_f1(labels: npt.NDArray[np.int64], verdicts: npt.NDArray[np.int64]) -> float:
    """Unweighted mean over the classes that occur in the labels of F1 = 2TP / (2TP + FP + FN)."""
    scores = []
    for c in np.unique(labels):
        true = int(((labels == c) & (verdicts == c)).sum())
        scores.append(2 * true / (int((labels == c).sum()) + int((verdicts == c).sum())))
    return float(np.mean(scores))


class _Truth:
    """The ground-truth objects of a data set, read once each."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.known: dict[int, Objects] = {}

    def __getitem__(self, image: int) -> Objects:
        if image not in self.known:
            objects = self.dataset[image].objects
            if objects is None:
                raise LinksimError(f"data set {self.dataset.name!r} has no boxes; --task needs a detection data set")
            self.known[image] = objects
        return self.known[image]


def _detections(group: pd.DataFrame, truth: _Truth) -> dict[str, float]:
    """mAP@0.5 (VOC all-points) with its bootstrap interval over images, VOC 11-point, and COCO's 0.5:0.95."""
    judged = group["detections"].notna()
    if not judged.any():
        return {}
    from linksim.detection_metrics import coco_map, match

    found = [np.asarray(d, np.float32).reshape(-1, 6) for d in group["detections"][judged]]
    objects = [truth[image] for image in group["image"][judged]]
    matches = match(found, objects)
    low, high = matches.interval(clusters=np.unique(group["image"][judged], return_inverse=True)[1])
    return {
        "map": matches.mean(),
        "map_lo": low,
        "map_hi": high,
        "map_11pt": matches.mean("11-point"),
        "map_coco": coco_map(found, objects),
    }


def differences(rows: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Each method's mean difference to the baseline method over the same images, SNRs and noise, with the 95 %
    interval of a paired bootstrap over sources. Columns: method, baseline, budget, snr_db, n and, for each of psnr,
    ssim and acc (or agreement), NAME, NAME_lo and NAME_hi."""
    if baseline not in set(rows["method"]):
        raise LinksimError(f"baseline {baseline!r} is not among the methods: {', '.join(sorted(set(rows['method'])))}")
    pair = ["budget", "snr_db", "image", "trial"]
    reference = rows[rows["method"] == baseline]
    lines = []
    for method in dict.fromkeys(rows["method"]):
        if method == baseline:
            continue
        both = rows[rows["method"] == method].merge(reference, on=pair, suffixes=("", "_ref"))
        for (budget, snr_db), group in both.groupby(["budget", "snr_db"], sort=True, observed=True):
            line = {"method": method, "baseline": baseline, "budget": budget, "snr_db": snr_db, "n": len(group)}
            clusters = np.unique(group["source"], return_inverse=True)[1]
            for name, column in (("psnr", "psnr"), ("ssim", "ssim"), ("acc", "correct")):
                change = group[column].astype(float) - group[f"{column}_ref"].astype(float)
                finite = change.where(np.isfinite(change)).to_numpy(float)
                line |= dict(zip((name, f"{name}_lo", f"{name}_hi"), mean_interval(finite, clusters), strict=True))
            lines.append(line)
    return pd.DataFrame(lines)

"""Rows to summaries: means, rates and mAP per (method, budget, SNR) with 95 % intervals, and paired differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from linksim.data.base import Dataset, Objects
from linksim.errors import LinksimError
from linksim.scoring.intervals import bootstrap_mean, wilson

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
    truth = _Truth(dataset)
    lines: list[dict[str, Any]] = []
    for key, group in rows.groupby(GROUP, sort=False, observed=True):
        clusters = group["source"].map(cluster_of).to_numpy(np.int64)
        line: dict[str, Any] = {"dataset": dataset.name, **dict(zip(GROUP, key, strict=True)), "n": len(group)}
        for name in ("psnr", "ssim"):
            line[name], line[f"{name}_lo"], line[f"{name}_hi"] = mean_interval(group[name].to_numpy(float), clusters)
        line |= _verdicts(group, clusters) | _detections(group, clusters, truth)
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
    with np.errstate(invalid="ignore"):  # differences to an exact image may be infinite either way: no mean then
        return float(values[there].mean()), *bootstrap_mean(values[there], numbers)


def _rate(name: str, values: npt.NDArray[np.float64], clusters: npt.NDArray[np.int64]) -> dict[str, float]:
    """A rate and its interval. Wilson's assumes independent rows, so where images share sources, or were sent several
    times, the bootstrap over sources stands in for it; where all rows are alike, which it takes for certainty, Wilson's
    for as many sources."""
    rate, sources = float(values.mean()), len(np.unique(clusters))
    certain = rate in (0, 1)
    if sources < len(values) and not certain:
        low, high = mean_interval(values, clusters)[1:]
    else:
        low, high = wilson(rate * sources, sources)
    return {name: rate, f"{name}_lo": low, f"{name}_hi": high}


def _verdicts(group: pd.DataFrame, clusters: npt.NDArray[np.int64]) -> dict[str, float]:
    """ACC (or agreement) with its interval, and macro-F1."""
    predicted = group["correct"].notna().to_numpy()
    if not predicted.any():
        return {}
    agreement = group["agreement"][predicted].astype(bool)
    if agreement.nunique() > 1:
        raise LinksimError("some images have labels and some have none: give all of them one, or choose --task none")
    name = "agreement" if agreement.iloc[0] else "acc"
    found = _rate(name, group["correct"][predicted].to_numpy(float), clusters[predicted])
    if name == "acc":
        labels, predictions = (group[c][predicted].to_numpy(np.int64) for c in ("label", "verdict"))
        found["f1"] = macro_f1(labels, predictions)
    return found


def macro_f1(labels: npt.NDArray[np.int64], predictions: npt.NDArray[np.int64]) -> float:
    """Unweighted mean over the classes that occur in the labels of F1 = 2TP / (2TP + FP + FN)."""
    scores = []
    for c in np.unique(labels):
        true = int(((labels == c) & (predictions == c)).sum())
        scores.append(2 * true / (int((labels == c).sum()) + int((predictions == c).sum())))
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


def _detections(group: pd.DataFrame, clusters: npt.NDArray[np.int64], truth: _Truth) -> dict[str, float]:
    """mAP@0.5 (VOC all-points) with its bootstrap interval over sources, VOC 11-point, and COCO's 0.5:0.95."""
    predicted = group["detections"].notna().to_numpy()
    if not predicted.any():
        return {}
    from linksim.scoring.average_precision import coco_map, match

    found = [np.asarray(d, np.float32).reshape(-1, 6) for d in group["detections"][predicted]]
    objects = [truth[image] for image in group["image"][predicted]]
    matches = match(found, objects)
    low, high = matches.interval(clusters=np.unique(clusters[predicted], return_inverse=True)[1])
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
    ssim and acc (or agreement), NAME, NAME_lo and NAME_hi. Of two exact images neither is better; where one of them is
    exact, the mean difference of their PSNRs is infinite."""
    if baseline not in set(rows["method"]):
        raise LinksimError(f"baseline {baseline!r} is not among the methods: {', '.join(sorted(set(rows['method'])))}")
    pair = ["budget", "snr_db", "image", "trial"]
    reference = rows[rows["method"] == baseline]
    predictions = "agreement" if rows["agreement"].astype("boolean").any() else "acc"
    lines = []
    for method in dict.fromkeys(rows["method"]):
        if method == baseline:
            continue
        both = rows[rows["method"] == method].merge(reference, on=pair, suffixes=("", "_ref"))
        for (budget, snr_db), group in both.groupby(["budget", "snr_db"], sort=False, observed=True):
            line = {"method": method, "baseline": baseline, "budget": budget, "snr_db": snr_db, "n": len(group)}
            clusters = np.unique(group["source"], return_inverse=True)[1]
            for name, column in (("psnr", "psnr"), ("ssim", "ssim"), (predictions, "correct")):
                of, over = (group[c].to_numpy(float, na_value=np.nan) for c in (column, f"{column}_ref"))
                with np.errstate(invalid="ignore"):  # of two infinite PSNRs, which are equal
                    change = np.where(of == over, 0.0, of - over)
                line |= dict(zip((name, f"{name}_lo", f"{name}_hi"), mean_interval(change, clusters), strict=True))
            lines.append(line)
    return pd.DataFrame(lines)

"""Summaries and differences of rows: all metrics have intervals, all are finite, and what is left out is counted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from linksim.data.base import Dataset, Objects, Sample
from linksim.errors import LinksimError
from linksim.scoring.aggregation import COLUMNS, differences, summarise
from linksim.scoring.estimators import Group, Truth, macro_f1
from linksim.scoring.intervals import bootstrap_weights, value, wilson
from linksim.scoring.metrics import PSNR_CAP, Interval, chosen

TASK = [metric.column for metric in chosen() if metric.of_task]


class Boxes(Dataset):
    """Images of one object each."""

    name = "boxes"

    def __len__(self) -> int:
        return 1000

    def __getitem__(self, index: int) -> Sample:
        box = np.array([[0, 0, 10, 10]], np.float32)
        return Sample(
            np.zeros((16, 16, 3), np.uint8), str(index), objects=Objects(box, np.array([index % 3]), np.array([False]))
        )

    def identity(self) -> dict[str, Any]:
        return {}


def rows(images: int = 12, method: str = "a", **columns: Any) -> pd.DataFrame:
    """Rows of one method, with plausible scores that ``columns`` override."""
    stream = np.random.default_rng(images)
    given = {
        "channel": "awgn",
        "method": method,
        "budget": "bpp=1",
        "snr_db": 10.0,
        "trial": 0,
        "image": np.arange(images),
        "source": [f"s{i}" for i in range(images)],
        "ok": stream.random(images) < 0.7,
        "bpp": stream.uniform(0.5, 1, images),
        "cbr": stream.uniform(0.2, 0.4, images),
        "papr": stream.uniform(3, 6, images),
        "blocks_sent": 4,
        "block_errors": stream.integers(0, 3, images),
        "psnr": stream.normal(30, 3, images),
        "ssim": stream.uniform(0.5, 1, images),
        "label": None,
        "prediction": None,
        "correct": None,
        "agreement": None,
        "as_original": None,
        "detections": None,
    }
    return pd.DataFrame(given | columns)


def labelled(images: int = 12, wrong: int = 4, **columns: Any) -> pd.DataFrame:
    """Rows with predictions, the first ``wrong`` of them wrong."""
    label = np.arange(images) % 3
    prediction = np.where(np.arange(images) < wrong, (label + 1) % 3, label)
    found = {"label": label, "prediction": prediction, "correct": label == prediction, "agreement": False}
    return rows(images, **(found | columns))


def detected(images: int = 12, **columns: Any) -> pd.DataFrame:
    """Rows with detections, two of three of which are right."""
    found = [[0, 0, 10, 10 if i % 3 else 3, 0.9 - i / 100, i % 3 if i % 4 else 0] for i in range(images)]
    return rows(images, detections=[np.array(row, np.float32) for row in found], **columns)


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    orders = {name: tuple(frame[name].unique()) for name in ("channel", "method", "budget")}
    return summarise(frame, Boxes(), **orders)


@pytest.mark.parametrize("make", [rows, labelled, detected])
def test_every_metric_has_an_interval_that_holds_it(make: Any) -> None:
    table = summary(make())
    assert list(table) == COLUMNS
    line = table.iloc[0]
    for metric in chosen():
        found, low, high = (line[name] for name in metric.columns[:3])
        if metric.of_task and math.isnan(found):
            continue
        assert low <= found <= high, metric.column
        assert low < high, metric.column
    assert not np.isinf(line[COLUMNS[5:]].to_numpy(float)).any()


def test_a_metrics_interval_is_that_of_its_definition_in_each_resample() -> None:
    """F1 and the block error rate against scikit-learn and plain sums over resampled sources of two rows each."""
    sources = [f"s{i // 2}" for i in range(30)]
    frame = labelled(30, 13, source=sources)
    line = summary(frame).iloc[0]
    number = np.array([sorted(set(sources)).index(source) for source in sources])
    f1, bler = [], []
    for weights in bootstrap_weights(15):
        drawn = frame.loc[np.repeat(np.arange(30), weights[number])]
        f1.append(f1_score(drawn["label"].astype(int), drawn["prediction"].astype(int), average="macro"))
        bler.append(drawn["block_errors"].sum() / drawn["blocks_sent"].sum())
    for name, values in (("f1", f1), ("bler", bler)):
        assert [line[f"{name}_lo"], line[f"{name}_hi"]] == pytest.approx(np.quantile(values, (0.025, 0.975)), abs=1e-9)


@pytest.mark.parametrize("high", [5, 9])
def test_f1_is_scikit_learns_also_over_classes_that_only_predictions_have(high: int) -> None:
    stream = np.random.default_rng(1)
    labels, predictions = stream.integers(0, 5, 200), stream.integers(-1, high, 200)
    frame = labelled(200, label=labels, prediction=predictions, correct=labels == predictions)
    group = Group(frame, np.arange(200), Truth(Boxes()))
    assert value(macro_f1(group), 200) == pytest.approx(f1_score(labels, predictions, average="macro"), abs=1e-12)


def test_rates_of_independent_rows_have_wilsons_interval() -> None:
    line = summary(labelled(20, 4, ok=np.arange(20) < 15)).iloc[0]
    assert (line["acc"], line["outage"]) == (0.8, 0.25)
    assert (line["acc_lo"], line["acc_hi"]) == pytest.approx(wilson(16, 20))
    assert (line["outage_lo"], line["outage_hi"]) == pytest.approx(wilson(5, 20))


def test_what_was_always_or_never_seen_is_not_certain() -> None:
    never = summary(labelled(10, 0, ok=True, block_errors=0)).iloc[0]
    always = summary(labelled(10, 10, ok=False, block_errors=4)).iloc[0]
    for metric in chosen():
        if metric.interval is not Interval.MEAN and not math.isnan(never[metric.column]):
            for line in (never, always):
                assert line[metric.column] in (0, 1)
                assert (line[f"{metric.column}_lo"], line[f"{metric.column}_hi"]) == pytest.approx(
                    wilson(10 * line[metric.column], 10)
                )


def test_exact_images_count_with_a_stated_psnr() -> None:
    line = summary(rows(4, psnr=[math.inf, 30.0, 40.0, 70.0])).iloc[0]
    assert pytest.approx(10 * math.log10(255**2 / (1 / 12))) == PSNR_CAP
    assert line["psnr"] == pytest.approx((PSNR_CAP + 30 + 40 + PSNR_CAP) / 4)
    assert math.isfinite(line["psnr_hi"])
    assert line["exact"] == 0.25
    only = summary(rows(4, psnr=math.inf)).iloc[0]
    assert only["psnr"] == only["psnr_lo"] == only["psnr_hi"] == pytest.approx(PSNR_CAP)


def test_an_aggregate_says_over_how_many_images_it_is_taken() -> None:
    twice = pd.concat([rows(6, ssim=[0.5, math.nan, 0.7, math.nan, 0.9, 0.7], trial=trial) for trial in range(2)])
    line = summary(twice.reset_index(drop=True)).iloc[0]
    assert (line["n"], line["images"], line["psnr_images"], line["ssim_images"]) == (12, 6, 6, 4)
    assert line["ssim"] == pytest.approx(0.7)
    none = summary(rows(6, ssim=math.nan)).iloc[0]
    assert none["ssim_images"] == 0
    assert np.isnan(none[["ssim", "ssim_lo", "ssim_hi"]].to_numpy(float)).all()


def test_one_image_has_values_but_hardly_an_interval() -> None:
    line = summary(labelled(1, 0)).iloc[0]
    assert math.isfinite(line["psnr"])
    assert math.isnan(line["psnr_lo"])
    assert (line["acc"], line["acc_hi"]) == (1, 1)
    assert line["acc_lo"] == pytest.approx(wilson(1, 1)[0])


def test_links_without_blocks_and_images_without_objects_have_no_such_metric() -> None:
    line = summary(rows(blocks_sent=0, block_errors=0)).iloc[0]
    assert line[["bler", "bler_lo", "bler_hi", *TASK]].isna().all()


def test_labels_of_some_images_only_are_refused() -> None:
    with pytest.raises(LinksimError, match="some images have labels"):
        summary(labelled(4, agreement=[True, False, False, False]))


@pytest.mark.parametrize("make", [rows, labelled, detected])
def test_a_difference_is_that_of_the_aggregates_on_the_same_rows(make: Any) -> None:
    first, second = make(method="a"), make(method="b").iloc[::-1]
    second = second.assign(psnr=second["psnr"] - 1, ok=True, block_errors=0, correct=second["correct"])
    frame = pd.concat([first, second], ignore_index=True)
    lines = summary(frame).set_index("method")
    change = differences(frame, "b", Boxes())
    assert list(change["method"]) == ["a"]
    line = change.iloc[0]
    assert (line["n"], line["images"], line["psnr"]) == (12, 12, pytest.approx(1))
    for metric in chosen():
        name = metric.column
        assert (name in line) == metric.compared
        if metric.compared and not math.isnan(lines.loc["a", name]):
            assert line[name] == pytest.approx(lines.loc["a", name] - lines.loc["b", name], abs=1e-12)
            assert line[f"{name}_lo"] <= line[name] + 1e-12
            assert line[name] <= line[f"{name}_hi"] + 1e-12


def test_a_paired_difference_of_f1_is_narrower_than_that_of_strangers() -> None:
    stream = np.random.default_rng(3)
    label = stream.integers(0, 4, 200)
    guess = np.where(stream.random(200) < 0.5, label, (label + 1) % 4)
    better = np.where(np.arange(200) < 10, label, guess)
    frame = pd.concat(
        [
            labelled(200, method=name, label=label, prediction=given, correct=label == given)
            for name, given in (("plain", guess), ("better", better))
        ],
        ignore_index=True,
    )
    line, lines = differences(frame, "plain", Boxes()).iloc[0], summary(frame).iloc[0]
    assert 0 <= line["f1_lo"] < line["f1"] < line["f1_hi"]
    assert line["f1_hi"] - line["f1_lo"] < 0.6 * (lines["f1_hi"] - lines["f1_lo"])


@pytest.mark.parametrize(("of", "over", "interval"), [(True, False, (0.6075, 1.0)), (True, True, (-0.2775, 0.2775))])
def test_differences_of_certain_rates_are_newcombes(of: bool, over: bool, interval: tuple[float, float]) -> None:
    """10 of 10 against 0 of 10, and against 10 of 10: rows h and f of table II in Newcombe (1998)."""
    both = [rows(10, method=name, ok=not given) for name, given in (("a", of), ("b", over))]
    line = differences(pd.concat(both, ignore_index=True), "b", Boxes()).iloc[0]
    assert (line["outage_lo"], line["outage_hi"]) == pytest.approx(interval, abs=5e-5)


def test_differences_with_exact_and_with_small_images_are_finite() -> None:
    small = [math.nan, math.nan, 0.5, 0.6]
    frame = pd.concat(
        [rows(4, "exact", psnr=math.inf, ssim=small), rows(4, "a", psnr=[30.0, math.inf, 31, 32], ssim=small)],
        ignore_index=True,
    )
    line = differences(frame, "a", Boxes()).iloc[0]
    assert line["psnr"] == pytest.approx((3 * PSNR_CAP - 93) / 4)
    assert (line["ssim"], line["ssim_lo"], line["ssim_hi"]) == (0, 0, 0)
    assert not np.isinf(line.iloc[7:].to_numpy(float)).any()


def test_only_rows_of_the_same_image_and_noise_are_compared() -> None:
    frame = pd.concat([rows(6, "a"), rows(6, "b").iloc[2:]], ignore_index=True)
    assert differences(frame, "b", Boxes()).iloc[0]["n"] == 4
    with pytest.raises(LinksimError, match="baseline 'c' is not among the methods: a, b"):
        differences(frame, "c", Boxes())
    apart = pd.concat([rows(6, "a"), rows(6, "b", snr_db=5.0)], ignore_index=True)
    assert differences(apart, "b", Boxes()).empty


def test_agreement_is_with_the_prediction_on_the_original_labels_or_not() -> None:
    given = summary(labelled(4, correct=[True, True, False, False], as_original=[True, False, True, True]))
    assert [given[name].item() for name in ("acc", "agreement")] == [0.5, 0.75]
    bare = labelled(4, correct=[True, True, False, True], agreement=True)
    assert summary(bare)["agreement"].item() == 0.75  # of rows that were written before the column was there
    assert summary(bare.assign(as_original=False))["agreement"].item() == 0
    assert summary(bare)["acc"].isna().all()

"""Curve differences of rows: values and intervals written out, signs, and what is left out."""

from __future__ import annotations

import math
from typing import Any

import bjontegaard
import numpy as np
import pandas as pd
import pytest

from linksim.errors import LinksimError
from linksim.scoring.curves import COLUMNS, comparable, curve_differences
from linksim.scoring.intervals import bootstrap_weights
from linksim.scoring.metrics import metric

IMAGES = 9
METHODS = ("base", "good")
GAINS = {"good": 2.0, "base": 0.0}


def rows(
    snrs: tuple[float, ...] = (10.0,), budgets: tuple[str, ...] = ("bpp=1",), methods: tuple[str, ...] = METHODS
) -> pd.DataFrame:
    """Rows whose PSNR rises by 3 dB per doubling of the rate and by 1 dB per dB of SNR; two images share a source."""
    stream = np.random.default_rng(5)
    lines: list[dict[str, Any]] = []
    for budget in budgets:
        for method in methods:
            for snr_db in snrs:
                for image in range(IMAGES):
                    rate = float(budget[4:]) * stream.uniform(0.8, 1)
                    quality = 25 + 10 * math.log10(rate) + snr_db + GAINS[method] + image / 4 + stream.normal(0, 0.2)
                    lines.append(
                        {"channel": "awgn", "method": method, "budget": budget, "snr_db": snr_db, "trial": 0}
                        | {"image": image, "source": f"s{image // 2}", "bpp": rate, "psnr": quality, "ok": True}
                        | {"lpips": 1 - quality / 100}
                    )
    return pd.DataFrame(lines)


PSNR = (metric("psnr"),)
BUDGETS = ("bpp=0.25", "bpp=0.5", "bpp=1", "bpp=2")
SNRS = (0.0, 2.0, 4.0, 6.0, 8.0)


def lines_of(frame: pd.DataFrame) -> dict[str, pd.Series]:
    return {line["quantity"]: line for _, line in frame.iterrows()}


def resampled_means(frame: pd.DataFrame, column: str, by: str, method: str) -> np.ndarray:
    """(1 + 1000, points) means over images whose sources are drawn, the first of all images once."""
    of = frame[frame["method"] == method]
    values = of.pivot(index=by, columns="image", values=column)
    values = values.loc[sorted(values.index, key=lambda key: float(str(key).removeprefix("bpp=")))].to_numpy()
    source = np.arange(IMAGES) // 2
    drawn = bootstrap_weights(5)[:, source].astype(float)
    weights = np.vstack([np.ones(IMAGES), drawn])
    return weights @ values.T / weights.sum(1, keepdims=True)


def test_bd_rate_and_its_interval_are_the_packages_of_every_resample() -> None:
    frame = rows(budgets=BUDGETS)
    found = lines_of(curve_differences(frame, METHODS, "base", metrics=PSNR))
    curves = [
        resampled_means(frame, column, "budget", method) for method in ("base", "good") for column in ("bpp", "psnr")
    ]
    for name, function in (("bd_rate", "bd_rate"), ("bd_quality", "bd_psnr")):
        value, *drawn = (
            getattr(bjontegaard, function)(*curve, method="pchip", min_overlap=0) for curve in zip(*curves, strict=True)
        )
        line = found[name]
        assert line["value"] == pytest.approx(value)
        assert (line["value_lo"], line["value_hi"]) == pytest.approx(tuple(np.quantile(drawn, (0.025, 0.975))))
        assert (line["snr_db"], line["budget"], line["images"]) == (10, "bpp", IMAGES)
    assert found["bd_rate"]["value"] == pytest.approx(100 * (10**-0.2 - 1), abs=5)
    assert found["bd_quality"]["value"] == pytest.approx(2, abs=0.3)


def test_numbers_over_snr_and_their_intervals() -> None:
    frame = rows(SNRS)
    table = curve_differences(frame, METHODS, "base", metrics=PSNR)
    assert list(table.columns) == COLUMNS
    found = lines_of(table)
    assert set(found) == {"bd_snr", "mean_difference", "share_ahead"}
    base, good = (resampled_means(frame, "psnr", "snr_db", method) for method in ("base", "good"))
    means = np.trapezoid(good - base, SNRS, axis=1) / 8
    line = found["mean_difference"]
    assert line["value"] == pytest.approx(means[0])
    assert (line["value_lo"], line["value_hi"]) == pytest.approx(tuple(np.quantile(means[1:], (0.025, 0.975))))
    assert found["bd_snr"]["value"] == pytest.approx(2, abs=0.2)
    assert found["bd_snr"]["value_lo"] < found["bd_snr"]["value"] < found["bd_snr"]["value_hi"]
    assert tuple(found["share_ahead"][["value", "value_lo", "value_hi"]]) == (1, 1, 1)


def test_swapping_method_and_baseline_swaps_signs() -> None:
    frame = rows(SNRS)
    one, other = (lines_of(curve_differences(frame, METHODS, b, metrics=PSNR)) for b in ("base", "good"))
    for name in ("bd_snr", "mean_difference"):
        assert one[name]["value"] == pytest.approx(-other[name]["value"])
        assert one[name]["value_lo"] == pytest.approx(-other[name]["value_hi"])


def test_of_a_metric_of_which_less_is_better_the_difference_keeps_its_sign() -> None:
    frame = rows(SNRS)
    psnr, lpips = (
        lines_of(curve_differences(frame, METHODS, "base", metrics=(metric(name),))) for name in ("psnr", "lpips")
    )
    assert lpips["bd_snr"]["value"] == pytest.approx(psnr["bd_snr"]["value"])
    assert lpips["bd_snr"]["start"] == pytest.approx(1 - psnr["bd_snr"]["end"] / 100)
    assert lpips["bd_snr"]["start"] < lpips["bd_snr"]["end"]
    assert lpips["mean_difference"]["value"] == pytest.approx(-psnr["mean_difference"]["value"] / 100)
    assert lpips["mean_difference"]["value_lo"] == pytest.approx(-psnr["mean_difference"]["value_hi"] / 100)
    assert lpips["share_ahead"]["value"] == 1


def test_a_crossing_has_the_interval_of_the_resamples_crossings() -> None:
    frame = rows(SNRS)
    slope = np.where(frame["method"] == "good", frame["snr_db"] - 5, 0)
    frame["psnr"] += slope - np.where(frame["method"] == "good", GAINS["good"], 0)
    found = lines_of(curve_differences(frame, METHODS, "base", metrics=PSNR))
    assert "behind_from" not in found
    base, good = (resampled_means(frame, "psnr", "snr_db", method) for method in ("base", "good"))
    gain = (good - base)[:, 1:4]  # it crosses zero between 4 and 6 dB
    at = 4 + 2 * gain[:, 1] / (gain[:, 1] - gain[:, 2])
    line = found["ahead_from"]
    assert line["value"] == pytest.approx(at[0])
    assert line["value"] == pytest.approx(5, abs=0.3)
    assert (line["value_lo"], line["value_hi"]) == pytest.approx(tuple(np.quantile(at[1:], (0.025, 0.975))))


def test_curves_that_do_not_overlap_have_no_number() -> None:
    frame = rows(SNRS, BUDGETS)
    frame.loc[frame["method"] == "good", "psnr"] += 15
    found = curve_differences(frame, METHODS, "base", metrics=PSNR).groupby("quantity")
    for name in ("bd_snr", "bd_rate"):
        assert found.get_group(name)[["value", "value_lo", "value_hi", "start", "end"]].isna().all(axis=None)
    assert found.get_group("bd_quality")["value"].notna().all()


def test_a_number_that_some_resamples_lack_has_no_interval() -> None:
    """Without the last source the curves do not overlap, which is a third of the resamples."""
    frame = rows(SNRS)
    frame.loc[frame["method"] == "good", "psnr"] += np.where(frame["image"] == IMAGES - 1, -60, 12)[
        frame["method"] == "good"
    ]
    line = lines_of(curve_differences(frame, METHODS, "base", metrics=PSNR))["bd_snr"]
    assert not math.isnan(line["value"])
    assert math.isnan(line["value_lo"])


def test_one_source_has_no_interval() -> None:
    frame = rows(SNRS).assign(source="s")
    line = lines_of(curve_differences(frame, METHODS, "base", metrics=PSNR))["mean_difference"]
    assert line["value"] == pytest.approx(2, abs=0.3)
    assert math.isnan(line["value_lo"])


def test_images_that_a_method_lacks_at_some_point_are_left_out_of_all() -> None:
    frame = rows(SNRS)
    lacking = (frame["image"] == 3) & (frame["method"] == "good") & (frame["snr_db"] == 4)
    found = curve_differences(frame[~lacking], METHODS, "base", metrics=PSNR)
    expected = curve_differences(frame[frame["image"] != 3], METHODS, "base", metrics=PSNR)
    pd.testing.assert_frame_equal(found, expected)
    assert set(found["images"]) == {IMAGES - 1}
    with pytest.raises(LinksimError, match="no image was measured by all methods"):
        curve_differences(frame[(frame["method"] == "base") == (frame["image"] < 5)], METHODS, "base", metrics=PSNR)


def test_one_point_is_no_curve() -> None:
    assert curve_differences(rows(), METHODS, "base", metrics=PSNR).empty


def test_what_cannot_be_compared_is_said() -> None:
    frame = rows(SNRS)
    with pytest.raises(LinksimError, match=r"unknown baseline 'bad'; known: base, good"):
        curve_differences(frame, METHODS, "bad")
    with pytest.raises(LinksimError, match="takes two methods beside 'original'; there is base"):
        curve_differences(frame, ("base",), "base")
    with pytest.raises(LinksimError, match=r"unknown metric 'psn' \(did you mean 'psnr'\?\)"):
        comparable(("psn",), frame, PSNR)
    with pytest.raises(LinksimError, match="metric 'bpp': must be one of which more or less is better: psnr"):
        comparable(("bpp",), frame, PSNR)
    with pytest.raises(LinksimError, match="metric 'ssim' was not measured; there are psnr"):
        comparable(("ssim",), frame, PSNR)

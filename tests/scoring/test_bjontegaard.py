"""Differences between curves against the package ``bjontegaard`` and closed forms."""

from __future__ import annotations

import itertools
import math

import bjontegaard
import numpy as np
import pytest

from linksim.scoring.bjontegaard import Curve, bd_quality, bd_rate, bd_snr, crossings, mean_difference, share_ahead

SEEDS = range(40)


def rising(stream: np.random.Generator, points: int, least: float, steps: tuple[float, float]) -> np.ndarray:
    return least + np.cumsum(stream.uniform(*steps, points))


def rd_curve(stream: np.random.Generator) -> Curve:
    """A monotone rate-distortion curve of 2 to 7 points."""
    points = int(stream.integers(2, 8))
    return Curve(np.exp(rising(stream, points, -2, (0.1, 1))), rising(stream, points, 25, (0.1, 4)))


OPTIONS = {"method": "pchip", "require_matching_points": False, "min_overlap": 0}


def overlap(first: np.ndarray, second: np.ndarray) -> bool:
    return max(first[0], second[0]) < min(first[-1], second[-1])


@pytest.mark.parametrize("seed", SEEDS)
def test_bd_rate_and_bd_psnr_are_the_packages(seed: int) -> None:
    stream = np.random.default_rng(seed)
    curve, baseline = rd_curve(stream), rd_curve(stream)
    rate, quality = bd_rate(curve, baseline), bd_quality(curve, baseline)
    if overlap(curve.quality, baseline.quality):
        assert rate.value == pytest.approx(bjontegaard.bd_rate(*baseline, *curve, **OPTIONS), rel=1e-9)
        assert rate.start == max(curve.quality[0], baseline.quality[0])
    else:
        assert np.isnan(rate).all()
    if overlap(curve.x, baseline.x):
        assert quality.value == pytest.approx(bjontegaard.bd_psnr(*baseline, *curve, **OPTIONS), rel=1e-9)
        assert quality.end == pytest.approx(min(curve.x[-1], baseline.x[-1]))
    else:
        assert np.isnan(quality).all()


def test_the_seeds_have_curves_that_overlap_and_curves_that_do_not() -> None:
    pairs = [(rd_curve(stream), rd_curve(stream)) for stream in map(np.random.default_rng, SEEDS)]
    for field in Curve._fields:
        assert {overlap(getattr(a, field), getattr(b, field)) for a, b in pairs} == {True, False}


def test_half_the_rate_is_minus_fifty_percent() -> None:
    baseline = Curve(np.array([0.1, 0.2, 0.5, 1]), np.array([28, 31, 34, 36]))
    assert bd_rate(baseline._replace(x=baseline.x / 2), baseline).value == pytest.approx(-50)
    assert bd_quality(baseline._replace(quality=baseline.quality + 1.5), baseline).value == pytest.approx(1.5)


def test_points_that_others_match_at_no_higher_rate_are_left_out() -> None:
    front = Curve(np.array([0.1, 0.3, 0.6, 1.2]), np.array([25.0, 30, 33, 34]))
    baseline = Curve(np.array([0.2, 0.4, 0.8]), np.array([26.0, 30, 32]))
    beaten = Curve(
        np.array([1.2, 0.4, 0.1, 0.3, 0.6, 0.3, 1.5, 0.0, 0.9]),
        np.array([34, 29, 25, 30, 33, 12, 34, 11, math.nan]),
    )
    for number in (bd_rate, bd_quality):
        assert number(beaten, baseline) == pytest.approx(number(front, baseline))
    assert bd_rate(front, baseline).value == pytest.approx(bjontegaard.bd_rate(*baseline, *front, **OPTIONS))


def test_a_curve_that_is_flat_has_no_bd_rate() -> None:
    flat, other = Curve(np.array([0.1, 0.2, 0.4]), np.full(3, 12.0)), rd_curve(np.random.default_rng(0))
    assert np.isnan(bd_rate(flat, other)).all()
    assert np.isnan(bd_quality(other, flat)).all()


def test_many_curves_at_once_are_each_by_itself() -> None:
    stream = np.random.default_rng(3)
    x = np.exp(rising(stream, 5, -2, (0.2, 0.5)))
    quality = stream.normal(30, 4, (2, 60, 5)) + 4 * np.arange(5)
    quality[0, stream.random((60, 5)) < 0.1] = math.nan
    for number in (bd_rate, bd_quality, bd_snr, mean_difference, share_ahead):
        together = number(*(Curve(np.broadcast_to(x, q.shape), q) for q in quality))
        alone = [number(Curve(x, a), Curve(x, b)) for a, b in zip(*quality, strict=True)]
        np.testing.assert_allclose(np.stack(together, axis=1), alone, rtol=1e-12)
        assert np.isfinite(together.value).sum() > 30


def dense(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A curve that is linear between its points, at so many that every interpolation of them is linear too."""
    at = np.concatenate([np.linspace(a, b, 400, endpoint=False) for a, b in itertools.pairwise(x)] + [x[-1:]])
    return at, np.interp(at, x, y)


@pytest.mark.parametrize("seed", SEEDS)
def test_numbers_over_snr_are_the_packages_of_linear_curves(seed: int) -> None:
    stream = np.random.default_rng(seed)
    curve, baseline = (
        Curve(rising(stream, 6, -2, (0.5, 4)), rising(stream, 6, 15 + 2 * stream.random(), (0.2, 4))) for _ in range(2)
    )
    saved = -bjontegaard.bd_linear(*dense(*baseline[::-1]), *dense(*curve[::-1]), **OPTIONS)
    assert bd_snr(curve, baseline).value == pytest.approx(saved, abs=2e-3)
    gained = bjontegaard.bd_linear(*dense(*baseline), *dense(*curve), **OPTIONS)
    assert mean_difference(curve, baseline).value == pytest.approx(gained, abs=2e-3)
    x = np.linspace(max(curve.x[0], baseline.x[0]), min(curve.x[-1], baseline.x[-1]), 20_001)
    gain = np.interp(x, *curve) - np.interp(x, *baseline)
    assert share_ahead(curve, baseline).value == pytest.approx(np.mean(gain > 0), abs=2e-4)
    turns = np.flatnonzero(np.diff(np.sign(gain)))
    found = crossings(curve, baseline)
    assert [at for at, _ in found] == pytest.approx(x[turns], abs=2e-3)
    assert [ahead for _, ahead in found] == [gain[i + 1] > 0 for i in turns]


SNR = np.arange(0.0, 21)


def cliff(edge: float, floor: float = 12, top: float = 36) -> np.ndarray:
    """A digital link's curve: flat at an outage, one step, flat at the top."""
    return np.where(edge > SNR, floor, top)


def test_the_flat_parts_of_cliffs_cost_nothing() -> None:
    assert bd_snr(Curve(SNR, cliff(8)), Curve(SNR, cliff(11))) == pytest.approx((3, 12, 36))
    found = bd_snr(Curve(SNR, cliff(8, top=30)), Curve(SNR, cliff(11)))
    assert found == pytest.approx((2 + 18 / 24 / 2 + 0.5 + 0.125, 12, 30), abs=0.2)
    assert (found.start, found.end) == (12, 30)


def test_a_curve_that_falls_counts_as_its_running_maximum() -> None:
    falling, raised = np.array([10.0, 20, 15, 25, 24]), np.array([10.0, 20, 20, 25, 25])
    x, baseline = np.arange(5.0), Curve(np.arange(5.0), np.array([8.0, 12, 16, 20, 26]))
    assert bd_snr(Curve(x, falling), baseline) == bd_snr(Curve(x, raised), baseline)
    assert mean_difference(Curve(x, falling), baseline).value < mean_difference(Curve(x, raised), baseline).value


def test_nothing_is_extrapolated() -> None:
    low, high = Curve(SNR, cliff(8, 12, 20)), Curve(SNR, 21 + SNR)
    assert np.isnan(bd_snr(low, high)).all()
    apart = Curve(SNR + 30, cliff(8))
    assert np.isnan(mean_difference(low, apart)).all()
    assert np.isnan(share_ahead(low, apart)).all()
    assert crossings(low, apart) == []
    one = Curve(SNR[:1], np.array([20.0]))
    assert crossings(one, low) == []
    assert np.isnan(mean_difference(one, low)).all()


def test_equal_pieces_part_at_their_end_and_touching_is_no_crossing() -> None:
    x = np.arange(6.0)
    zero = Curve(x, np.zeros(6))

    def of(*gain: float) -> list[tuple[float, bool]]:
        return crossings(Curve(x, np.array(gain)), zero)

    assert of(0, 0, 0, 1, 1, 1) == [(2, True)]
    assert of(1, 0, 0, -1, -1, -3) == [(2, False)]
    assert of(1, 0, 1, 0, 0, 1) == []
    assert of(-1, 1, 3, -1, -1, -1) == [(0.5, True), (2.75, False)]
    assert of(0, 0, 0, 0, 0, 0) == []

"""One number for two curves: Bjøntegaard's metrics over rates, and the same idea over SNRs.

Every function compares a method with a baseline over the range that both curves cover. Nothing is extrapolated: where
the curves do not overlap, the result is NaN.

Over rates, curves of quality and log10 of the rate are interpolated by piecewise cubic Hermite polynomials (PCHIP;
Fritsch and Butland 1984), which the package ``bjontegaard`` offers as ``pchip`` beside Akima's. They keep rising points
rising, so that a curve beside a cliff does not overshoot.

Over SNRs, curves are interpolated linearly: a separate scheme has a cliff between two SNRs, of which a measurement says
no more than that.

Curves that saturate or fall have no inverse. Over rates, a point that another one matches or beats at no higher rate is
left out (the Pareto front). Over SNRs, "the SNR that a quality needs" is the lowest at which the upper monotone
envelope of the points (the running maximum) reaches it; flat pieces then cost nothing, at an outage or at the top.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from linksim.scoring.intervals import Floats

Array = npt.NDArray[Any]


class Curve(NamedTuple):
    """One curve or many: qualities (..., n), of which more is better, at rates or SNRs in dB (..., n). Points with a
    NaN are left out."""

    x: Array
    quality: Array


class Delta(NamedTuple):
    """Mean differences between curves (...), and the ends of the common ranges that they are means over."""

    value: Floats
    start: Floats
    end: Floats


def bd_rate(method: Curve, baseline: Curve) -> Delta:
    """Rate that a method needs more than the baseline for the same quality, in percent (Bjøntegaard, VCEG-M33, 2001).

    Returns:
        100·(10^d - 1), d the mean difference of log10 of the rates over the qualities that both curves cover; negative
        where the method needs less.
    """

    def of_fronts(above: Curve, below: Curve) -> Delta:
        return _pchip_difference(*(Curve(c.quality, np.log10(c.x)) for c in (above, below)))

    found = _each(of_fronts, _front(method), _front(baseline))
    return found._replace(value=100 * (10**found.value - 1))


def bd_quality(method: Curve, baseline: Curve) -> Delta:
    """Mean gain in quality at the same rate over the log10 of the rates that both curves cover (BD-PSNR of PSNRs).

    Returns:
        The difference in the unit of the quality; the range is one of rates.
    """

    def of_fronts(above: Curve, below: Curve) -> Delta:
        return _pchip_difference(*(Curve(np.log10(c.x), c.quality) for c in (above, below)))

    found = _each(of_fronts, _front(method), _front(baseline))
    return found._replace(start=10**found.start, end=10**found.end)


def bd_snr(method: Curve, baseline: Curve) -> Delta:
    """SNR in dB that a method needs less than the baseline for the same quality.

    Returns:
        The mean horizontal distance over the qualities that both curves cover; positive where the method needs less.
    """
    return _each(_horizontal, _by_rising_x(method), _by_rising_x(baseline))


def mean_difference(method: Curve, baseline: Curve) -> Delta:
    """Mean gain in quality at the same SNR, over the SNRs that both curves cover."""

    def mean(x: Floats, gain: Floats) -> Floats:
        return np.trapezoid(gain, x) / (x[..., -1] - x[..., 0])

    return _vertical(mean, method, baseline)


def share_ahead(method: Curve, baseline: Curve) -> Delta:
    """Share of the common range of SNRs over which the method is ahead."""

    def share(x: Floats, gain: Floats) -> Floats:
        top, rise = np.maximum(gain[..., :-1], gain[..., 1:]), np.abs(np.diff(gain))
        part = np.divide(top, rise, out=(top > 0).astype(float), where=rise > 0).clip(0, 1)
        return np.sum(part * np.diff(x), axis=-1) / (x[..., -1] - x[..., 0])

    return _vertical(share, method, baseline)


def crossings(method: Curve, baseline: Curve) -> list[tuple[float, bool]]:
    """Where one curve (n,) overtakes the other.

    Returns:
        (SNR in dB, whether the method is ahead from there on) of each crossing, the lowest first. Curves that are equal
        over a range part at its end; where they meet and part again as before, they do not cross.
    """
    curves = [Curve(*(row[~np.isnan(row)][None] for row in _by_rising_x(c))) for c in (method, baseline)]
    if min(curve.x.size for curve in curves) < 2 or np.isnan(_common(*(curve.x for curve in curves))[0]).any():
        return []
    (x,), (gain,) = _gain(*curves)
    found: list[tuple[float, bool]] = []
    ahead = 0.0
    for i, now in enumerate(np.sign(gain)):
        if i and now and now != ahead:
            share = gain[i - 1] / (gain[i - 1] - gain[i])
            found.append((float(x[i - 1] + share * (x[i] - x[i - 1])), bool(now > 0)))
        ahead = now or ahead
    return found


Kernel = Callable[[Curve, Curve], Delta]


def _each(kernel: Kernel, method: Curve, baseline: Curve) -> Delta:
    """Call a kernel for curves whose left-out points are NaN. Each call gets the curves (B, n) with the same points, at
    least two of each."""
    shape = np.broadcast_shapes(method.x.shape[:-1], baseline.x.shape[:-1])
    rows = [[np.broadcast_to(v, (*shape, v.shape[-1])).reshape(-1, v.shape[-1]) for v in c] for c in (method, baseline)]
    there = [~np.isnan(x) for x, _ in rows]
    result = Delta(*(np.full(len(there[0]), math.nan) for _ in Delta._fields))
    patterns, which = np.unique(np.hstack(there), axis=0, return_inverse=True)
    for i, pattern in enumerate(patterns):
        kept = np.split(pattern, [there[0].shape[1]])
        if min(mask.sum() for mask in kept) < 2:
            continue
        same = which.reshape(-1) == i
        curves = (Curve(*(v[same][:, mask] for v in of)) for of, mask in zip(rows, kept, strict=True))
        for values, found in zip(result, kernel(*curves), strict=True):
            values[same] = found
    return Delta(*(values.reshape(shape)[()] for values in result))


def _by_rising_x(curve: Curve) -> Curve:
    """The points by rising x, those without a value as NaN in both, at the end."""
    x, quality = np.broadcast_arrays(*(np.asarray(values, np.float64) for values in curve))
    x = np.where(np.isnan(quality), math.nan, x)
    order = np.lexsort((-quality, x), axis=-1)
    x, quality = (np.take_along_axis(values, order, axis=-1) for values in (x, quality))
    return Curve(x, np.where(np.isnan(x), math.nan, quality))


def _front(curve: Curve) -> Curve:
    """The points that no point of no higher rate matches, all else as NaN: rates and qualities rise strictly."""
    rate, quality = _by_rising_x(Curve(np.where(np.asarray(curve.x) > 0, curve.x, math.nan), curve.quality))
    before = np.full((*quality.shape[:-1], 1), -math.inf)
    best = np.fmax.accumulate(np.concatenate([before, quality], axis=-1), axis=-1)[..., :-1]
    front = quality > best
    return Curve(np.where(front, rate, math.nan), np.where(front, quality, math.nan))


def _common(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """The ranges (B, 1) that rising values (B, n) and (B, m) both cover; NaN where the ranges do not overlap."""
    start = np.maximum(first[:, :1], second[:, :1])
    end = np.minimum(first[:, -1:], second[:, -1:])
    nothing = start >= end
    return np.where(nothing, math.nan, start), np.where(nothing, math.nan, end)


def _steps(first: Floats, second: Floats) -> Floats:
    """All values (B, n + m) in rising order, each moved into the common range."""
    return np.sort(np.concatenate([first, second], axis=1)).clip(*_common(first, second))


def _pchip_difference(method: Curve, baseline: Curve) -> Delta:
    """Mean of method less baseline over their common x."""
    start, end = _common(method.x, baseline.x)
    area = _pchip_area(method, start, end) - _pchip_area(baseline, start, end)
    return Delta(area / (end - start)[:, 0], start[:, 0], end[:, 0])


def _pchip_area(curve: Curve, start: Floats, end: Floats) -> Floats:
    """(B,) integrals from start to end (B, 1) of the curves (B, n) interpolated by PCHIP."""
    x, y = curve
    width, slope = np.diff(x), np.diff(y) / np.diff(x)
    tangent = _pchip_tangents(width, slope)
    left, right = tangent[:, :-1], tangent[:, 1:]
    square = (3 * slope - 2 * left - right) / width
    cube = (left + right - 2 * slope) / width**2

    def antiderivative(at: Floats) -> Floats:
        t = at - x[:, :-1]
        return t * (y[:, :-1] + t * (left / 2 + t * (square / 3 + t * cube / 4)))

    ends = (edge.clip(x[:, :-1], x[:, 1:]) for edge in (end, start))
    upper, lower = map(antiderivative, ends)
    return np.sum(upper - lower, axis=1)


def _pchip_tangents(width: Floats, slope: Floats) -> Floats:
    """(B, n) derivatives at the points between rising segments (B, n - 1): weighted harmonic means of the slopes on
    both sides, and at the ends the three-point formula, but no less than 0 (Moler, Numerical Computing with MATLAB,
    2004, section 3.6)."""
    if slope.shape[1] == 1:
        return np.repeat(slope, 2, axis=1)
    before, after = width[:, :-1] + 2 * width[:, 1:], 2 * width[:, :-1] + width[:, 1:]
    inside = (before + after) / (before / slope[:, :-1] + after / slope[:, 1:])
    ends = [
        ((2 * width[:, i] + width[:, j]) * slope[:, i] - width[:, i] * slope[:, j]) / (width[:, i] + width[:, j])
        for i, j in ((0, 1), (-1, -2))
    ]
    first, last = (np.maximum(tangent, 0) for tangent in ends)
    return np.column_stack([first, inside, last])


def _horizontal(method: Curve, baseline: Curve) -> Delta:
    """How much further right the envelope of the baseline lies than that of the method."""
    curves = [Curve(c.x, np.maximum.accumulate(c.quality, axis=1)) for c in (baseline, method)]
    reached = [curve.quality for curve in curves]
    (start, end), levels = _common(*reached), _steps(*reached)
    middles = (levels[:, 1:] + levels[:, :-1]) / 2  # both inverses are linear between two levels
    more, less = (_interpolated(curve.quality, curve.x, middles) for curve in curves)
    return Delta(np.sum((more - less) * np.diff(levels), axis=1) / (end - start)[:, 0], start[:, 0], end[:, 0])


def _interpolated(x: Floats, y: Floats, at: Floats) -> Floats:
    """y (B, n) at values (B, m) within the range of x (B, n), linear between points; x never falls, and where it does
    not rise, the last of equal points counts."""
    right = np.sum(x[:, None] < at[:, :, None], axis=-1).clip(1, x.shape[1] - 1)
    (x0, y0), (x1, y1) = ([np.take_along_axis(v, i, axis=1) for v in (x, y)] for i in (right - 1, right))
    return y0 + np.divide((at - x0) * (y1 - y0), x1 - x0, out=np.zeros_like(at), where=x1 > x0)


def _gain(method: Curve, baseline: Curve) -> tuple[Floats, Floats]:
    """The common SNRs of either curve, and how far the method lies above the baseline there: (B, m) each."""
    x = _steps(method.x, baseline.x)
    above, below = (_interpolated(*curve, x) for curve in (method, baseline))
    return x, above - below


def _vertical(mean: Callable[[Floats, Floats], Floats], method: Curve, baseline: Curve) -> Delta:
    """A mean of SNRs and gains (B, m)."""

    def of_curves(above: Curve, below: Curve) -> Delta:
        start, end = _common(above.x, below.x)
        return Delta(mean(*_gain(above, below)), start[:, 0], end[:, 0])

    return _each(of_curves, _by_rising_x(method), _by_rising_x(baseline))

"""SNRs, budgets and ratios: reading, rounding and printing them.

Numbers are rounded here, once, so that equal points have equal keys, whoever computed them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from numbers import Real
from typing import Any

from linksim.errors import LinksimError
from linksim.link import Budget

SNR_RANGE_DB = (-50.0, 100.0)
SNR_DECIMALS = 9
MAX_POINTS = 10_000


def parse_snr(text: str) -> tuple[float, ...]:
    """SNR points in dB from ``0:20`` (both ends included, step 1), ``0:20:2``, ``1,5,10`` or a mix of these.

    >>> parse_snr("0:4:2,10")
    (0.0, 2.0, 4.0, 10.0)
    """
    points: list[float] = []
    for part in text.split(","):
        points += _snr_range(part, text) if ":" in part else [_number(part, text)]
    return check_snr(points)


def _number(part: str, text: str) -> float:
    try:
        return float(part)
    except ValueError:
        raise LinksimError(
            f"SNR {text!r}: {part.strip()!r} is not a number; write 0:20, 0:20:2 or 1,5,10 (dB)"
        ) from None


def _snr_range(part: str, text: str) -> list[float]:
    fields = [_number(field, text) for field in part.split(":")]
    if len(fields) > 3 or not all(map(math.isfinite, fields)):
        raise LinksimError(f"SNR {text!r}: a range is START:STOP or START:STOP:STEP (dB)")
    start, stop, step = (*fields, 1.0)[:3]
    if step <= 0 or stop < start:
        raise LinksimError(f"SNR {text!r}: START must not exceed STOP and STEP must be above 0")
    count = math.floor((stop - start) / step + 1e-9) + 1
    if count > MAX_POINTS:
        raise LinksimError(f"SNR {text!r}: {count} points; at most {MAX_POINTS} are allowed")
    return [start + i * step for i in range(count)]


def check_snr(points: float | Iterable[float]) -> tuple[float, ...]:
    """SNRs as an experiment keeps them.

    Args:
        points: Es/N0 in dB, one or several, of any numerical type.

    Returns:
        Distinct floats in the order given, rounded to ``SNR_DECIMALS`` decimals, without a negative zero.

    Raises:
        LinksimError: a point is no number or lies outside ``SNR_RANGE_DB``, or there is none.
    """
    low, high = SNR_RANGE_DB
    values = numbers(points, "SNR", "numbers (dB)")
    if not values:
        raise LinksimError("no SNR point given; write 0:20, 0:20:2 or 1,5,10 (dB)")
    for value in values:
        if not low <= value <= high:
            raise LinksimError(f"SNR {value:g} dB: must lie between {low:g} and {high:g} dB")
    return tuple(dict.fromkeys(round(value, SNR_DECIMALS) + 0.0 for value in values))


def numbers(given: Any, what: str, wanted: str) -> list[float]:
    """One number or several, as floats; a LinksimError says what is wanted where they are none."""
    try:
        if isinstance(given, str):
            raise TypeError
        return [float(value) for value in ([given] if isinstance(given, Real) or not _is_iterable(given) else given)]
    except (TypeError, ValueError):
        raise LinksimError(f"{what} {given!r}: must be {wanted}") from None


def _is_iterable(thing: Any) -> bool:
    return isinstance(thing, Iterable) and getattr(thing, "ndim", 1) != 0


def format_snr(points: Sequence[float]) -> str:
    """The shortest text that ``parse_snr`` reads back as these points.

    >>> format_snr(parse_snr("0:20")), format_snr((1.0, 5.0, 10.0))
    ('0:20', '1,5,10')
    """
    for text in _candidates(points):
        if parse_snr(text) == tuple(points):
            return text
    return ",".join(map(decimal, points))


def _candidates(points: Sequence[float]) -> list[str]:
    if len(points) < 3 or points[1] <= points[0] or points[-1] < points[0]:
        return []
    start, stop, step = (
        decimal(value) for value in (points[0], points[-1], round(points[1] - points[0], SNR_DECIMALS))
    )
    return [f"{start}:{stop}", f"{start}:{stop}:{step}"]


def decimal(value: float) -> str:
    """A rounded number in full, without an exponent or zeros at the end.

    >>> decimal(0.3), decimal(-5.0), decimal(1e-9)
    ('0.3', '-5', '0.000000001')
    """
    return f"{value:.{SNR_DECIMALS}f}".rstrip("0").rstrip(".")


def parse_budgets(kind: str, text: str) -> tuple[Budget, ...]:
    """Budgets of a kind (``bpp`` or ``cbr``) from ``0.25``, ``1/24`` or ``0.25,0.5``."""
    try:
        values = [Fraction(part.strip()) for part in text.split(",")]
    except (ValueError, ZeroDivisionError):
        raise LinksimError(f"{kind} {text!r}: must be numbers such as 0.25, 1/24 or 0.25,0.5") from None
    return tuple(dict.fromkeys(Budget(kind, value) for value in values))

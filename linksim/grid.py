"""SNR ranges and budgets: reading, checking and printing them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from linksim.errors import LinksimError
from linksim.link import Budget

SNR_RANGE_DB = (-50.0, 100.0)


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
    return [round(start + i * step, 9) for i in range(count)]


def check_snr(points: Iterable[float]) -> tuple[float, ...]:
    """The points as a tuple of distinct floats, or a LinksimError that names the first bad one."""
    low, high = SNR_RANGE_DB
    try:
        values = tuple(dict.fromkeys(float(point) for point in points))
    except (TypeError, ValueError):
        raise LinksimError(f"SNR {points!r}: must be numbers (dB)") from None
    if not values:
        raise LinksimError("no SNR point given; write 0:20, 0:20:2 or 1,5,10 (dB)")
    for value in values:
        if not low <= value <= high:
            raise LinksimError(f"SNR {value:g} dB: must lie between {low:g} and {high:g} dB")
    return values


def format_snr(points: Sequence[float]) -> str:
    """The shortest text that ``parse_snr`` reads back.

    >>> format_snr(parse_snr("0:20")), format_snr((1.0, 5.0, 10.0))
    ('0:20', '1,5,10')
    """
    for text in _candidates(points):
        if parse_snr(text) == tuple(points):
            return text
    return ",".join(f"{point:g}" for point in points)


def _candidates(points: Sequence[float]) -> list[str]:
    if len(points) < 3 or points[1] <= points[0]:
        return []
    start, stop, step = f"{points[0]:g}", f"{points[-1]:g}", f"{points[1] - points[0]:g}"
    if points[-1] < points[0] or not re.fullmatch(r"[0-9.]+", step):
        return []
    return [f"{start}:{stop}", f"{start}:{stop}:{step}"]


def parse_budgets(kind: str, text: str) -> tuple[Budget, ...]:
    """Budgets of a kind (``bpp`` or ``cbr``) from ``0.25`` or ``0.25,0.5``."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        raise LinksimError(f"{kind} {text!r}: must be numbers such as 0.25 or 0.25,0.5") from None
    return tuple(dict.fromkeys(Budget(kind, value) for value in values))

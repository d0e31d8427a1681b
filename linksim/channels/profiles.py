"""Delay profiles of 3GPP TR 38.901 (TDL and CDL, A to E) and TS 38.101-4 (annex B.2.1), from the tables of Sionna."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from linksim.channels.multipath import ClusteredDelayLine, Real, TappedDelayLine
from linksim.errors import LinksimError, unknown

NS = 1e-9
RAY_OFFSETS = np.array([0.0447, 0.1413, 0.2492, 0.3715, 0.5129, 0.6797, 0.8844, 1.1481, 1.5195, 2.1551])
"""Of the rays of a cluster from its centre, for a spread of 1 (3GPP TR 38.901, table 7.5-3); each of either sign."""


def tdl(model: str, spread_ns: float | None, doppler_hz: float) -> TappedDelayLine:
    """A TDL profile.

    Args:
        model: ``a`` to ``e``, or a profile of TS 38.101-4 such as ``c300``, whose delays are fixed.
        spread_ns: RMS delay spread of ``a`` to ``e`` in nanoseconds; None for the fixed ones.
        doppler_hz: the largest Doppler shift.

    Returns:
        Its taps, of total power 1.
    """
    table = _table("TDL", model, spread_ns)
    delays, powers, sight = _split(table)
    scale = (spread_ns or 1.0) * NS
    return TappedDelayLine(tuple(delays * scale), tuple(powers), sight, doppler_hz)


def cdl(model: str, spread_ns: float | None, doppler_hz: float) -> ClusteredDelayLine:
    """A CDL profile ``a`` to ``e``, with the arguments of ``tdl``."""
    table = _table("CDL", model, spread_ns)
    delays, powers, sight = _split(table)
    first = 1 if table["los"] else 0
    offsets = np.concatenate([RAY_OFFSETS, -RAY_OFFSETS])
    arrivals = {name: np.radians(table[name]) for name in ("aoa", "zoa")}
    spreads = {"aoa": np.radians(table["cASA"]), "zoa": np.radians(table["cZSA"])}
    rays = {name: angles[first:, None] + spreads[name] * offsets for name, angles in arrivals.items()}
    return ClusteredDelayLine(
        tuple(delays * (spread_ns or 1.0) * NS),
        tuple(powers),
        sight,
        doppler_hz,
        tuple(map(tuple, rays["aoa"].tolist())),
        tuple(map(tuple, rays["zoa"].tolist())),
        (float(arrivals["aoa"][0]), float(arrivals["zoa"][0])),
    )


def models(kind: str) -> tuple[str, ...]:
    """Names of the profiles of a kind, ``TDL`` or ``CDL``: ``a``, ``b``, ..., and ``a30``, ... with fixed delays."""
    return tuple(sorted(_files(kind)))


def _table(kind: str, model: str, spread_ns: float | None) -> dict[str, Any]:
    if model not in _files(kind):
        raise unknown(f"{kind} profile", model, models(kind))
    table: dict[str, Any] = json.loads(_files(kind)[model].read_text(encoding="utf-8"))
    scaled = table.get("scale_delays", True)
    if scaled and not (spread_ns is not None and 0 <= spread_ns <= 1e5):
        raise LinksimError(f"{kind} profile {model!r}: needs a delay spread from 0 to 100000 ns, not {spread_ns}")
    if not scaled and spread_ns is not None:
        raise LinksimError(f"{kind} profile {model!r}: has fixed delays and takes no delay spread")
    return table


def _split(table: dict[str, Any]) -> tuple[Real, Real, float]:
    """Delays, scattered powers and the power of the line of sight, the total being 1."""
    powers = 10 ** (np.array(table["powers"], float) / 10)
    powers /= powers.sum()
    delays = np.array(table["delays"], float)
    return (delays[1:], powers[1:], float(powers[0])) if table["los"] else (delays, powers, 0.0)


@cache
def _files(kind: str) -> dict[str, Path]:
    """Sionna's tables by model. They are read as files: importing Sionna takes seconds in each worker."""
    package = importlib.util.find_spec("sionna")
    homes = list(package.submodule_search_locations or ()) if package else []
    found = sorted(path for home in homes for path in Path(home, "phy/channel/tr38901/models").rglob(f"{kind}-*.json"))
    if not found:
        raise LinksimError(f"no {kind} profiles found: install sionna-no-rt")
    return {path.stem.removeprefix(f"{kind}-").lower(): path for path in found}  # the newest release comes last

"""Channel estimation from the pilots of a slot, and how far off the estimate is.

The least-squares estimate at a pilot p is y/p = H + n, n ~ CN(0, N0). Every estimator here is a matrix W that turns
those of a slot into estimates for all its elements. Its error follows from W and the channel's correlation R:

    E|H − Ĥ|² = R(0) − 2 Re(W R_ph) + W (R_pp + N0·I) W^H,   element by element.

So it counts noise and what is lost between pilots alike, averaged over the realisations of the channel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from linksim.channels.multipath import Complex, Multipath, Real
from linksim.channels.resource_grid import ResourceGrid
from linksim.errors import LinksimError


@dataclass(frozen=True)
class SlotStatistics:
    """What is known of a slot before it is received.

    places, pilots: OFDM symbol and frequency in Hz of each element (E, 2) and of each pilot (P, 2). cross: (E, P),
    correlation of elements with pilots. within: (P, P), of the pilots. power: E|H|².
    """

    places: Real
    pilots: Real
    cross: Complex
    within: Complex
    power: float

    def error(self, weights: Complex, n0: float) -> Real:
        """(E,) E|H − Ĥ|² of estimates made with weights (E, P)."""
        lost = self.power - 2 * np.real(np.sum(weights * self.cross.conj(), axis=1))
        kept = weights @ (self.within + n0 * np.eye(len(self.within)))
        return np.maximum(lost + np.real(np.sum(kept * weights.conj(), axis=1)), 0.0)


@lru_cache(maxsize=8)
def slot_statistics(grid: ResourceGrid, multipath: Multipath, length: int, gain: float) -> SlotStatistics:
    """Statistics of a slot of ``length`` OFDM symbols, over a channel whose gain is multiplied by ``gain``."""
    lags = np.arange(1 - length, length) * grid.symbol_seconds
    shifts = np.arange(1 - grid.subcarriers, grid.subcarriers) * grid.spacing_hz
    table = gain**2 * multipath.correlation(lags, shifts)
    time, carrier = (a.ravel() for a in np.meshgrid(np.arange(length), grid.active, indexing="ij"))
    pilot = grid.is_pilot[:length].ravel()

    def between(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> Complex:
        """Correlation of the elements of two masks."""
        rows = np.subtract.outer(time[a], time[b]) + length - 1
        columns = np.subtract.outer(carrier[a], carrier[b]) + grid.subcarriers - 1
        return table[rows, columns]

    places = np.stack([time, (carrier - grid.subcarriers // 2) * grid.spacing_hz], axis=1).astype(float)
    return SlotStatistics(
        places, places[pilot], between(np.full(time.size, True), pilot), between(pilot, pilot), gain**2
    )


Estimator = Callable[[SlotStatistics, float], Complex]


def least_squares(slot: SlotStatistics, n0: float) -> Complex:
    """Weights of linear interpolation, first over frequency, then over time, and beyond the outermost pilots along the
    line through the last two."""
    symbols, carriers = (np.unique(slot.pilots[:, axis]) for axis in (0, 1))
    over_time = _interpolation(slot.places[:, 0], symbols)
    over_frequency = _interpolation(slot.places[:, 1], carriers)
    return (over_time[:, :, None] * over_frequency[:, None, :]).reshape(len(slot.places), -1).astype(np.complex128)


def _interpolation(at: Real, known: Real) -> Real:
    """(len(at), len(known)) weights of linear interpolation between known places."""
    weights = np.zeros((at.size, known.size))
    if known.size == 1:
        return weights + 1
    left = np.clip(np.searchsorted(known, at, side="right") - 1, 0, known.size - 2)
    share = (at - known[left]) / (known[left + 1] - known[left])
    rows = np.arange(at.size)
    weights[rows, left], weights[rows, left + 1] = 1 - share, share
    return weights


def lmmse(slot: SlotStatistics, n0: float) -> Complex:
    """Weights of the linear estimate of least mean squared error, R_hp (R_pp + N0·I)⁻¹, from all pilots of the slot.

    Its receiver knows the channel's delay profile, its Doppler spread and N0.
    """
    loaded: Complex = slot.within + n0 * np.eye(len(slot.within))
    return np.linalg.solve(loaded, slot.cross.conj().T).conj().T


ESTIMATORS: dict[str, Estimator | None] = {"perfect": None, "ls": least_squares, "lmmse": lmmse}
"""By name; None: the receiver knows the channel."""


@lru_cache(maxsize=64)
def estimation(
    name: str, grid: ResourceGrid, multipath: Multipath, length: int, gain: float, n0: float
) -> tuple[Complex, Real]:
    """Weights (E, P) of an estimator in a slot, and the mean squared error (E,) of what they give."""
    slot = slot_statistics(grid, multipath, length, gain)
    make = ESTIMATORS[name]
    if make is None or not len(slot.pilots):
        raise LinksimError(f"channel estimation {name!r}: needs pilots in each slot")
    weights = make(slot, n0)
    return weights, slot.error(weights, n0)

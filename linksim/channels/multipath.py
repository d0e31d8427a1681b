"""Tapped delay lines: the gains of a multipath channel's taps over time, and their correlation.

A multipath channel has taps h_l(t) at delays τ_l. At a frequency f its gain is H(t, f) = Σ_l h_l(t) e^(−j2πfτ_l), with
E|H|² = 1 over the realisations: the powers of the taps sum to 1. The gain of one realisation is not normalised.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from linksim.channels.base import complex_normal
from linksim.errors import LinksimError
from linksim.identity import sha256

Complex = npt.NDArray[np.complexfloating[Any, Any]]
Real = npt.NDArray[np.floating[Any]]
WAVES = 20
"""Sinusoids that make up a tap that moves."""
SIGHT_DOPPLER = 0.7
"""Doppler shift of a line of sight over the largest one (3GPP TR 38.901, 7.7.2)."""
ANGLES = 2 * np.pi * (np.arange(64) + 0.5) / 64
"""Where integrals over a circle are sampled; exact for all that varies less than 64 times around it."""


@dataclass(frozen=True)
class Multipath(ABC):
    """Taps of a multipath channel.

    delays: of the taps in seconds. powers: mean power of the scattered part of each tap. sight: power of the line of
    sight, which arrives with the first tap. doppler_hz: the largest Doppler shift, v·f/c.
    """

    delays: tuple[float, ...]
    powers: tuple[float, ...]
    sight: float = 0.0
    doppler_hz: float = 0.0

    def __post_init__(self) -> None:
        if len(self.delays) != len(self.powers) or not self.delays:
            raise LinksimError(f"{len(self.delays)} delays and {len(self.powers)} powers: a tap must have one of each")
        if min(self.delays) < 0 or min(self.powers) < 0 or self.sight < 0 or self.doppler_hz < 0:
            raise LinksimError("delays, powers and the Doppler shift of a multipath channel must be at least 0")
        if not math.isclose(sum(self.powers) + self.sight, 1, rel_tol=1e-6):
            raise LinksimError(f"powers of a multipath channel sum to {sum(self.powers) + self.sight:g}: must be 1")

    def identity(self) -> dict[str, Any]:
        """A digest of all fields, to 12 digits: the last ones depend on the machine's mathematical functions."""
        exact = repr([np.char.mod("%.12g", np.array(getattr(self, part.name))).tolist() for part in fields(self)])
        return {"name": type(self).__name__, "taps": len(self.delays), "digest": sha256(exact.encode())}

    @property
    def k_factor(self) -> float:
        """Power of the line of sight over that of all that is scattered, linear."""
        return self.sight / (1 - self.sight) if self.sight < 1 else math.inf

    @abstractmethod
    def taps(self, stream: np.random.Generator, times: Real) -> Complex:
        """The gains of one realisation at some times.

        Args:
            stream: random numbers of the realisation. It gives up as many as ever, whatever the times.
            times: (T,) in seconds.

        Returns:
            (T, L) complex128.
        """

    @abstractmethod
    def tap_correlation(self, lags: Real) -> Complex:
        """E[h_l(t + lag) h_l*(t)] for lags (K,) in seconds, (K, L) complex128. Different taps are uncorrelated."""

    def response(self, taps: Complex, frequencies: Real) -> Complex:
        """H at frequencies (F,) in Hz for taps (..., L): (..., F) complex128."""
        return taps @ np.exp(-2j * np.pi * np.outer(self.delays, frequencies))

    def correlation(self, lags: Real, shifts: Real) -> Complex:
        """E[H(t + lag, f + shift) H*(t, f)] for lags (K,) in seconds and shifts (F,) in Hz: (K, F) complex128."""
        return self.response(self.tap_correlation(lags), shifts)

    def share_later_than(self, delay: float) -> float:
        """Share of the power that arrives later than a delay in seconds."""
        return sum(p for d, p in zip(self.delays, self.powers, strict=True) if d > delay)


@dataclass(frozen=True)
class TappedDelayLine(Multipath):
    """Taps that fade independently with the Doppler spectrum of Clarke and Jakes (TDL of 3GPP TR 38.901, 7.7.2).

    A tap is a sum of sinusoids (Xiao, Zheng and Beaulieu 2006) whose amplitudes are complex Gaussian in place of
    constant: so its gain is exactly Rayleigh at any one time, and its autocorrelation is J0(2π f_D lag).
    """

    def taps(self, stream: np.random.Generator, times: Real) -> Complex:
        waves = WAVES if self.doppler_hz else 1
        scale = np.sqrt(np.array(self.powers) / waves)[:, None]
        amplitudes = scale * complex_normal(stream, len(self.powers) * waves).reshape(-1, waves)
        angles = 2 * np.pi * (np.arange(waves) + stream.random(amplitudes.shape)) / waves
        turns = self.doppler_hz * np.cos(angles)
        taps = np.einsum("lw,tlw->tl", amplitudes, np.exp(2j * np.pi * times[:, None, None] * turns))
        taps[:, 0] += math.sqrt(self.sight) * self._sight(times)
        return taps

    def tap_correlation(self, lags: Real) -> Complex:
        bessel = np.cos(2 * np.pi * self.doppler_hz * lags[:, None] * np.cos(ANGLES)).mean(1)  # J0, as an integral
        found = bessel[:, None] * np.array(self.powers, np.complex128)
        found[:, 0] += self.sight * self._sight(lags)
        return found

    def _sight(self, times: Real) -> Complex:
        return np.exp(2j * np.pi * SIGHT_DOPPLER * self.doppler_hz * times)


@dataclass(frozen=True)
class ClusteredDelayLine(Multipath):
    """Taps that are clusters of rays (CDL of 3GPP TR 38.901, 7.7.1) between two vertical, omnidirectional antennas.

    The receiver moves in a direction that is drawn for each realisation (azimuth uniform over the circle, zenith
    uniform from 0 to π, as Sionna draws it). Polarisation and angles of departure then play no part.

    azimuths, zeniths: (L, rays) angles of arrival in radians. sight_angles: azimuth and zenith of the line of sight.
    """

    azimuths: tuple[tuple[float, ...], ...] = ()
    zeniths: tuple[tuple[float, ...], ...] = ()
    sight_angles: tuple[float, float] = (0.0, 0.0)

    def taps(self, stream: np.random.Generator, times: Real) -> Complex:
        azimuths = np.array(self.azimuths)
        rays = azimuths.shape[1]
        phases = 2 * np.pi * stream.random(azimuths.shape)
        zeniths = stream.permuted(np.array(self.zeniths), axis=1)  # random coupling, step 8 of TR 38.901, 7.5
        heading = 2 * np.pi * stream.random(), np.pi * stream.random()
        turns = self._turns(azimuths, zeniths, heading)
        waves = np.exp(1j * (phases + 2 * np.pi * times[:, None, None] * turns)).sum(2)
        taps = waves * np.sqrt(np.array(self.powers) / rays)
        sight = self._turns(np.array(self.sight_angles[0]), np.array(self.sight_angles[1]), heading)
        taps[:, 0] += math.sqrt(self.sight) * np.exp(2j * np.pi * times * sight)
        return taps

    def _turns(self, azimuths: Real, zeniths: Real, heading: tuple[float, float]) -> Real:
        """Doppler shifts in Hz of rays from some angles (eq. 7.5-25)."""
        flat = np.sin(zeniths) * np.sin(heading[1]) * np.cos(azimuths - heading[0])
        return self.doppler_hz * (flat + np.cos(zeniths) * np.cos(heading[1]))

    def tap_correlation(self, lags: Real) -> Complex:
        found = self._mean_turn(np.array(self.zeniths), lags) * np.array(self.powers)
        found[:, 0] += self.sight * self._mean_turn(np.array([[self.sight_angles[1]]]), lags)[:, 0]
        return found

    def _mean_turn(self, zeniths: Real, lags: Real) -> Complex:
        """E e^(j2π·shift·lag) over headings and the rays of each cluster: (K, L) for zeniths (L, rays)."""
        nodes, weights = np.polynomial.legendre.leggauss(32)
        tilts = np.pi * (nodes + 1) / 2
        turn = 2 * np.pi * self.doppler_hz * lags
        found = np.zeros((len(lags), len(zeniths)), np.complex128)
        for tilt, weight in zip(tilts, weights / 2, strict=True):
            flat = np.cos(np.multiply.outer(turn, np.sin(zeniths) * np.sin(tilt))[..., None] * np.cos(ANGLES)).mean(-1)
            found += weight * (flat * np.exp(1j * np.multiply.outer(turn, np.cos(zeniths) * np.cos(tilt)))).mean(2)
        return found

"""OFDM over a multipath channel, with pilots, channel estimation, equalisation and the transmitter's amplifier.

    symbols ─► interleaved, with pilots ─► amplifier ─► H(t, f) ─► + noise ─► estimate Ĥ ─► equalise ─► symbols

On each element of the grid y = H·x + n, n ~ CN(0, N0), Es = 1 for data and pilots: the cyclic prefix outlasts the
delays, and the channel stands still for an OFDM symbol. The prefix's energy does not count in the SNR; its channel uses
count in the cost.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from linksim.channels.amplifier import Amplifier, Distortion, distortion
from linksim.channels.base import Channel, Received, Symbols, complex_normal, fading_stream, noise_variance
from linksim.channels.estimation import ESTIMATORS, estimation
from linksim.channels.multipath import Complex, Multipath
from linksim.channels.resource_grid import ResourceGrid
from linksim.errors import LinksimError, unknown

DEFAULT_GRID = ResourceGrid()
EQUALISERS = ("zf", "mmse")
LATE_SHARE = 0.01
"""The largest share of power that may arrive later than the cyclic prefix lasts."""
FASTEST = 0.05
"""The largest Doppler shift over the spacing of subcarriers."""


class OFDM(Channel):
    """OFDM over multipath fading: pilots, cyclic prefix and guards cost channel uses."""

    identity_name, version = "ofdm", 2

    def __init__(
        self,
        multipath: Multipath,
        grid: ResourceGrid = DEFAULT_GRID,
        estimator: str = "perfect",
        equaliser: str = "zf",
        amplifier: Amplifier | None = None,
    ) -> None:
        """Choose the channel and its receiver.

        Args:
            multipath: taps of the channel.
            grid: the resource grid.
            estimator: what the receiver knows of the channel: ``perfect``, or ``ls`` or ``lmmse`` from the pilots.
            equaliser: ``zf``, y/Ĥ, unbiased; or ``mmse``, the linear estimate of x with the least mean squared error.
            amplifier: the transmitter's; None for a linear one.
        """
        for name, value, known in (("estimator", estimator, ESTIMATORS), ("equaliser", equaliser, EQUALISERS)):
            if value not in known:
                raise unknown(name, value, known)
        if ESTIMATORS[estimator] and not grid.pilot_symbols:
            raise LinksimError(f"channel estimation {estimator!r}: needs pilots in each slot")
        _check_orthogonal(multipath, grid)
        self.multipath, self.grid = multipath, grid
        self.estimator, self.equaliser, self.amplifier = estimator, equaliser, amplifier
        self.distortion = distortion(amplifier, grid) if amplifier else Distortion(1.0, 1.0, 0.0)
        simple = estimator == "perfect" and equaliser == "zf" and amplifier is None
        self.k_factor = multipath.k_factor if simple else None

    def uses(self, symbols: int) -> int:
        return self.grid.uses(symbols)

    def capacity(self, uses: int) -> int:
        return self.grid.capacity(uses)

    def waveform(self, symbols: Symbols) -> npt.NDArray[np.complex128]:
        """Behind the amplifier, of unit mean power, four samples for each of the FFT; without the prefixes."""
        return self._amplified(self.grid.waveform(self.grid.fill(symbols))).ravel()

    def _amplified(self, waveform: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
        return self.distortion.scale * self.amplifier.amplify(waveform) if self.amplifier else waveform

    def transmit(
        self, symbols: Symbols, offsets: npt.NDArray[np.int64], snr_db: float, streams: Sequence[np.random.Generator]
    ) -> tuple[Symbols, npt.NDArray[np.float32]]:
        """Images that occupy as many OFDM symbols go through together; none depends on another."""
        received, noise_var = np.empty_like(symbols), np.empty(symbols.shape, np.float32)
        groups: dict[int, list[int]] = defaultdict(list)
        for i in range(len(streams)):
            groups[self.grid.length(int(offsets[i + 1] - offsets[i]))].append(i)
        for length, images in groups.items():
            if not length:
                continue
            sent = np.stack([self.grid.fill(symbols[offsets[i] : offsets[i + 1]]) for i in images])
            got = self._pass(sent, noise_variance(snr_db), [streams[i] for i in images])
            for i, equalised, variance in zip(images, *got, strict=True):
                places = self.grid.data_elements(int(offsets[i + 1] - offsets[i]))
                received[offsets[i] : offsets[i + 1]] = equalised.ravel()[places]
                noise_var[offsets[i] : offsets[i + 1]] = variance.ravel()[places]
        return received, noise_var

    def transmit_one(self, symbols: Symbols, n0: float, stream: np.random.Generator) -> Received:
        return self.transmit(symbols, np.array([0, len(symbols)]), -10 * math.log10(n0), [stream])

    def _pass(
        self, sent: npt.NDArray[np.complex64], n0: float, streams: Sequence[np.random.Generator]
    ) -> tuple[npt.NDArray[np.complex128], npt.NDArray[np.float64]]:
        """Equalised elements and their noise variance, (B, T, F) each, of B images of T OFDM symbols."""
        times = np.arange(sent.shape[1]) * self.grid.symbol_seconds
        taps = np.stack([self.multipath.taps(fading_stream(stream), times) for stream in streams])
        response = self.multipath.response(taps, self.grid.frequencies)
        noise = np.stack([complex_normal(stream, sent[0].size, n0).reshape(sent[0].shape) for stream in streams])
        radiated = self.grid.elements(self._amplified(self.grid.waveform(sent))) if self.amplifier else sent
        y = response * radiated + noise
        estimate, error = self._estimate(y, self.distortion.gain * response, n0)
        power = np.maximum(np.abs(estimate) ** 2, 1e-12)
        disturbance = n0 + error + self.distortion.noise * power
        if self.equaliser == "zf":
            return y * estimate.conj() / power, disturbance / power
        total = power + disturbance
        return y * estimate.conj() / total, disturbance / total

    def _estimate(self, y: Complex, true: Complex, n0: float) -> tuple[Complex, npt.NDArray[np.float64]]:
        """Estimates (B, T, F) of the channel, amplifier included, and their mean squared error (T, F)."""
        if self.estimator == "perfect":
            return true, np.zeros(true.shape[1:])
        gain = self.distortion.gain
        estimate, error = np.empty_like(true), np.empty(true.shape[1:])
        for start, end in self.grid.slots(true.shape[1]):
            noise = n0 + self.distortion.noise * gain**2
            weights, off = estimation(self.estimator, self.grid, self.multipath, end - start, gain, noise)
            pilots = self.grid.is_pilot[: end - start]
            observed = y[:, start:end][:, pilots] / self.grid.known[: end - start][pilots]
            estimate[:, start:end] = (weights @ observed[..., None]).reshape(len(y), end - start, -1)
            error[start:end] = off.reshape(end - start, -1)
        return estimate, error


def _check_orthogonal(multipath: Multipath, grid: ResourceGrid) -> None:
    """Subcarriers must not disturb one another much: delays within the prefix, slow enough for the spacing."""
    prefix = grid.prefix_length / grid.subcarriers / grid.spacing_hz
    late = multipath.share_later_than(prefix)
    if late > LATE_SHARE:
        raise LinksimError(
            f"{late:.1%} of the channel's power arrives after the cyclic prefix of {1e6 * prefix:.2f} µs: at most "
            f"{LATE_SHARE:.0%} may; lengthen it (+prefix=) or narrow the spacing (+spacing=)"
        )
    if multipath.doppler_hz > FASTEST * grid.spacing_hz:
        raise LinksimError(
            f"Doppler shift {multipath.doppler_hz:.0f} Hz: must be at most {FASTEST:.0%} of the subcarrier spacing, "
            f"{grid.spacing_hz:g} Hz"
        )

"""Our profiles, channel samples, estimator and equaliser beside Sionna's own blocks."""

from __future__ import annotations

import math
import warnings
from types import ModuleType

import numpy as np
import pytest
import torch
from transmissions import qpsk

from linksim.channels.base import noise_stream
from linksim.channels.estimation import estimation
from linksim.channels.multipath import Multipath
from linksim.channels.ofdm import OFDM
from linksim.channels.profiles import cdl, models, tdl
from linksim.channels.settings import CARRIER_HZ, LIGHT_SPEED

DOPPLER_HZ = 150.0
SPEED = DOPPLER_HZ * LIGHT_SPEED / CARRIER_HZ


@pytest.fixture(scope="module")
def sionna() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sionna.phy.channel.tr38901
        import sionna.phy.mimo
        import sionna.phy.ofdm
    return sionna.phy


@pytest.mark.parametrize("model", models("TDL"))
def test_tdl_profiles_are_sionnas(model: str, sionna: ModuleType) -> None:
    fixed = len(model) > 1
    theirs = sionna.channel.tr38901.TDL(model.upper(), None if fixed else 300e-9, CARRIER_HZ, precision="double")
    ours = tdl(model, None if fixed else 300.0, 0.0)
    powers = np.array(ours.powers)
    powers[0] += ours.sight
    assert np.allclose(ours.delays, theirs.delays.numpy(), rtol=1e-6, atol=1e-15)
    assert np.allclose(powers, theirs.mean_powers.numpy(), rtol=1e-6)
    if theirs.los:
        assert ours.sight == pytest.approx(float(theirs.mean_power_los), rel=1e-6)


def their_samples(
    sionna: ModuleType, kind: str, model: str, images: int, times: int, rate: float
) -> tuple[np.ndarray, ...]:
    """Taps (images, L, times) and delays (L,)."""
    tr38901 = sionna.channel.tr38901
    sionna.config.seed = 1
    if kind == "tdl":
        channel = tr38901.TDL(model.upper(), 100e-9, CARRIER_HZ, min_speed=SPEED)
    else:
        antenna = tr38901.Antenna("single", "V", "omni", CARRIER_HZ)
        channel = tr38901.CDL(
            model.upper(), 100e-9, CARRIER_HZ, antenna, antenna, "downlink", min_speed=SPEED, max_speed=SPEED
        )
    taps, delays = channel(images, times, rate)
    return taps.numpy()[:, 0, 0, 0, 0], delays.numpy()[0, 0, 0]


@pytest.mark.parametrize(("kind", "model"), [("tdl", "c"), ("tdl", "e"), ("cdl", "b"), ("cdl", "d")])
def test_sionnas_samples_have_our_correlation(kind: str, model: str, sionna: ModuleType) -> None:
    """Over time and frequency: 800 of their realisations against what our estimator assumes."""
    ours: Multipath = {"tdl": tdl, "cdl": cdl}[kind](model, 100.0, DOPPLER_HZ)
    taps, delays = their_samples(sionna, kind, model, 800, 5, 1000.0)
    shifts = np.array([0.0, 3e5, 1e6, 3e6])
    theirs = np.einsum("ilt,lf->itf", taps, np.exp(-2j * np.pi * np.outer(delays, shifts)))
    measured = np.mean(theirs * theirs[:, :1, :1].conj(), axis=0)
    expected = ours.correlation(np.arange(5) / 1000.0, shifts)
    assert np.abs(measured - expected).max() < 4.5 / math.sqrt(800)


def slot(channel: OFDM, snr_db: float) -> tuple[np.ndarray, np.ndarray]:
    """One slot as received, (14, active), and the channel's gains on it."""
    grid, stream = channel.grid, noise_stream(0, "slot", snr_db, 0)
    sent = grid.fill(qpsk(int(grid.data_before[-1])))
    taps = channel.multipath.taps(stream, np.arange(14) * grid.symbol_seconds)
    gains = channel.multipath.response(taps, grid.frequencies)
    noise = stream.standard_normal((*sent.shape, 2)).view(np.complex128)[..., 0]
    return gains * sent + math.sqrt(10 ** (-snr_db / 10) / 2) * noise, gains


@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_estimates_and_equalised_symbols_are_those_of_sionnas_receiver(snr_db: float, sionna: ModuleType) -> None:
    """Least squares with linear interpolation, then LMMSE equalisation, which Sionna scales to be unbiased: for one
    antenna that is y/Ĥ. Its noise variance, given our estimation error, is ours."""
    channel, n0 = OFDM(tdl("c", 300.0, 97.0), estimator="ls"), 10 ** (-snr_db / 10)
    grid = channel.grid
    theirs = sionna.ofdm.ResourceGrid(
        14, 128, 30e3, cyclic_prefix_length=9, num_guard_carriers=(4, 3), dc_null=True, pilot_pattern=None
    )
    theirs.pilot_pattern = sionna.ofdm.PilotPattern(
        grid.is_pilot[None, None].astype(np.int32), grid.known[grid.is_pilot][None, None]
    )
    assert theirs.num_data_symbols == grid.data_before[-1]
    received, gains = slot(channel, snr_db)
    whole = np.zeros((1, 1, 1, 14, 128), np.complex64)
    whole[..., grid.active] = received
    y, no = torch.tensor(whole), torch.tensor(n0, dtype=torch.float32)
    estimate, _ = sionna.ofdm.LSChannelEstimator(theirs, interpolation_type="lin")(y, no)
    ours, error = channel._estimate(received[None], gains[None], n0)
    beyond_dc = 2 * grid.comb  # Sionna interpolates over the empty carrier as if it were not there
    away = np.abs(grid.active - 64) > beyond_dc
    assert np.allclose(estimate.numpy()[0, 0, 0, 0, 0][:, away], ours[0][:, away], atol=1e-4)

    off = torch.tensor(error[None, None, None, None, None], dtype=torch.float32)
    streams = sionna.mimo.StreamManagement(np.ones((1, 1)), 1)
    guess = torch.tensor(ours[None, None, None, None], dtype=torch.complex64)
    symbols, variances = sionna.ofdm.LMMSEEqualizer(theirs, streams)(y, guess, off, no)
    data = ~grid.is_pilot
    power = np.abs(ours[0]) ** 2
    assert np.allclose(symbols.numpy()[0, 0, 0], (received / ours[0])[data], rtol=1e-3, atol=1e-3)
    assert np.allclose(variances.numpy()[0, 0, 0], ((n0 + error) / power)[data], rtol=2e-3)
    assert estimation("ls", grid, channel.multipath, 14, 1.0, n0)[1] == pytest.approx(error.ravel())

"""Channel estimation from pilots: closed forms, optimality, and that the stated error is the true one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from transmissions import error_rate, send

from linksim.channels.base import noise_stream
from linksim.channels.estimation import estimation, slot_statistics
from linksim.channels.grammar import make_channel
from linksim.channels.multipath import TappedDelayLine
from linksim.channels.ofdm import OFDM
from linksim.channels.profiles import cdl, tdl
from linksim.channels.resource_grid import ResourceGrid

ONE_TAP = TappedDelayLine((0.0,), (1.0,))
ONE_PILOT = ResourceGrid(pilot_symbols=(0,), comb=1)
"""Each subcarrier has one pilot, which serves for the slot."""


@pytest.mark.parametrize("snr_db", [3.0, 15.0])
def test_least_squares_loses_what_the_textbook_says(snr_db: float) -> None:
    """QPSK with a Gaussian estimate of a Rayleigh gain errs at (1 − μ/√(2 − μ²))/2, μ the correlation of estimate and
    observation (Proakis, Digital Communications, appendix C): 1/(1 + N0) for one pilot, a loss of 3 dB at high SNR."""
    mu = 1 / (1 + 10 ** (-snr_db / 10))
    rate, deviation = error_rate(OFDM(ONE_TAP, ONE_PILOT, "ls"), 4000, 120, snr_db)
    assert rate == pytest.approx((1 - mu / math.sqrt(2 - mu**2)) / 2, abs=4 * deviation)


def test_lmmse_of_a_flat_channel_averages_all_pilots() -> None:
    """Error of the mean of P observations with a prior of power 1: N0/(P + N0)."""
    for n0 in (0.05, 2.0):
        _, error = estimation("lmmse", ResourceGrid(), ONE_TAP, 14, 1.0, n0)
        assert np.allclose(error, n0 / (120 + n0))


def test_least_squares_errs_as_its_weights_say() -> None:
    """Flat and at rest, only noise is left: N0 at a pilot, 1.25/2 of it in the middle of four, more beyond the last."""
    _, error = estimation("ls", ResourceGrid(), ONE_TAP, 14, 1.0, 0.1)
    error = error.reshape(14, 120)
    assert error[2, 0] == pytest.approx(0.1)
    assert error[2, 1] == pytest.approx(0.1 / 2)
    assert error[13, 0] == pytest.approx(0.1 * ((11 / 9) ** 2 + (2 / 9) ** 2))
    _, cut = estimation("ls", ResourceGrid(), ONE_TAP, 5, 1.0, 0.1)  # one symbol of pilots serves for all
    assert np.allclose(cut.reshape(5, 120)[:, 2], 0.1)


@pytest.mark.parametrize(
    "multipath", [tdl("c", 300, 0.0), tdl("a", 100, 300.0), tdl("d", 30, 200.0), cdl("b", 100, 300.0)]
)
@pytest.mark.parametrize("name", ["ls", "lmmse"])
def test_the_stated_error_is_the_one_made(multipath: TappedDelayLine, name: str) -> None:
    """Interpolation between pilots included: mean over 600 slots, and over the slot's elements."""
    channel = OFDM(multipath, estimator=name)
    grid, n0, images = channel.grid, 0.05, 600
    times = np.arange(14) * grid.symbol_seconds
    streams = [noise_stream(0, str(i), 0.0, 0) for i in range(images)]
    truth = multipath.response(np.stack([multipath.taps(s, times) for s in streams]), grid.frequencies)
    noise = np.stack([s.standard_normal((14, 120, 2)).view(np.complex128)[..., 0] for s in streams])
    observed = truth * grid.known + math.sqrt(n0 / 2) * noise
    estimate, error = channel._estimate(observed, truth, n0)
    made = np.abs(estimate - truth) ** 2
    assert made.mean() == pytest.approx(error.mean(), rel=0.05)
    early, late = (made[:, part].mean() for part in (slice(0, 2), slice(5, 9)))
    assert early / late == pytest.approx(error[:2].mean() / error[5:9].mean(), rel=0.15)


def test_lmmse_is_nowhere_worse_than_interpolation() -> None:
    for multipath in (tdl("c", 300, 97.0), cdl("d", 30, 97.0)):
        for n0 in (1.0, 1e-3):
            errors = [estimation(name, ResourceGrid(), multipath, 14, 1.0, n0)[1] for name in ("lmmse", "ls")]
            assert (errors[0] <= errors[1] * (1 + 1e-9)).all()


def test_lmmse_leaves_an_error_that_no_pilot_explains() -> None:
    """The orthogonality principle: E[(H − Ĥ) z*] = 0 for every observation z."""
    slot = slot_statistics(ResourceGrid(), tdl("c", 300, 97.0), 14, 1.0)
    weights, _ = estimation("lmmse", ResourceGrid(), tdl("c", 300, 97.0), 14, 1.0, 0.1)
    assert np.abs(slot.cross - weights @ (slot.within + 0.1 * np.eye(len(slot.within)))).max() < 1e-9


@pytest.mark.parametrize("spec", ["tdl-c-300ns@60kmh+ls", "tdl-c-300ns@60kmh+lmmse", "cdl-d-30ns+lmmse+clip=3dB"])
def test_the_noise_variance_holds_the_estimation_error(spec: str) -> None:
    """What is off in a symbol, over its stated variance, is 1 on average; that of perfect CSI would be too low."""
    sent, received, noise_var = send(make_channel(spec), 400, 700, 12.0)
    assert np.mean(np.minimum(np.abs(received - sent) ** 2 / noise_var, 50)) == pytest.approx(1, abs=0.06)
    _, _, known = send(make_channel(spec.split("+")[0]), 400, 700, 12.0)
    assert np.median(noise_var) > 1.02 * np.median(known)


def test_mmse_equalisation_has_the_least_error_and_the_same_decisions() -> None:
    """Its stated variance is its mean squared error, and the LLRs of QPSK, √8·x/variance, are those of zero forcing."""
    forced, least = (send(make_channel(f"tdl-c-300ns+{name}"), 300, 500, 3.0) for name in ("zf", "mmse"))
    errors = [np.mean(np.abs(got[1] - got[0]) ** 2) for got in (forced, least)]
    assert errors[1] < errors[0]
    assert errors[1] == pytest.approx(least[2].mean(), rel=0.03)
    assert np.allclose(least[1] / least[2], forced[1] / forced[2], rtol=1e-4)

"""Taps of multipath channels: their power, their distribution and their correlation over time and frequency."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import special, stats
from transmissions import send

from linksim.channels.grammar import make_channel
from linksim.channels.multipath import Multipath, TappedDelayLine
from linksim.channels.ofdm import OFDM
from linksim.channels.profiles import cdl, tdl

REALISATIONS = 4000


def gains(multipath: Multipath, times: list[float], frequencies: list[float]) -> np.ndarray:
    """H of many realisations, (R, T, F)."""
    streams = [np.random.default_rng(i) for i in range(REALISATIONS)]
    taps = np.stack([multipath.taps(stream, np.array(times)) for stream in streams])
    return multipath.response(taps, np.array(frequencies))


@pytest.mark.parametrize(
    "multipath",
    [tdl("c", 300, 0.0), tdl("d", 30, 50.0), tdl("b100", None, 400.0), cdl("a", 100, 97.0), cdl("d", 30, 97.0)],
)
def test_power_is_one_on_average_and_correlation_what_it_says(multipath: Multipath) -> None:
    """Not one for each realisation: that is what fading is."""
    times, frequencies = [0.0, 1e-3, 3e-3], [0.0, 2e5, 9e5]
    found = gains(multipath, times, frequencies)
    assert np.mean(np.abs(found) ** 2) == pytest.approx(1, abs=0.05)
    assert np.abs(found[:, 0, 0]).std() > 0.1
    measured = np.mean(found * found[:, :1, :1].conj(), axis=0)
    expected = multipath.correlation(np.array(times), np.array(frequencies))
    assert np.abs(measured - expected).max() < 4 / math.sqrt(REALISATIONS)
    assert expected[0, 0] == pytest.approx(1)


def test_a_moving_tap_is_rayleigh_with_the_correlation_of_jakes() -> None:
    """J0 from SciPy; exponential power at any time, by Kolmogorov and Smirnov."""
    one = TappedDelayLine((0.0,), (1.0,), doppler_hz=100.0)
    lags = np.linspace(0, 0.03, 40)
    assert np.allclose(one.tap_correlation(lags)[:, 0], special.j0(2 * np.pi * 100 * lags), atol=1e-9)
    powers = np.abs(gains(one, [0.0, 7.7e-3], [0.0])[:, :, 0]) ** 2
    for at in powers.T:
        assert stats.kstest(at, stats.expon.cdf).pvalue > 0.01


def test_the_delay_spread_is_the_one_asked_for() -> None:
    """TR 38.901, 7.7.3: the tables' delays have an RMS spread of 1, to their two decimals."""
    for model in "abcde":
        for make in (tdl, cdl):
            profile = make(model, 100.0, 0.0)
            powers = np.array(profile.powers)
            powers[0] += profile.sight
            delays = np.array(profile.delays)
            spread = math.sqrt(powers @ delays**2 - (powers @ delays) ** 2)
            assert spread == pytest.approx(100e-9, rel=0.02), (model, make)


def test_power_of_an_image_is_one_on_average_only() -> None:
    """The convention: the noise variance that the receiver states is N0/|H|², and E|H|² = 1 over images."""
    _, _, noise_var = send(make_channel("tdl-a-30ns"), 3000, 40, 0.0)
    power = (1 / noise_var.astype(float)).mean(1)
    assert power.mean() == pytest.approx(1, abs=4 * power.std() / math.sqrt(3000))
    assert power.std() > 0.5


@pytest.mark.parametrize("spec", ["tdl-c-1500ns", "tdl-c-300ns+spacing=120kHz", "tdl-a-30ns@4000kmh"])
def test_what_would_disturb_the_subcarriers_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match=r"cyclic prefix|Doppler"):
        make_channel(spec)
    assert isinstance(make_channel("tdl-c-1500ns+spacing=15kHz+prefix=30"), OFDM)


def test_identities_tell_all_profiles_apart_and_equal_ones_alike() -> None:
    specs = ["tdl-c-300ns", "tdl-c-300ns@3kmh", "tdl-c-301ns", "tdl-c300", "tdl-d-30ns", "cdl-c-300ns", "ofdm"]
    specs += [f"ofdm+{option}" for option in ("ls", "mmse", "pilots=3", "comb=1", "clip=3dB", "rapp=3dB", "prefix=8")]
    found = [json.dumps(make_channel(spec).identity()) for spec in specs]
    assert len(set(found)) == len(specs)
    assert found == [json.dumps(make_channel(spec.upper()).identity()) for spec in specs]
    assert max(map(len, found)) < 1000

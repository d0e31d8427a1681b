"""Peaks of OFDM and what an amplifier does to them, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from transmissions import qpsk, send

from linksim.channels.amplifier import Clipping, Rapp, distortion
from linksim.channels.grammar import make_channel
from linksim.channels.resource_grid import ResourceGrid

FULL = ResourceGrid(subcarriers=256, guards=(0, 0), dc=False, pilot_symbols=())


def papr(oversampling: int, symbols: int = 6000) -> np.ndarray:
    """Peak over mean power of OFDM symbols of random QPSK."""
    power = np.abs(FULL.waveform(qpsk(symbols * 256).reshape(symbols, 256), oversampling)) ** 2
    return power.max(1) / power.mean(1)


def test_papr_at_the_nyquist_rate_has_the_distribution_of_independent_gaussian_samples() -> None:
    """P(PAPR > z) = 1 − (1 − e^(−z))^N (van Nee and Prasad, OFDM for Wireless Multimedia Communications, 6.1)."""
    found = papr(1)
    for level_db in (6.0, 7.0, 8.0, 9.0):
        z = 10 ** (level_db / 10)
        expected = 1 - (1 - math.exp(-z)) ** 256
        assert np.mean(found > z) == pytest.approx(
            expected, abs=0.015 + 4 * math.sqrt(expected * (1 - expected) / 6000)
        )


def test_papr_between_samples_is_that_of_two_to_three_times_as_many() -> None:
    """The same with N·2.8 (van Nee and de Wild 1998), an approximation for the continuous signal."""
    found = papr(4)
    for level_db in (8.0, 9.0, 10.0):
        z = 10 ** (level_db / 10)
        low, high = (1 - (1 - math.exp(-z)) ** (256 * factor) for factor in (2.0, 3.6))
        assert low < np.mean(found > z) < high


@pytest.mark.parametrize("limit_db", [-1.0, 1.58, 4.0, 7.0])
def test_clipping_has_the_gain_of_bussgang(limit_db: float) -> None:
    """α = 1 − e^(−γ²) + √π γ erfc(γ)/2, output power 1 − e^(−γ²) (Ochiai and Imai 2002, eqs. 8 and 12)."""
    ratio = 10 ** (limit_db / 20)
    power = 1 - math.exp(-(ratio**2))
    gain = power + math.sqrt(math.pi) * ratio * math.erfc(ratio) / 2
    found = distortion(Clipping(limit_db), FULL)
    assert found.scale == pytest.approx(1 / math.sqrt(power), rel=2e-3)
    assert found.gain == pytest.approx(gain / math.sqrt(power), rel=2e-3)
    assert found.noise < (power - gain**2) / gain**2  # a part of it lies out of band


def test_a_soft_amplifier_with_a_sharp_knee_clips() -> None:
    signal = FULL.waveform(qpsk(256)[None])
    assert np.allclose(Rapp(3.0, 60.0).amplify(signal), Clipping(3.0).amplify(signal), rtol=0.02)
    assert np.allclose(Rapp(40.0).amplify(signal), signal, rtol=1e-3)


@pytest.mark.parametrize("option", ["clip=1.58dB", "rapp=3dB"])
def test_distortion_is_part_of_the_noise_variance(option: str) -> None:
    """At 60 dB only distortion is left, over a channel with and without fading."""
    for spec in ("ofdm", "tdl-a-30ns"):
        sent, received, noise_var = send(make_channel(f"{spec}+{option}"), 60, 800, 60.0)
        assert np.mean(np.abs(received - sent) ** 2 / noise_var) == pytest.approx(1, abs=0.03)
        assert np.median(noise_var) > 1e-3


def test_clipping_lowers_the_papr_of_an_image() -> None:
    """To the limit over the power that is left: 1.58 dB less than 0.97 dB."""
    offsets = np.array([0, 700, 700, 1500])
    symbols = qpsk(1500)
    linear = make_channel("ofdm").papr_db(symbols, offsets)
    clipped = make_channel("ofdm+clip=1.58dB").papr_db(symbols, offsets)
    assert np.isnan([linear[1], clipped[1]]).all()
    assert (linear[[0, 2]] > 7).all()
    power = 1 - math.exp(-(10**0.158))
    assert clipped[[0, 2]] == pytest.approx(1.58 - 10 * math.log10(power), abs=0.1)


def test_papr_of_flat_channels_is_that_of_the_symbols() -> None:
    found = make_channel("awgn").papr_db(np.array([1, 1j, 3, 1], np.complex64), np.array([0, 2, 4]))
    assert found == pytest.approx([0.0, 10 * math.log10(9 / 5)])

"""Channels whose fading is flat: against each other, against closed forms, and OFDM in the limit of one tap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats
from transmissions import error_rate, send

from baselines.ber import uncoded_ber
from baselines.modulation import modulation
from linksim.channels.base import fading_stream, noise_stream
from linksim.channels.grammar import make_channel
from linksim.channels.multipath import TappedDelayLine
from linksim.channels.ofdm import OFDM
from linksim.channels.theory import gain_distribution, mean_over_gains

ONE_TAP = TappedDelayLine((0.0,), (1.0,))


def rayleigh_ber(snr_db: float) -> float:
    """QPSK over Rayleigh fading (Proakis and Salehi, Digital Communications, eq. 13.3-7)."""
    gamma = 10 ** (snr_db / 10) / 2
    return (1 - math.sqrt(gamma / (1 + gamma))) / 2


def rician_ber(k: float, snr_db: float) -> float:
    """QPSK over Rician fading, from its moment generating function (Simon and Alouini, eqs. 2.17 and 8.112)."""
    snr = 10 ** (snr_db / 10)

    def at(theta: float) -> float:
        s = snr / (2 * math.sin(theta) ** 2)
        return (1 + k) / (1 + k + s) * math.exp(-k * s / (1 + k + s))

    return integrate.quad(at, 0, math.pi / 2)[0] / math.pi


def test_one_tap_without_delay_is_block_fading() -> None:
    """The power gains of both are exponential: Kolmogorov and Smirnov see no difference in 4,000 images."""
    for channel in (make_channel("rayleigh-block"), OFDM(ONE_TAP)):
        _, _, noise_var = send(channel, 4000, 3, 10.0)
        assert (np.ptp(noise_var, axis=1) <= 1e-5 * noise_var[:, 0]).all()
        assert stats.kstest(0.1 / noise_var[:, 0], stats.expon.cdf).pvalue > 0.01


def test_a_line_of_sight_alone_is_awgn() -> None:
    plain = send(make_channel("awgn"), 3, 200, 7.0)
    for name in ("block", "fast"):
        sight = send(make_channel(f"rician-K=400dB-{name}"), 3, 200, 7.0)
        assert np.allclose(sight[1], plain[1], atol=1e-6)
        assert np.allclose(sight[2], plain[2], rtol=1e-6)
    _, received, noise_var = send(make_channel("ofdm"), 50, 500, 7.0)
    assert np.allclose(noise_var, 10**-0.7)
    assert np.mean(np.abs(received - send(make_channel("awgn"), 50, 500, 7.0)[0]) ** 2) == pytest.approx(
        10**-0.7, rel=0.03
    )


@pytest.mark.parametrize("snr_db", [0.0, 12.0])
@pytest.mark.parametrize("spec", ["rayleigh-fast", "tdl-c-300ns", "tdl-a30@200hz", "cdl-b-100ns@30kmh"])
def test_uncoded_qpsk_over_scattered_paths_errs_as_over_rayleigh_fading(spec: str, snr_db: float) -> None:
    rate, deviation = error_rate(make_channel(spec), 1500, 300, snr_db)
    assert rate == pytest.approx(rayleigh_ber(snr_db), abs=4 * deviation)


@pytest.mark.parametrize("spec", ["rician-K=3dB-fast", "rician-K=8dB-block", "tdl-d-30ns", "cdl-e-30ns@30kmh"])
def test_uncoded_qpsk_with_a_line_of_sight_errs_as_the_integral_says(spec: str) -> None:
    channel = make_channel(spec)
    assert channel.k_factor
    rate, deviation = error_rate(channel, 2000, 120, 4.0)
    assert rate == pytest.approx(rician_ber(channel.k_factor, 4.0), abs=4 * deviation)


def test_k_factor_is_read_in_db() -> None:
    assert make_channel("rician-K=3dB").k_factor == pytest.approx(10**0.3)


@pytest.mark.parametrize("snr_db", [-5.0, 5.0, 25.0])
def test_mean_over_gains_is_the_closed_form(snr_db: float) -> None:
    qam = modulation("qpsk")

    def awgn(at: float) -> float:
        return uncoded_ber(qam, at)

    assert mean_over_gains(make_channel("awgn"), awgn, snr_db) == uncoded_ber(qam, snr_db)
    assert mean_over_gains(make_channel("rayleigh-fast"), awgn, snr_db) == pytest.approx(rayleigh_ber(snr_db), rel=1e-4)
    for k_db in (-3, 6, 15):
        expected = rician_ber(10 ** (k_db / 10), snr_db)
        found = mean_over_gains(make_channel(f"rician-K={k_db}dB"), awgn, snr_db)
        assert found == pytest.approx(expected, rel=1e-3)


def test_theory_is_refused_where_there_is_none() -> None:
    with pytest.raises(ValueError, match=r"ofdm\+ls.*no closed form"):
        mean_over_gains(make_channel("ofdm+ls"), lambda _: 0.0, 5.0)


@pytest.mark.parametrize("spec", ["rayleigh-block", "rayleigh-fast", "rician-K=2dB", "tdl-c-300ns@30kmh", "cdl-a-30ns"])
def test_links_that_spend_more_or_less_see_the_same_fading_and_noise(spec: str) -> None:
    """All gains in a first OFDM symbol, or in the first symbols, whatever follows."""
    channel = make_channel(spec)
    if isinstance(channel, OFDM):
        gains = []
        for times in (np.arange(3) * 1e-4, np.arange(8) * 1e-4):
            gains.append(channel.multipath.taps(fading_stream(noise_stream(0, "a", 5.0, 0)), times)[:3])
        assert np.allclose(*gains)
    else:
        few, many = (send(channel, 1, n, 5.0) for n in (40, 100))
        assert (few[2][0] == many[2][0, :40]).all()


@pytest.mark.parametrize("name", ["rayleigh-block", "rayleigh-fast", "rician-K=2dB-fast"])
def test_the_noise_before_equalisation_is_that_of_awgn(name: str) -> None:
    plain, faded = send(make_channel("awgn"), 2, 50, 8.0), send(make_channel(name), 2, 50, 8.0)
    gain = np.sqrt(10**-0.8 / faded[2])
    assert np.allclose(np.abs(faded[1] - faded[0]) * gain, np.abs(plain[1] - plain[0]), atol=2e-6)


@pytest.mark.parametrize("k_db", [-10, 20, 40])
def test_gains_weigh_one_and_have_the_moments_of_a_rician_channel(k_db: float) -> None:
    """E g = 1 and E g² = 1 + (1 + 2K)/(1 + K)² (Simon and Alouini, eq. 2.19)."""
    k = 10 ** (k_db / 10)
    gains, weights = gain_distribution(k)
    assert weights @ gains == pytest.approx(1, rel=1e-6)
    assert weights @ gains**2 == pytest.approx(1 + (1 + 2 * k) / (1 + k) ** 2, rel=1e-6)

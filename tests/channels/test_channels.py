"""Channels against their definitions and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from linksim import registry
from linksim.channels.base import noise_stream, noise_variance


def streams(count: int, snr_db: float = 5.0, seed: int = 0) -> list[np.random.Generator]:
    return [noise_stream(seed, f"image{i}", snr_db, 0) for i in range(count)]


def test_noise_has_the_variance_of_es_n0_half_in_each_dimension() -> None:
    n = 400_000
    offsets = np.array([0, n])
    received, noise_var = registry.channel("awgn").transmit(np.zeros(n, np.complex64), offsets, 7.0, streams(1))
    n0 = 10 ** (-0.7)
    assert noise_variance(7.0) == pytest.approx(n0)
    assert (noise_var == np.float32(n0)).all()
    bound = 5 * math.sqrt(2 / n)  # five standard errors of a variance
    assert received.real.var() == pytest.approx(n0 / 2, rel=bound)
    assert received.imag.var() == pytest.approx(n0 / 2, rel=bound)
    assert abs(np.mean(received.real * received.imag)) < 5 * n0 / 2 / math.sqrt(n)


def test_noise_is_keyed_by_seed_image_snr_and_trial() -> None:
    def draw(*key: object) -> float:
        return float(noise_stream(*key).standard_normal())  # type: ignore[arg-type]

    base = draw(0, "a", 5.0, 0)
    assert draw(0, "a", 5, 0) == base
    assert len({base, draw(1, "a", 5.0, 0), draw(0, "b", 5.0, 0), draw(0, "a", 6.0, 0), draw(0, "a", 5.0, 1)}) == 5


def test_an_image_gets_the_same_noise_whatever_its_neighbours() -> None:
    symbols = np.ones(300, np.complex64)
    channel = registry.channel("awgn")
    together, _ = channel.transmit(symbols, np.array([0, 100, 300]), 5.0, streams(2))
    alone, _ = channel.transmit(symbols[100:], np.array([0, 200]), 5.0, streams(2)[1:])
    assert (together[100:] == alone).all()


def test_uncoded_qpsk_over_fast_rayleigh_fading_has_the_closed_form_error_rate() -> None:
    """Proakis and Salehi, Digital Communications, eq. 13.3-7: (1 − √(γ/(1+γ)))/2 with γ = Es/2N0 per bit."""
    n, snr_db = 200_000, 10.0
    bits = np.random.default_rng(0).integers(0, 2, 2 * n)
    symbols = ((1 - 2.0 * bits[::2]) + 1j * (1 - 2.0 * bits[1::2])).astype(np.complex64) / np.float32(math.sqrt(2))
    received, noise_var = registry.channel("rayleigh-fast").transmit(symbols, np.array([0, n]), snr_db, streams(1))
    wrong = ((received.real < 0) != bits[::2]).mean() / 2 + ((received.imag < 0) != bits[1::2]).mean() / 2
    gamma = 10 ** (snr_db / 10) / 2
    expected = (1 - math.sqrt(gamma / (1 + gamma))) / 2
    assert wrong == pytest.approx(expected, abs=5 * math.sqrt(expected / (2 * n)))
    assert len(np.unique(noise_var)) > n // 2


def test_block_fading_gives_one_gain_per_image() -> None:
    offsets = np.array([0, 50, 50, 120])
    received, noise_var = registry.channel("rayleigh-block").transmit(
        np.ones(120, np.complex64), offsets, 60.0, streams(3)
    )
    assert len(np.unique(noise_var)) == 2
    assert np.abs(received - 1).max() < 0.2  # equalised with the gain that was drawn

"""Oracles: Shannon's formula, and mutual information integrated numerically over the output density by scipy."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from baselines.capacity import awgn_capacity, awgn_snr_db, constellation_capacity, constellation_snr_db
from baselines.modulation import NAMES, modulation
from linksim.errors import LinksimError


def test_shannon():
    assert awgn_capacity(10 * math.log10(7)) == pytest.approx(3)
    assert awgn_capacity(-200) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("snr_db", [-20.0, 0.0, 8.45, 40.0])
def test_inverse(snr_db):
    assert awgn_snr_db(awgn_capacity(snr_db)) == pytest.approx(snr_db, abs=1e-9)


def test_nothing_needs_no_power():
    assert awgn_snr_db(0) == -math.inf


def by_output_entropy(name: str, snr_db: float) -> float:
    """h(Y) − h(Y|X) of one real dimension, times how many carry bits."""
    levels = modulation(name).levels.astype(float)
    deviation = math.sqrt(10 ** (-snr_db / 10) / 2)

    def density(y: float) -> float:
        return float(np.mean(np.exp(-((y - levels) ** 2) / (2 * deviation**2))) / math.sqrt(2 * math.pi) / deviation)

    def integrand(y: float) -> float:
        p = density(y)
        return -p * math.log2(p) if p > 0 else 0.0

    ends = (levels.min() - 9 * deviation, levels.max() + 9 * deviation)
    entropy = quad(integrand, *ends, limit=400, points=sorted(levels))[0]
    return (1 if name == "bpsk" else 2) * (entropy - math.log2(2 * math.pi * math.e * deviation**2) / 2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("snr_db", [-5.0, 5.0, 12.0, 20.0])
def test_constellation_capacity(name, snr_db):
    ours = constellation_capacity(modulation(name), snr_db)
    assert ours == pytest.approx(by_output_entropy(name, snr_db), abs=2e-4)
    assert constellation_capacity(modulation(name), snr_db, bitwise=True) <= ours + 1e-9
    assert ours <= awgn_capacity(snr_db)


def test_bitwise_capacity_is_the_mutual_information_of_the_llrs():
    """I(b; LLR) = 1 − E log2(1 + e^(−(1−2b)·LLR)) per bit, by simulation with the exact demapper."""
    rng = np.random.default_rng(3)
    bits = rng.integers(0, 2, 900_000, dtype=np.uint8)
    qam, snr_db = modulation("64qam"), 8.0
    noise_var = 10 ** (-snr_db / 10)
    symbols = qam.map(bits)
    noise = rng.standard_normal((2, symbols.size)) * math.sqrt(noise_var / 2)
    llr = qam.demap((symbols + noise[0] + 1j * noise[1]).astype(np.complex64), noise_var).astype(float)
    loss = np.logaddexp(0, -(1 - 2.0 * bits) * llr) / math.log(2)
    information = 6 * (1 - loss.mean())
    tolerance = 5 * 6 * loss.std() / math.sqrt(bits.size)
    assert constellation_capacity(qam, snr_db, bitwise=True) == pytest.approx(information, abs=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_the_constellations_limits(name):
    qam = modulation(name)
    assert constellation_capacity(qam, 60) == pytest.approx(qam.bits_per_symbol, abs=1e-6)
    snr_db = constellation_snr_db(qam, 0.5)
    assert constellation_capacity(qam, snr_db, bitwise=True) == pytest.approx(0.5, abs=1e-5)
    with pytest.raises(LinksimError, match=f"{name} carries"):
        constellation_snr_db(qam, qam.bits_per_symbol)

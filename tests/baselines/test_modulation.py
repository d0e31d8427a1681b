"""Oracle: Sionna's Mapper and Demapper (whose LLRs have the opposite sign), and the closed-form bit error rate."""

import math

import numpy as np
import pytest
import torch

from baselines.modulation import DEMAPPERS, NAMES, QAM, modulation
from linksim.errors import LinksimError

BITS = {"bpsk": 1, "qpsk": 2, "16qam": 4, "64qam": 6, "256qam": 8, "1024qam": 10}
KIND = dict.fromkeys(BITS, "qam") | {"bpsk": "pam"}
"""What Sionna calls the constellation."""


def transmitted(name: str, symbols: int, snr_db: float, seed: int = 1):
    """Bits, received symbols and the variance of their noise."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, symbols * BITS[name], dtype=np.uint8)
    noise_var = 10 ** (-snr_db / 10)
    noise = math.sqrt(noise_var / 2) * (rng.standard_normal(symbols) + 1j * rng.standard_normal(symbols))
    return bits, (modulation(name).map(bits) + noise).astype(np.complex64), noise_var


@pytest.mark.parametrize("name", NAMES)
def test_symbols_are_sionnas(name):
    from sionna.phy.mapping import Mapper

    bits, _, _ = transmitted(name, 3000, 10)
    theirs = Mapper(KIND[name], BITS[name])(torch.tensor(bits[None], dtype=torch.float32)).numpy()[0]
    np.testing.assert_allclose(modulation(name).map(bits), theirs, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", DEMAPPERS)
@pytest.mark.parametrize("snr_db", [-10, 10, 35])
def test_llrs_are_sionnas_negated(name, method, snr_db):
    from sionna.phy.mapping import Demapper

    _, received, noise_var = transmitted(name, 2000, snr_db)
    theirs = Demapper(method, KIND[name], BITS[name])(torch.tensor(received[None]), torch.tensor(noise_var).float())
    ours = modulation(name).demap(received, noise_var, method)
    np.testing.assert_allclose(ours, -theirs.numpy()[0], rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", NAMES)
def test_constellation_has_unit_power_and_distinct_points(name):
    bits = BITS[name]
    labels = (np.arange(2**bits)[:, None] >> np.arange(bits)[::-1]) & 1
    points = modulation(name).map(labels.astype(np.uint8).ravel())
    assert np.mean(np.abs(points) ** 2) == pytest.approx(1, abs=1e-6)
    assert len(set(np.round(points, 5))) == 2**bits


def test_uncoded_16qam_bit_errors_match_the_closed_form():
    bits, received, noise_var = transmitted("16qam", 100_000, 10.5)
    errors = np.count_nonzero((modulation("16qam").demap(received, noise_var) < 0) != bits)
    expected = 0.0503 * bits.size
    assert abs(errors - expected) < 5 * math.sqrt(expected)


@pytest.mark.parametrize("snr_db", [0.0, 6.0])
def test_uncoded_bpsk_bit_errors_match_the_q_function(snr_db):
    bits, received, noise_var = transmitted("bpsk", 400_000, snr_db)
    errors = np.count_nonzero((modulation("bpsk").demap(received, noise_var) < 0) != bits)
    expected = math.erfc(math.sqrt(10 ** (snr_db / 10))) / 2 * bits.size  # Q(√(2·Es/N0))
    assert abs(errors - expected) < 5 * math.sqrt(expected)


def test_noise_per_symbol_scales_each_llr():
    _, received, _ = transmitted("64qam", 4, 15)
    noise = np.array([0.01, 0.1, 1, 10], np.float32)
    together = modulation("64qam").demap(received, noise).reshape(4, 6)
    for i in range(4):
        np.testing.assert_array_equal(together[i], modulation("64qam").demap(received[i : i + 1], noise[i]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", DEMAPPERS)
@pytest.mark.parametrize("noise_var", [0.0, 1e-12, 1e12, math.inf])
def test_extreme_noise_gives_llrs_that_are_numbers_of_the_right_sign(name, method, noise_var):
    bits, _, _ = transmitted(name, 200, 10)
    llr = modulation(name).demap(modulation(name).map(bits), noise_var, method)
    assert np.isfinite(llr).all()
    if noise_var < 1:
        np.testing.assert_array_equal(llr < 0, bits == 1)


@pytest.mark.parametrize("method", DEMAPPERS)
@pytest.mark.parametrize("name", NAMES)
def test_llrs_do_not_depend_on_the_width_of_vectors(name, method, monkeypatch):
    rng = np.random.default_rng(0)
    received = rng.standard_normal((37, 2), np.float32).view(np.complex64).ravel()
    noise_var = rng.random(37, np.float32)
    found = []
    for has_wide in (False, True):
        monkeypatch.setattr("baselines.modulation.HAS_WIDE", has_wide)
        found.append(modulation(name).demap(received, noise_var, method))
    np.testing.assert_array_equal(*found)


def test_nothing_in_nothing_out():
    assert QAM(4).map(np.zeros(0, np.uint8)).size == 0
    assert QAM(4).demap(np.zeros(0, np.complex64), 0.1).size == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: modulation("16qma"), "did you mean '16qam'.*256qam"),
        (lambda: QAM(3), "3 bits per symbol.*1, 2, 4, 6, 8, 10"),
        (lambda: QAM(4).map(np.zeros(5, np.uint8)), "5 bits do not fill symbols of 4 bits"),
        (lambda: QAM(4).demap(np.zeros(1, np.complex64), 1.0, "max-log"), "'max-log'.*maxlog"),
    ],
)
def test_bad_requests_are_named(call, says):
    with pytest.raises(LinksimError, match=says):
        call()

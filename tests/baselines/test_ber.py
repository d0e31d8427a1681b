"""Oracles: closed forms of uncoded QAM, and the independence of counts from workers and grids."""

import math
from dataclasses import replace

import numpy as np
import pytest

from baselines.ber import BATCH, ErrorCounts, Simulation, uncoded_ber
from baselines.ber_results import Results
from baselines.fec.alist import AlistLDPC
from baselines.fec.ldpc import systematic
from baselines.fec.rules import Graph
from baselines.fec.uncoded import Uncoded
from baselines.fec.wifi import WifiLDPC
from baselines.modulation import NAMES, modulation
from linksim import registry
from linksim.errors import LinksimError


def q(x: float) -> float:
    return math.erfc(x / math.sqrt(2)) / 2


def cho_yoon(bits_per_symbol: int, snr_db: float) -> float:
    """Bit error rate of Gray-coded square QAM (Cho and Yoon, IEEE Trans. Commun. 50(7), 2002, eqs. 14 and 16), and of
    BPSK (Q(√(2·Es/N0)))."""
    if bits_per_symbol == 1:
        return q(math.sqrt(2 * 10 ** (snr_db / 10)))
    side, half = 2 ** (bits_per_symbol // 2), bits_per_symbol // 2
    argument = math.sqrt(3 * 10 ** (snr_db / 10) / (side**2 - 1))
    total = 0.0
    for k in range(1, half + 1):
        for i in range(int((1 - 2**-k) * side)):
            sign = (-1) ** (i * 2 ** (k - 1) // side)
            weight = 2 ** (k - 1) - math.floor(i * 2 ** (k - 1) / side + 0.5)
            total += 2 / side * sign * weight * q((2 * i + 1) * argument)
    return total / half


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("snr_db", [-10.0, 5.0, 10.5, 20.0, 30.0])
def test_uncoded_rate_is_the_closed_form(name, snr_db):
    qam = modulation(name)
    assert uncoded_ber(qam, snr_db) == pytest.approx(cho_yoon(qam.bits_per_symbol, snr_db), rel=1e-9)


def test_uncoded_16qam_as_published():
    g = math.sqrt(10**1.05 / 5)
    assert uncoded_ber(modulation("16qam"), 10.5) == pytest.approx((3 * q(g) + 2 * q(3 * g) - q(5 * g)) / 4, rel=1e-12)
    assert uncoded_ber(modulation("16qam"), 10.5) == pytest.approx(0.0503, abs=5e-5)


@pytest.mark.parametrize(("name", "snr_db"), [("qpsk", 3.0), ("16qam", 10.5), ("64qam", 15.0), ("256qam", 24.0)])
def test_simulated_uncoded_rate(name, snr_db):
    simulation = Simulation(Uncoded(), modulation(name), max_blocks=40, block_errors=41, demapper="maxlog")
    (counts,) = simulation.run([snr_db])
    expected = uncoded_ber(modulation(name), snr_db)
    assert counts.bits == 40 * Uncoded.k
    assert abs(counts.ber - expected) < 5 * math.sqrt(expected / counts.bits)
    low, high = counts.ber_interval
    assert low < counts.ber < high


def test_counts_depend_neither_on_workers_nor_on_the_grid():
    code, qam = WifiLDPC(648, "3/4"), modulation("16qam")
    alone = Simulation(code, qam, max_blocks=900, block_errors=300, workers=1).run([10.2])
    together = Simulation(code, qam, max_blocks=900, block_errors=300, workers=3).run([9.0, 10.2])
    assert together[1] == alone[0]


def test_stops_at_enough_block_errors_or_at_the_last_block():
    code, qam = WifiLDPC(648, "1/2"), modulation("qpsk")
    lost, kept = Simulation(code, qam, max_blocks=1000, block_errors=10).run([-5.0, 10.0])
    assert (lost.blocks, lost.block_errors) == (BATCH, BATCH)
    assert (kept.blocks, kept.block_errors, kept.undetected) == (1000, 0, 0)
    assert kept.bler_interval[1] == pytest.approx(0.0038, abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_a_last_symbol_that_blocks_do_not_fill(name):
    """Three Hamming codewords are 21 bits."""
    checks = np.array([[0, 1, 2, 4], [0, 1, 3, 5], [0, 2, 3, 6]], np.uint32)
    code = AlistLDPC("hamming", *systematic(Graph(np.array([0, 4, 8, 12], np.uint32), checks.ravel()), 7))
    (counts,) = Simulation(code, modulation(name), max_blocks=3).run([60.0])
    assert (counts.blocks, counts.bits, counts.bit_errors) == (3, 12, 0)


def test_progress_sees_every_batch():
    seen: list[int] = []
    Simulation(WifiLDPC(648, "1/2"), modulation("qpsk"), max_blocks=600).run([10.0], lambda c: seen.append(c.blocks))
    assert seen == [256, 512, 600]


def test_a_single_wrong_block_has_an_interval():
    low, high = ErrorCounts(0.0, blocks=1, block_errors=1, bits=1458, bit_errors=200, squares=200**2).ber_interval
    assert low < 200 / 1458 < high


def test_clustered_bit_errors_widen_the_interval():
    spread = ErrorCounts(0.0, blocks=100, block_errors=100, bits=100_000, bit_errors=1000, squares=100 * 100)
    bursts = ErrorCounts(0.0, blocks=100, block_errors=2, bits=100_000, bit_errors=1000, squares=2 * 500**2)
    width = [np.ptp(c.ber_interval) for c in (spread, bursts)]
    assert width[1] > 5 * width[0]


@pytest.mark.parametrize("option", ["max_blocks", "block_errors", "workers"])
def test_options_out_of_range(option):
    with pytest.raises(LinksimError, match=f"{option.replace('_', ' ')} 0"):
        Simulation(Uncoded(), modulation("qpsk"), **{option: 0})


@pytest.mark.parametrize("spec", ["rayleigh-fast", "rayleigh-block", "rician-K=5dB", "tdl-c-300ns"])
def test_uncoded_errors_over_fading_are_the_average_over_its_gains(spec: str) -> None:
    """Decisions for the nearest symbol, as the exact rate supposes: "app" takes the likelier bit, and errs less."""
    channel = registry.channel(spec)
    simulation = Simulation(Uncoded(), modulation("16qam"), 800, 801, demapper="maxlog", channel=channel)
    counts = simulation.run([12.0])[0]
    results = Results(simulation)
    results.counts[12.0] = counts
    expected = results.table([12.0])["uncoded_ber"].iloc[0]
    low, high = counts.ber_interval
    assert abs(counts.ber - expected) < 0.75 * (high - low)  # three standard errors
    assert expected > 1.5 * uncoded_ber(modulation("16qam"), 12.0)


def test_ofdm_without_fading_errs_as_awgn() -> None:
    plain = Simulation(WifiLDPC(648, "1/2"), modulation("qpsk"), max_blocks=1000, block_errors=1001)
    over_ofdm = replace(plain, channel=registry.channel("ofdm"))
    assert over_ofdm.settings() != plain.settings()
    low, high = plain.run([0.5])[0].bler_interval
    assert low - 0.03 < over_ofdm.run([0.5])[0].bler < high + 0.03

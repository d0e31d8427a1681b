"""Normal samples against SciPy's normal law, and against the same map of words in float64."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from linksim.channels.base import AT_ONCE, complex_normal, noise_stream
from linksim.identity import sha256
from linksim.simd.normal import box_muller

SAMPLES = 2_000_000


def words(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Words of 64 bits from their signed halves."""
    return np.stack(np.broadcast_arrays(low, high), axis=-1).astype(np.int32).view(np.uint64).ravel()


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return box_muller(np.random.Philox(key=3).random_raw(SAMPLES), 1.0)


def test_samples_are_those_of_the_map_in_float64() -> None:
    raw = np.random.Philox(key=1).random_raw(100_000)
    low, high = raw.view(np.int32)[::2], raw.view(np.int32)[1::2]
    uniform = (np.where(low < 0, ~low, low).astype(np.float32) + np.float32(0.5)) / np.float32(2**31)
    radius = np.where(low < 0, -1, 1) * np.sqrt(-2 * np.log(uniform.astype(np.float64)))
    expected = radius * np.exp(1j * np.pi * high / 2**32)
    np.testing.assert_allclose(box_muller(raw, 1.0), expected, rtol=0, atol=1e-6)


def test_each_sample_depends_on_its_own_word() -> None:
    raw = np.random.Philox(key=2).random_raw(40)
    together = box_muller(raw, 0.7)
    for size in (1, 3, 8, 9, 16, 23):
        np.testing.assert_array_equal(box_muller(raw[:size], 0.7), together[:size])
        np.testing.assert_array_equal(box_muller(raw[size:], 0.7), together[size:])
    assert box_muller(raw[:0], 0.7).size == 0


def test_the_bits_are_the_same_on_every_processor() -> None:
    """What code for processors without vectors of 32 bytes, with them, and with fused operations gives."""
    samples = box_muller(np.random.Philox(key=0).random_raw(10_000), 1.0)
    assert sha256(samples.tobytes()) == "7cfd362f96c6eeb7479b6ee3a7f4705efe9de881e4b90d5f9514206d6d905a94"


def test_both_parts_follow_the_normal_law(drawn: np.ndarray) -> None:
    for part in (drawn.real, drawn.imag):
        assert stats.kstest(part.astype(np.float64), "norm").pvalue > 1e-3
        for order, moment, of_square in ((1, 0, 1), (2, 1, 3), (3, 0, 15), (4, 3, 105)):
            error = np.sqrt((of_square - moment**2) / SAMPLES)
            assert np.mean(part.astype(np.float64) ** order) == pytest.approx(moment, abs=4 * error)
        for deviations in (2, 3, 4):
            expected = 2 * SAMPLES * stats.norm.sf(deviations)
            assert np.count_nonzero(np.abs(part) > deviations) == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_parts_and_neighbours_are_independent(drawn: np.ndarray) -> None:
    real, imaginary = drawn.real, drawn.imag
    for a, b in ((real, imaginary), (real[1:], real[:-1]), (real[1:], imaginary[:-1]), (real**2, imaginary**2)):
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(SAMPLES)
    turns = np.angle(drawn) / (2 * np.pi) % 1
    assert stats.kstest(turns, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("deviations", [4.0, 5.0, 5.5, 6.0])
def test_the_tail_is_normal_out_to_six_deviations(deviations: float) -> None:
    """The probability of more than so many deviations, over all radii that exceed them and every angle."""
    reach = int(2**31 * np.exp(-(deviations**2) / 2)) + 1000
    radii = np.abs(box_muller(words(np.arange(reach), np.zeros(reach)), 1.0)).astype(np.float64)
    assert radii[-1] < deviations
    beyond = np.arccos(deviations / radii[radii > deviations]) / np.pi
    assert beyond.sum() / 2**31 == pytest.approx(stats.norm.sf(deviations), rel=0.01)


def test_angles_of_one_radius_lie_evenly_on_the_circle() -> None:
    high = np.linspace(-(2**31), 2**31 - 1, 1001).round()
    right, left = box_muller(words(np.array(12345), high), 1.0), box_muller(words(np.array(~12345), high), 1.0)
    np.testing.assert_allclose(np.angle(right), np.pi * high / 2**32, atol=1e-6)
    np.testing.assert_array_equal(left, -right)


def test_a_stream_goes_on_where_it_stopped_and_streams_differ() -> None:
    whole = complex_normal(noise_stream(0, "a", 5.0, 0), 3 * AT_ONCE, 0.5)
    stream = noise_stream(0, "a", 5.0, 0)
    parts = [complex_normal(stream, n, 0.5) for n in (1, 30, AT_ONCE, 2 * AT_ONCE - 31)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    raw = noise_stream(0, "a", 5.0, 0).bit_generator.random_raw(3 * AT_ONCE)
    np.testing.assert_array_equal(box_muller(raw, 0.5), whole)
    many = np.stack([complex_normal(noise_stream(0, f"image {i}", 5.0, 0), 20_000) for i in range(8)])
    apart = np.abs(np.corrcoef(many.real)) - np.eye(8)
    assert np.abs(apart).max() < 5 / np.sqrt(20_000)

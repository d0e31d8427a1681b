"""The resource grid: what it costs, and that it loses nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transmissions import qpsk

from linksim.channels.resource_grid import ResourceGrid
from linksim.errors import LinksimError

GRIDS = st.builds(
    ResourceGrid,
    subcarriers=st.integers(16, 80),
    symbols=st.integers(4, 14),
    prefix=st.one_of(st.none(), st.integers(0, 16)),
    guards=st.one_of(st.none(), st.tuples(st.integers(0, 5), st.integers(0, 5))),
    dc=st.booleans(),
    pilot_symbols=st.sampled_from([(), (0,), (2,), (1, 3), (0, 1, 2)]),
    comb=st.integers(1, 4),
)


def test_the_default_is_ten_resource_blocks_of_5g_nr() -> None:
    """TS 38.211, table 4.2-1 and 5.3.1: 30 kHz, twelve subcarriers a block, 14 symbols a slot, prefix of 144/2048."""
    grid = ResourceGrid()
    assert grid.active.size == 10 * 12
    assert grid.subcarriers * grid.spacing_hz == 3.84e6
    assert grid.prefix_length / 3.84e6 == pytest.approx(144 / (2048 * 30e3))
    assert grid.uses(12 * 120 + 2 * 60) == 14 * (128 + 9)


@settings(max_examples=200, deadline=None)
@given(grid=GRIDS, symbols=st.integers(0, 3000))
def test_costs_are_those_of_the_elements_that_are_sent(grid: ResourceGrid, symbols: int) -> None:
    filled = grid.fill(qpsk(symbols))
    assert filled.shape == (grid.length(symbols), grid.active.size)
    assert grid.uses(symbols) == len(filled) * (grid.subcarriers + grid.prefix_length)


@settings(max_examples=200, deadline=None)
@given(grid=GRIDS, symbols=st.integers(0, 3000), uses=st.integers(0, 30_000))
def test_capacity_is_the_inverse_of_uses(grid: ResourceGrid, symbols: int, uses: int) -> None:
    assert grid.uses(grid.capacity(uses)) <= uses
    assert grid.uses(grid.capacity(uses) + 1) > uses
    assert grid.capacity(grid.uses(symbols)) >= symbols


@settings(max_examples=100, deadline=None)
@given(grid=GRIDS, symbols=st.integers(1, 2000))
def test_every_symbol_has_an_element_of_its_own_that_is_no_pilot(grid: ResourceGrid, symbols: int) -> None:
    places = grid.data_elements(symbols)
    assert len(np.unique(places)) == symbols
    assert not grid.is_pilot[places // grid.active.size % grid.symbols, places % grid.active.size].any()
    sent = qpsk(symbols)
    assert (grid.fill(sent).ravel()[places] == sent).all()


def test_any_run_of_symbols_is_spread_over_time_and_frequency() -> None:
    """60 in a row, of 1,400 in one slot: 4 or 5 in each fourteenth of either, give or take 3."""
    grid = ResourceGrid()
    places = grid.data_elements(1400)
    for start in range(0, 1340, 67):
        run = places[start : start + 60]
        for parts in (run // grid.active.size, run % grid.active.size * 14 // grid.active.size):
            assert np.bincount(parts, minlength=14).max() <= 8


def test_the_waveform_is_the_fourier_transform_and_loses_nothing() -> None:
    """Against its definition, sample by sample: x(n) = Σ X_k e^(j2πf_k n/rate)/√active."""
    grid = ResourceGrid(subcarriers=32)
    elements = qpsk(3 * grid.active.size).reshape(3, -1)
    signal = grid.waveform(elements)
    times = np.arange(4 * 32) / (4 * 32 * grid.spacing_hz)
    expected = elements @ np.exp(2j * np.pi * np.outer(grid.frequencies, times)) / math.sqrt(grid.active.size)
    assert np.allclose(signal, expected)
    assert np.allclose(grid.elements(signal), elements)
    assert np.mean(np.abs(signal) ** 2) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"subcarriers": 2},
        {"guards": (100, 100)},
        {"pilot_symbols": (14,)},
        {"pilot_symbols": (5, 2)},
        {"prefix": 200},
        {"symbols": 1, "pilot_symbols": (0,), "comb": 1},
        {"spacing_hz": 0.0},
    ],
)
def test_impossible_grids_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(LinksimError, match="OFDM"):
        ResourceGrid(**fields)  # type: ignore[arg-type]

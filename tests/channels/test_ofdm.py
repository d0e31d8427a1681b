"""The OFDM channel as the engine sees it."""

from __future__ import annotations

import numpy as np
import pytest
from transmissions import qpsk, send

from linksim.channels.base import noise_stream
from linksim.channels.grammar import make_channel

SPECS = ["tdl-c-300ns", "tdl-c-300ns@30kmh+ls", "cdl-c-100ns@30kmh+lmmse+mmse", "tdl-d-30ns+clip=2dB+ls", "yang2021"]


def streams(numbers: list[int]) -> list[np.random.Generator]:
    return [noise_stream(0, f"image{i}", 8.0, 0) for i in numbers]


@pytest.mark.parametrize("spec", SPECS)
def test_an_image_arrives_the_same_whatever_is_sent_beside_it(spec: str) -> None:
    """Bit for bit: alone, and among images of other and of equal sizes, in a channel made anew."""
    sizes = [700, 0, 710, 2000, 700, 1]
    edges = np.concatenate([[0], np.cumsum(sizes)])
    symbols = qpsk(edges[-1])
    together = make_channel(spec).transmit(symbols, edges, 8.0, streams(list(range(6))))
    for i in (0, 2, 3, 5):
        own = slice(edges[i], edges[i + 1])
        alone = make_channel(spec).transmit(symbols[own], np.array([0, sizes[i]]), 8.0, streams([i]))
        assert (together[0][own] == alone[0]).all()
        assert (together[1][own] == alone[1]).all()


@pytest.mark.parametrize("spec", SPECS)
def test_what_arrives_is_what_was_sent_once_there_is_no_noise(spec: str) -> None:
    """In the order in which it was sent; what is left at 80 dB is distortion and interpolation, and is stated."""
    sent, received, noise_var = send(make_channel(spec), 20, 1700, 80.0)
    usual = noise_var < 0.06
    assert usual.mean() > 0.8
    assert np.abs(received - sent)[usual].mean() < 0.2
    assert received.dtype == np.complex64
    assert noise_var.dtype == np.float32


def test_trials_and_snrs_fade_independently() -> None:
    channel = make_channel("tdl-a-30ns")
    edges, symbols = np.array([0, 100]), qpsk(100)
    found = [
        channel.transmit(symbols, edges, snr_db, [noise_stream(0, "a", snr_db, trial)])[1][0] * 10 ** (snr_db / 10)
        for snr_db, trial in ((5.0, 0), (5.0, 1), (6.0, 0))
    ]
    assert len({round(float(value), 4) for value in found}) == 3


def test_estimated_channels_need_pilots() -> None:
    with pytest.raises(ValueError, match="pilots"):
        make_channel("tdl-a-30ns+pilots=0+ls")
    assert make_channel("tdl-a-30ns+pilots=0").uses(840) == 7 * 137

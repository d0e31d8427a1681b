"""The adaptive link: the ladder, its measured curves, and that no fixed scheme of the ladder beats it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from foreign import Plasma

from baselines.adaptive import AdaptiveLink
from baselines.capacity import constellation_capacity
from baselines.ladder import Scheme, schemes
from baselines.modulation import modulation
from linksim import registry
from linksim.channels.base import noise_stream
from linksim.link import Budget, Image, Link, LinkOptions, Transmission, outage_image
from linksim.scoring.image_quality import psnr

IMAGES = [Plasma(4, (96, 96))[i].image for i in range(4)]
CHANNELS = {"awgn": 2, "rayleigh-fast": 2, "rayleigh-block": 40}
"""Trials that tell schemes apart."""


def adaptive(channel: str = "awgn", method: str = "webp+adaptive", budget: Budget | None = None) -> AdaptiveLink:
    statistics = registry.channel(channel).sample_noise
    made = registry.link(method, LinkOptions(budget or Budget("cbr", 1 / 12), sample_noise=statistics))
    assert isinstance(made, AdaptiveLink)
    return made


def qualities(link: Link, sent: Transmission, channel: str, snr_db: float) -> np.ndarray:
    """PSNR (dB) of each trial and image."""
    found = []
    for trial in range(CHANNELS[channel]):
        streams = [noise_stream(0, str(i), snr_db, trial) for i in range(len(IMAGES))]
        received, noise_var = registry.channel(channel).transmit(sent.symbols, sent.offsets, snr_db, streams)
        shown = link.receive(received, noise_var, sent.header).images
        found.append([psnr(image, got) for image, got in zip(IMAGES, shown, strict=True)])
    return np.array(found)


def test_the_ladder_has_all_rates() -> None:
    assert len(schemes("nr-ldpc")) == 47
    assert len(schemes("ldpc")) == 6 * 4
    assert set(schemes()) == {*schemes("nr-ldpc"), *schemes("ldpc")}
    efficiency = {(scheme.code, scheme.modulation): scheme.bits_per_use for scheme in schemes("nr-ldpc")}
    assert efficiency["nr-ldpc-15/512", "qpsk"] == pytest.approx(0.0586, abs=1e-4)  # as in the tables of TS 38.214
    assert efficiency["nr-ldpc-245/512", "16qam"] == pytest.approx(1.9141, abs=1e-3)
    assert efficiency["nr-ldpc-237/256", "1024qam"] == pytest.approx(9.2578, abs=1e-3)


def test_curves_lie_above_capacity_and_where_others_measured_them() -> None:
    for scheme in schemes():
        _, median, spread = scheme.curves[-1]
        qam = modulation(scheme.modulation)
        assert constellation_capacity(qam, median, bitwise=True) > scheme.bits_per_use, scheme
        assert constellation_capacity(qam, median - 2.5, bitwise=True) < scheme.bits_per_use, scheme
        assert 0 < spread < 0.5
    (wifi,) = (s for s in schemes() if (s.code, s.modulation) == ("ldpc-3/4", "16qam"))
    for snr_db, rate in ((10.38, 1e-1), (10.68, 1e-2)):  # layered offset min-sum, 20 iterations, by another program
        (ours,) = wifi.block_error_rate(np.array([1458.0]), np.array([snr_db]))
        assert math.log10(ours) == pytest.approx(math.log10(rate), abs=0.35)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("snr_db", [0.0, 8.0, 20.0])
def test_no_fixed_scheme_is_better_by_more_than_noise(channel: str, snr_db: float) -> None:
    which = adaptive(channel)
    sent = which.send(IMAGES, snr_db)
    assert (np.diff(sent.offsets) + 5 * sent.side_info_bits <= 96 * 96 * 3 // 12).all()
    ours = qualities(which, sent, channel, snr_db)
    for scheme in schemes()[::4]:
        fixed = which.link(scheme)
        gain = ours - qualities(fixed, fixed.send(IMAGES), channel, snr_db)
        error = gain.std() / math.sqrt(gain.size)
        assert gain.mean() > -3 * error - 0.15, (scheme.code, scheme.modulation)


def test_the_choice_follows_the_channel() -> None:
    """By the mean SNR alone, three images in four were lost over block fading at 20 dB."""
    lost = qualities(adaptive("rayleigh-block"), adaptive("rayleigh-block").send(IMAGES, 20.0), "rayleigh-block", 20.0)
    grey = [psnr(image, outage_image(image.shape)) for image in IMAGES]
    assert np.mean(lost == grey) < 0.25
    fastest = [adaptive(c).agreed((96, 96, 3), 20.0)[1][0].scheme.bits_per_use for c in ("awgn", "rayleigh-fast")]
    assert fastest[0] > fastest[1]


def test_success_over_block_fading_is_an_integral_over_the_gain() -> None:
    """Gains are exponential, so an image of one block arrives with probability ∫ e^(−g) (1 − BLER(g·SNR)) dg."""
    scheme = schemes("nr-ldpc")[20]
    snrs = adaptive("rayleigh-block")._snrs(500, 15.0)
    assert snrs.shape == (2000, 1)
    gains = np.linspace(1e-4, 20, 400_001)
    arrives = 1 - scheme.block_error_rate(np.array([1800.0]), 15.0 + 10 * np.log10(gains))
    exact = float((np.exp(-gains) * arrives).sum() * (gains[1] - gains[0]))
    assert scheme.success([1800], snrs) == pytest.approx(exact, abs=0.03)


def test_equal_symbols_and_unequal_ones_of_the_same_mean_information() -> None:
    scheme = Scheme("nr-ldpc-1/2", "qpsk", ((1000, 3.0, 0.2),))
    alike = scheme.success([1000, 1000], np.full((1, 1), 3.1))
    assert 0.4 < alike < 0.6
    assert alike == pytest.approx(scheme.success([1000, 1000], np.full((3, 2000), 3.1)), abs=1e-6)
    mean_db = 10 * math.log10((10**-0.2 + 10**0.6) / 2)  # information is concave in the SNR
    assert scheme.success([1000, 1000], np.tile([-2.0, 6.0], (1, 1000))) < 0.1
    assert scheme.success([1000, 1000], np.full((1, 1), mean_db)) > 0.9


def test_same_bits_come_out_whatever_the_images_share() -> None:
    """Blocks, images and flags keep the order of the images, although each scheme decodes its own together."""
    images: list[Image] = [*IMAGES, np.full((96, 96, 3), 90, np.uint8), IMAGES[0]]
    which = adaptive("rayleigh-block")
    sent = which.send(images, 12.0)
    assert len(sent.header.groups) > 1
    assert sent.side_info_bits is not None
    assert (sent.side_info_bits <= 4).all()
    got = which.receive(sent.symbols, np.full(sent.symbols.size, 1e-4, np.float32), sent.header)
    assert got.ok.all()
    assert sent.blocks is not None
    np.testing.assert_array_equal(got.bits, sent.blocks.bits)
    for i, image in enumerate(images):
        alone = which.send([image], 12.0)
        np.testing.assert_array_equal(alone.symbols, sent.symbols[slice(*sent.offsets[i : i + 2])])


def test_matched_by_bpp_the_most_reliable_scheme_needs_no_side_information() -> None:
    which = adaptive("awgn", budget=Budget("bpp", 0.5))
    sent = which.send(IMAGES, 11.5)
    assert sent.side_info_bits is not None
    assert not sent.side_info_bits.any()
    (group,) = sent.header.groups
    assert 2.0 < group[0].bits_per_use < 3.5  # of those that deliver, the fastest
    assert qualities(which, sent, "awgn", 11.5).min() > 20


@pytest.mark.parametrize(("family", "begins"), [("nr", "nr-ldpc-"), ("wifi", "ldpc-")])
def test_one_ladder_alone(family: str, begins: str) -> None:
    which = adaptive(method=f"webp+adaptive-{family}")
    for snr_db in (-5.0, 10.0, 30.0):
        assert all(c.scheme.code.startswith(begins) for c in which.agreed((96, 96, 3), snr_db)[1])


def test_a_selective_channel_has_a_scheme_that_arrives() -> None:
    """Matched by bpp nothing limits the redundancy, so that hardly an image need be lost, in any fade."""
    link = adaptive("tdl-c-300ns@30kmh+lmmse", "bpg+adaptive-wifi", Budget("bpp", 0.25))
    _, (candidate,) = link.agreed((96, 96, 3), 16.0)
    assert candidate.success > 0.98

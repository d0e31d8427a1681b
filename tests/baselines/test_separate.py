"""The separate link: what it counts, what it delivers, and what its receiver may know."""

from __future__ import annotations

import math
import zlib
from fractions import Fraction

import numpy as np
import pytest
from foreign import Odd, Plasma
from scipy import stats

from baselines.scrambler import scramble
from baselines.separate import SeparateLink, largest
from linksim import registry
from linksim.channels.base import noise_stream
from linksim.errors import LinksimError
from linksim.link import Budget, Image, LinkOptions, Reception, Transmission

IMAGES = [Plasma(4, (96, 96))[i].image for i in range(4)]


def link(method: str = "bpg", budget: Budget | None = None, **options: object) -> SeparateLink:
    made = registry.link(method, LinkOptions(budget or Budget("bpp", 0.5), **options))  # type: ignore[arg-type]
    assert isinstance(made, SeparateLink)
    return made


def through(which: SeparateLink, sent: Transmission, snr_db: float) -> Reception:
    streams = [noise_stream(0, str(i), snr_db, 0) for i in range(len(sent.offsets) - 1)]
    received, noise_var = registry.channel("awgn").transmit(sent.symbols, sent.offsets, snr_db, streams)
    return which.receive(received, noise_var, sent.header)


@pytest.mark.parametrize(
    "method",
    [
        *("bpg", "webp+ldpc-1/2+qpsk", "jpeg+ldpc-648-5/6+64qam", "bpg+256qam+ldpc-1296-2/3", "bpg+16qam+maxlog"),
        *("avif", "heic", "jpeg2000", "jxl"),
    ],
)
def test_a_good_channel_delivers_the_file_itself(method: str) -> None:
    budget = Budget("bpp", 2)
    which = link(method, budget)
    got = through(which, which.send(IMAGES), 40.0)
    assert got.ok.all()
    for image, shown in zip(IMAGES, got.images, strict=True):
        file = which.codec.encode_to_budget(image, 2 * 96 * 96 // 8)
        assert file is not None
        assert (shown == which.codec.decode(file, (96, 96))).all()


def test_cifar_sized_images_go_through_bpg_at_a_sixth_of_a_use_per_sample() -> None:
    images = [image[32:64, 32:64].copy() for image in IMAGES]
    which = link(budget=Budget("cbr", Fraction(1, 6)))
    sent = which.send(images)
    assert (np.diff(sent.offsets) <= 32 * 32 * 3 // 6).all()
    got = through(which, sent, 14.0)
    assert got.ok.all()
    for image, shown in zip(images, got.images, strict=True):
        file = which.codec.encode_to_budget(image, which.max_bytes(image.shape))
        assert file is not None
        assert (shown == which.codec.decode(file, (32, 32))).all()


def test_every_bit_is_counted() -> None:
    """By hand: (file + 32 CRC bits) over codewords of 1458, each with 486 parity bits, four bits a symbol."""
    which = link()
    sent = which.send(IMAGES)
    for i, image in enumerate(IMAGES):
        file = which.codec.encode_to_budget(image, 576)
        assert file is not None
        assert len(file) <= 576
        bits = 8 * len(file) + 32
        blocks = math.ceil(bits / 1458)
        assert sent.payload_bits[i] == 8 * len(file)
        assert sent.offsets[i + 1] - sent.offsets[i] == math.ceil((bits + blocks * 486) / 4)
        assert sent.blocks is not None
        own = slice(*sent.blocks.image_blocks[i : i + 2])
        lengths = np.diff(sent.blocks.block_offsets)[own]
        assert len(lengths) == blocks
        assert lengths.sum() == bits
        assert lengths.max() - lengths.min() <= 1  # spread evenly
        start = sent.blocks.block_offsets[own.start]
        payload = np.packbits(scramble(sent.blocks.bits[start : start + bits])).tobytes()
        assert payload == file + zlib.crc32(file).to_bytes(4, "big")


@pytest.mark.parametrize("method", ["bpg", "webp+ldpc-1/2+qpsk", "jpeg+ldpc-648-5/6+64qam", "bpg+uncoded+qpsk"])
@pytest.mark.parametrize("cbr", ["1/60", "1/24", "1/3"])
def test_a_cbr_budget_is_used_but_never_exceeded(method: str, cbr: str) -> None:
    which = link(method, Budget("cbr", Fraction(cbr)))
    allowed = int(Fraction(cbr) * 3 * 96 * 96)
    size = which.max_bytes((96, 96, 3))
    assert size == 0 or which.uses(size) <= allowed
    assert allowed < which.uses(size + 1)
    assert (np.diff(which.send(IMAGES).offsets) <= allowed).all()


def test_what_cannot_fit_is_an_outage_unless_the_nearest_is_asked_for() -> None:
    sent = link("jpeg", Budget("bpp", 0.1)).send(IMAGES)
    assert (sent.payload_bits == 0).all()
    assert len(sent.symbols) == 0
    got = link("jpeg", Budget("bpp", 0.1)).receive(sent.symbols, np.zeros(0, np.float32), sent.header)
    assert not got.ok.any()
    assert all((image == 128).all() for image in got.images)

    nearest = link("jpeg", Budget("bpp", 0.1), over_budget="nearest")
    sent = nearest.send(IMAGES)
    smallest = [8 * len(nearest.codec.smallest(image)) for image in IMAGES]
    assert sent.payload_bits.tolist() == smallest
    assert through(nearest, sent, 30.0).ok.all()


def test_some_images_sent_and_some_not() -> None:
    flat = np.full((96, 96, 3), 200, np.uint8)
    which = link("jpeg", Budget("bpp", 0.5))
    sent = which.send([flat, IMAGES[0], flat])
    got = through(which, sent, 30.0)
    assert (sent.payload_bits > 0).tolist() == got.ok.tolist()


def test_below_the_cliff_the_receiver_knows_that_it_failed() -> None:
    which = link()
    sent = which.send(IMAGES)
    got = through(which, sent, 5.0)
    assert not got.ok.any()
    assert all((image == 128).all() for image in got.images)
    assert got.bits is not None
    assert sent.blocks is not None
    assert (got.bits != sent.blocks.bits).any()


def test_a_receiver_is_given_nothing_but_what_it_may_know() -> None:
    """One flipped payload bit must be found by the CRC: nothing in the header tells what was sent."""
    which = link("bpg+uncoded+qpsk")
    sent = which.send(IMAGES[:1])
    symbols = sent.symbols.copy()
    symbols[10] *= -1
    got = which.receive(symbols, np.full(len(symbols), 0.01, np.float32), sent.header)
    assert not got.ok[0]
    assert set(vars(sent.header)) == {"shapes", "image_blocks", "lengths"}


def test_sizes_may_differ() -> None:
    images: list[Image] = [Odd()[i].image for i in range(4)]
    which = link("webp", Budget("bpp", 2))
    got = through(which, which.send(images), 30.0)
    assert [image.shape for image in got.images] == [image.shape for image in images]
    assert got.ok.all()


def test_capacity_is_error_free_exactly_above_three_bits_per_use() -> None:
    threshold = 10 * math.log10(2**3 - 1)
    which = registry.link("bpg+capacity", LinkOptions(Budget("bpp", 0.5)))
    sent = which.send(IMAGES)
    for snr_db, ok in ((threshold - 0.01, False), (threshold + 0.01, True)):
        noise_var = np.full(len(sent.symbols), 10 ** (-snr_db / 10), np.float32)
        assert (which.receive(sent.symbols, noise_var, sent.header).ok == ok).all()


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_capacity_matched_by_cbr_sends_what_shannon_allows(snr_db: float) -> None:
    which = registry.link("bpg+capacity", LinkOptions(Budget("cbr", 1 / 24)))
    assert which.knows_channel
    sent = which.send(IMAGES, snr_db=snr_db)  # type: ignore[call-arg]
    allowed = int(0.125 * 96 * 96) * math.log2(1 + 10 ** (snr_db / 10))
    assert (sent.payload_bits <= allowed).all()
    assert (sent.payload_bits > 0.8 * allowed).all()
    noise_var = np.full(len(sent.symbols), 10 ** (-snr_db / 10), np.float32)
    assert which.receive(sent.symbols, noise_var, sent.header).ok.all()


def test_the_ideal_code_has_the_peaks_of_normal_symbols() -> None:
    """|x|² of a complex normal symbol is exponential with mean 1: its largest of n is about ln n + 0.58."""
    sent = registry.link("bpg+capacity", LinkOptions(Budget("bpp", 0.5))).send(IMAGES[:1])
    power = np.abs(sent.symbols.astype(np.complex128)) ** 2
    assert power.mean() == pytest.approx(1, abs=1e-6)
    assert power.max() == pytest.approx(np.log(len(power)) + 0.58, abs=3)
    assert stats.kstest(power, "expon").pvalue > 0.01
    again = registry.link("bpg+capacity", LinkOptions(Budget("bpp", 0.5))).send(IMAGES[:1])
    assert (again.symbols == sent.symbols).all()


@pytest.mark.parametrize("part", ["capacity+qpsk", "ldpc-1/2+ldpc-2/3", "qpsk+16qam", "app+maxlog", "nothing"])
def test_parts_that_contradict_are_refused(part: str) -> None:
    with pytest.raises(LinksimError, match="bpg"):
        link(f"bpg+{part}")


def test_largest() -> None:
    assert [largest(lambda n, top=top: n <= top, 10) for top in (0, 1, 7, 10, 99)] == [0, 1, 7, 10, 10]

"""How much each choice on a fading channel moves a number: docs/explanation/channels.csv.

    python tools/measure_channels.py [--out docs/explanation/channels.csv]

What published code does differently is written down as the few lines that do it, beside this project's own. Thresholds
are mean received Es/N0 at which one block in ten is lost, from 512 blocks that fade and are sent with the same random
numbers at every SNR; two of them differ far less by chance than each does. Everything is seeded: a second run gives the
same file, in four minutes on one core.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import astuple, fields
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from measure_mistakes import BLOCKS, HIGHEST_DB, Effect, correct, threshold

from baselines.fec.wifi import WifiLDPC
from baselines.modulation import QAM
from baselines.separate import largest
from linksim import registry
from linksim.channels.base import Symbols, complex_normal, fading_stream, noise_stream, noise_variance
from linksim.link import LinkOptions
from linksim.scoring.image_quality import psnr

FADING = "tdl-c-300ns"
MOVING = "tdl-c-300ns@30kmh"
QPSK, QAM16 = QAM(2), QAM(4)
HALF = WifiLDPC(1944, "1/2")
IMAGES = 48

Streams = list[np.random.Generator]
Send = Callable[[Symbols, npt.NDArray[np.int64], float, Streams], tuple[Symbols, npt.NDArray[np.float32]]]
"""Symbols of some images, their offsets, the SNR in dB and a stream each, to what arrives and its noise variance."""


def streams(count: int) -> Streams:
    """One for each block or image, the same at every SNR."""
    return [noise_stream(0, f"block {i}", 0.0, 0) for i in range(count)]


@cache
def through(spec: str) -> Send:
    """This project's channel."""
    return registry.channel(spec).transmit


def received_power(
    symbols: Symbols, offsets: npt.NDArray[np.int64], snr_db: float, own: Streams
) -> tuple[Symbols, npt.NDArray[np.float32]]:
    """The noise of each image set by the power that arrives of it, so that no image as a whole ever fades."""
    channel = registry.channel(FADING)
    received, noise_var = np.empty_like(symbols), np.empty(symbols.size, np.float32)
    for i, stream in enumerate(own):
        span = slice(offsets[i], offsets[i + 1])
        _, n0_over_gain = channel.transmit(
            symbols[span], np.array([0, span.stop - span.start]), 0.0, streams(i + 1)[i:]
        )
        arrives = 10 * math.log10(float(np.mean(1 / n0_over_gain)))
        got = channel.transmit(symbols[span], np.array([0, span.stop - span.start]), snr_db - arrives, [stream])
        received[span], noise_var[span] = got
    return received, noise_var


def real_gain(
    symbols: Symbols, offsets: npt.NDArray[np.int64], snr_db: float, own: Streams
) -> tuple[Symbols, npt.NDArray[np.float32]]:
    """One real Gaussian gain for each image."""
    received, noise_var = np.empty_like(symbols), np.empty(symbols.size, np.float32)
    n0 = noise_variance(snr_db)
    for i, stream in enumerate(own):
        span = slice(offsets[i], offsets[i + 1])
        gain = fading_stream(stream).standard_normal()
        received[span] = symbols[span] + complex_normal(stream, span.stop - span.start, n0) / np.float32(gain)
        noise_var[span] = n0 / gain**2
    return received, noise_var


def loss(send: Send, code: WifiLDPC = HALF, qam: QAM = QPSK) -> float:
    """Mean Es/N0 in dB at which a block in ten is lost, to 0.01 dB."""
    lengths = np.full(BLOCKS, code.k)
    bits = noise_stream(0, "bits", 0.0, 0).integers(0, 2, BLOCKS * code.k, np.uint8)
    symbols = qam.map(code.encode(bits, lengths))
    offsets = np.arange(BLOCKS + 1) * (symbols.size // BLOCKS)

    def lost(hundredths: int) -> bool:
        llr = qam.demap(*send(symbols, offsets, hundredths / 100, streams(BLOCKS)))
        wrong = (code.decode(llr, lengths)[0] != bits).reshape(BLOCKS, -1).any(1)
        return bool(wrong.mean() > 0.1)

    top = int(100 * HIGHEST_DB)
    return math.inf if lost(top) else (largest(lost, top) + 1) / 100


def before_normalisation(
    qam: QAM, x: npt.NDArray[np.complex64], n0: float, stream: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Levels of ±1 and ±3, power 10; noise of variance N0 on these, and the sum divided by √10."""
    levels = np.float32(math.sqrt(10))
    return qam.demap((levels * x + complex_normal(stream, x.size, n0)) / levels, n0 / 10)


def counting() -> Iterator[Effect]:
    link, shape = registry.link("bpg", LinkOptions()), (96, 96, 3)
    symbols = link.uses(link.max_bytes(shape))  # type: ignore[attr-defined]
    for spec in ("ofdm", "yang2021"):
        uses = registry.channel(spec).uses(symbols)
        number = f"CBR of BPG at 0.25 bpp, 96×96, over {spec}"
        yield Effect("pilots, prefix and guards not counted", number, "", uses / 27648, symbols / 27648)


def noise() -> Iterator[Effect]:
    number = "Es/N0 at BLER 0.1, LDPC 3/4 16-QAM, AWGN"
    wifi = WifiLDPC(1944, "3/4")
    right, wrong = (threshold(wifi, QAM16, chain) for chain in (correct, before_normalisation))
    yield Effect("noise added before normalisation", number, "dB", right, wrong)
    number = "Es/N0 at BLER 0.1, LDPC 1/2 QPSK, "
    yield Effect("noise set by the power received", number + FADING, "dB", loss(through(FADING)), loss(received_power))
    yield Effect(
        "a real gain for each image", number + "rayleigh-block", "dB", loss(through("rayleigh-block")), loss(real_gain)
    )


def equalising() -> Iterator[Effect]:
    data = registry.dataset("stamps10")
    images = [data[i].image for i in range(IMAGES)]
    link = registry.link("deepjscc", LinkOptions())
    sent = link.send(images)
    symbols, offsets = sent.symbols, sent.offsets

    def score(received: Symbols, noise_var: npt.NDArray[np.float32]) -> float:
        got = link.receive(received, noise_var, sent.header)
        return float(np.mean([psnr(image, shown) for image, shown in zip(images, got.images, strict=True)]))

    gains = [complex_normal(fading_stream(stream), 1)[0] for stream in streams(IMAGES)]
    gain = np.repeat(gains, np.diff(offsets)).astype(np.complex64)
    n0 = noise_variance(10.0)
    noise = np.concatenate(
        [complex_normal(s, int(n), n0) for s, n in zip(streams(IMAGES), np.diff(offsets), strict=True)]
    )
    plain = np.full(symbols.size, n0, np.float32)
    right = score(symbols + noise / gain, plain / np.abs(gain) ** 2)
    number = "PSNR of deepjscc at 10 dB, rayleigh-block"
    yield Effect("fading not equalised", number, "dB", right, score(gain * symbols + noise, plain))
    amplitude = np.abs(gain)
    yield Effect(
        "phase equalised, amplitude not",
        number,
        "dB",
        right,
        score(amplitude * symbols + noise * amplitude / gain, plain),
    )


def receivers() -> Iterator[Effect]:
    number = f"Es/N0 at BLER 0.1, LDPC 1/2 QPSK, {MOVING}"
    known = loss(through(MOVING))
    for option, what in (
        ("+ls", "least squares in place of perfect CSI"),
        ("+lmmse", "LMMSE estimates in place of perfect CSI"),
        ("+clip=1.58dB", "clipping at 1.2 times the RMS amplitude"),
        ("+rapp=3dB", "an amplifier 3 dB from saturation"),
    ):
        yield Effect(what, number, "dB", known, loss(through(MOVING + option)))
    number = f"Es/N0 at BLER 0.1, LDPC 1/2 16-QAM, {FADING}"
    forced, biased = (loss(through(f"{FADING}+{name}"), qam=QAM16) for name in ("zf", "mmse"))
    yield Effect("biased MMSE symbols to a QAM demapper", number, "dB", forced, biased)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/explanation/channels.csv"))
    arguments = parser.parse_args()
    effects = []
    for group in (counting, noise, equalising, receivers):
        for effect in group():
            print(f"{effect.mistake}: {effect.number}: {effect.right:.4g} -> {effect.wrong:.4g}", flush=True)
            effects.append(effect)
    with open(arguments.out, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([f.name for f in fields(Effect)])
        writer.writerows([f"{v:.4f}" if isinstance(v, float) else v for v in astuple(e)] for e in effects)


if __name__ == "__main__":
    main()

"""Random QPSK through a channel, many images at a time."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from linksim.channels.base import Channel, noise_stream

Sent = tuple[npt.NDArray[np.complex64], npt.NDArray[np.complex64], npt.NDArray[np.float32]]


def qpsk(symbols: int, seed: int = 0) -> npt.NDArray[np.complex64]:
    quadrant = np.random.default_rng(seed).integers(0, 4, symbols)
    return np.exp(1j * np.pi * (2 * quadrant + 1) / 4).astype(np.complex64)


def send(channel: Channel, images: int, each: int, snr_db: float, seed: int = 0) -> Sent:
    """What was sent, what arrived and its noise variance, (images, each)."""
    sent = qpsk(images * each, seed)
    streams = [noise_stream(seed, f"image{i}", snr_db, 0) for i in range(images)]
    received, noise_var = channel.transmit(sent, np.arange(images + 1) * each, snr_db, streams)
    shape = (images, each)
    return sent.reshape(shape), received.reshape(shape), noise_var.reshape(shape)


def error_rate(channel: Channel, images: int, each: int, snr_db: float) -> tuple[float, float]:
    """Bit error rate of uncoded QPSK, and its standard error over images, which fade independently."""
    sent, received, _ = send(channel, images, each, snr_db)
    wrong = (sent.real > 0) != (received.real > 0), (sent.imag > 0) != (received.imag > 0)
    rates = (wrong[0].mean(1) + wrong[1].mean(1)) / 2
    return float(rates.mean()), float(rates.std() / math.sqrt(len(rates)))

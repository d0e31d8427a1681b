"""Error rates over fading from those over AWGN, where the channel's gain has a known distribution."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np

from linksim.channels.base import Channel
from linksim.channels.multipath import Real
from linksim.errors import LinksimError

WITHOUT_FADING = 1e6
"""K factor above which a gain is as good as constant."""


def mean_over_gains(channel: Channel, rate: Callable[[float], float], snr_db: float) -> float:
    """E[rate(SNR + 10·log10|h|²)] over the gain h of a symbol.

    Args:
        channel: one with a ``k_factor``: its gain h is Rician, or Rayleigh or constant at the ends of the scale.
        rate: of an Es/N0 in dB over AWGN: a symbol or bit error rate, a capacity.
        snr_db: mean received Es/N0 in dB.

    Returns:
        The mean rate.

    Raises:
        LinksimError: the channel's symbols do not err like that, e.g. as its receiver estimates the channel.
    """
    if channel.k_factor is None:
        raise LinksimError(
            f"channel {channel.name!r}: no closed form; it has one with perfect CSI and a linear amplifier"
        )
    if channel.k_factor > WITHOUT_FADING:
        return rate(snr_db)
    gains, weights = gain_distribution(channel.k_factor)
    rates = np.array([rate(snr_db + 10 * math.log10(gain)) for gain in gains])
    return float(weights @ rates)


@cache
def gain_distribution(k_factor: float) -> tuple[Real, Real]:
    """Power gains |h|² of a Rician channel and their weights in an integral over them; K = 0 is Rayleigh fading.

    The density is (1+K) e^(−K−(1+K)g) I0(2√(K(1+K)g)) (Simon and Alouini, eq. 2.16), integrated over ln g within 12
    standard deviations of the amplitude.
    """
    sight, deviation = math.sqrt(k_factor / (k_factor + 1)), 1 / math.sqrt(2 * (k_factor + 1))
    low, high = max(3e-5, sight - 12 * deviation), sight + 12 * deviation
    gains = np.exp(2 * np.linspace(math.log(low), math.log(high), 600))
    argument = 2 * np.sqrt(k_factor * (1 + k_factor) * gains)
    angles = np.pi * (np.arange(2048) + 0.5) / 2048
    scaled = np.array([np.exp(x * (np.cos(angles) - 1)).mean() for x in argument])  # e^(−x) I0(x), as an integral
    weights = gains * scaled * np.exp(argument - k_factor - (1 + k_factor) * gains)
    return gains, weights / weights.sum()

"""Capacity of the AWGN channel, in bits per complex channel use, without and with a constellation.

SNR is Es/N0 per complex symbol.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from baselines.modulation import QAM
from linksim.errors import LinksimError


def awgn_capacity(snr_db: float) -> float:
    """log2(1 + SNR), Shannon 1948.

    >>> awgn_capacity(0.0)
    1.0
    """
    return math.log2(1 + 10 ** (snr_db / 10))


def awgn_snr_db(bits_per_use: float) -> float:
    """The SNR (dB) at which ``awgn_capacity`` is ``bits_per_use``; −inf for 0.

    >>> round(awgn_snr_db(3.0), 3)
    8.451
    """
    return 10 * math.log10(2**bits_per_use - 1) if bits_per_use > 0 else -math.inf


def constellation_capacity(qam: QAM, snr_db: float, *, bitwise: bool = False) -> float:
    """Mutual information of a uniform constellation and the channel's output (Ungerboeck 1982), in bits per use.

    bitwise: instead the sum over the label's bits (BICM, Caire et al. 1998), what a soft demapper that feeds a binary
    code can reach at most. Real dimensions are alike, so one is integrated, by Gauss–Hermite quadrature.
    """
    deviation = math.sqrt(10 ** (-snr_db / 10) / 2)
    levels = qam.amplitudes
    nodes, weights = np.polynomial.hermite_e.hermegauss(128)
    received = levels[:, None] + deviation * nodes
    exponent = -((received[..., None] - levels) ** 2) / (2 * deviation**2)
    total = _log_sum(exponent)
    if not bitwise:
        sent = np.arange(levels.size)
        loss = total - exponent[sent, :, sent]
    else:
        loss = np.zeros_like(total)
        for shift in range(qam.bits_per_symbol // qam.dimensions):
            bit = np.arange(levels.size) >> shift & 1
            same = np.where(bit[:, None] == bit, 0.0, -np.inf)
            loss += total - _log_sum(exponent + same[:, None, :])
    per_bit = np.mean(loss @ (weights / weights.sum())) / math.log(2)
    return qam.bits_per_symbol - qam.dimensions * float(per_bit)


def _log_sum(exponent: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    largest = exponent.max(axis=-1)
    return largest + np.log(np.exp(exponent - largest[..., None]).sum(axis=-1))


def constellation_snr_db(qam: QAM, bits_per_use: float) -> float:
    """The SNR (dB) above which BICM, a soft demapper with a binary code, can send ``bits_per_use``."""
    if not 0 < bits_per_use < qam.bits_per_symbol:
        raise LinksimError(
            f"{bits_per_use:g} bits per use: {qam.name} carries more than 0 and less than {qam.bits_per_symbol}"
        )
    low, high = awgn_snr_db(bits_per_use), 60.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        if constellation_capacity(qam, middle, bitwise=True) < bits_per_use:
            low = middle
        else:
            high = middle
    return high

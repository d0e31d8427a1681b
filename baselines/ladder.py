"""The schemes of an adaptive link, and how likely each delivers an image over a channel whose statistics are known.

``mcs.json`` (made by ``tools/measure_mcs.py``) holds the block error rate over AWGN of every code and modulation at
some block lengths, as Q((SNR − median) / spread) in dB. Median and log spread are interpolated over the logarithm of
the length, and held beyond the shortest and the longest.

A block whose symbols differ in SNR errs like one over AWGN with the same mean mutual information of its bits and LLRs
(MIESM: Brueninghaus et al. 2005). An image is delivered if all its blocks are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from baselines.fec.base import ChannelCode, Lengths
from baselines.modulation import modulation
from linksim import registry

Real = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scheme:
    """A code and modulation, and its measured curves: information bits of a block, median and spread (dB) of each."""

    code: str
    modulation: str
    curves: tuple[tuple[int, float, float], ...]

    @property
    def bits_per_use(self) -> float:
        """Information bits per channel use of the longest blocks."""
        coder, bits = code(self.code), self.curves[-1][0]
        return modulation(self.modulation).bits_per_symbol * bits / coder.coded_length(bits)

    def block_error_rate(self, bits: Real, snr_db: Real) -> Real:
        """BLER over AWGN of blocks of ``bits`` information bits at Es/N0 = ``snr_db``."""
        lengths, medians, spreads = np.array(self.curves).T
        at = np.log(bits)
        median = np.interp(at, np.log(lengths), medians)
        spread = np.exp(np.interp(at, np.log(lengths), np.log(spreads)))
        return np.asarray(ndtr((median - snr_db) / spread))

    def success(self, lengths: Sequence[int] | Lengths, snr_db: Real) -> float:
        """Probability that all blocks of an image arrive.

        Args:
            lengths: Information bits of each block.
            snr_db: (draws, symbols) Es/N0 of each symbol in some realisations of the channel, as many symbols as the
                image has or more; or (draws, 1) where the symbols of an image are alike.
        """
        coder, qam = code(self.code), modulation(self.modulation)
        coded = np.cumsum([0, *(coder.coded_length(int(length)) for length in lengths)])
        if snr_db.shape[1] == 1:
            effective = np.repeat(snr_db, len(lengths), axis=1)
        else:
            grid_db, information = mutual_information(qam.name)
            symbols = np.interp(snr_db, grid_db, information)
            total = np.pad(np.cumsum(symbols, axis=1), ((0, 0), (1, 0)))
            edges = np.minimum(-(-coded // qam.bits_per_symbol), snr_db.shape[1])
            mean = np.diff(total[:, edges], axis=1) / np.maximum(np.diff(edges), 1)
            effective = np.interp(mean, information, grid_db)
        return float(np.prod(1 - self.block_error_rate(np.asarray(lengths, float), effective), axis=1).mean())


@cache
def schemes(family: str = "") -> tuple[Scheme, ...]:
    """The measured schemes whose code's name begins with ``family``, the fastest first."""
    curves: dict[tuple[str, str], list[tuple[int, float, float]]] = {}
    for row in _table()["curves"]:
        if row["code"].startswith(family):
            key = row["code"], row["modulation"]
            curves.setdefault(key, []).append((row["bits"], row["median_db"], row["spread_db"]))
    found = [Scheme(*key, tuple(sorted(points))) for key, points in curves.items()]
    return tuple(sorted(found, key=lambda scheme: (-scheme.bits_per_use, scheme.curves[-1][1])))


@cache
def code(name: str) -> ChannelCode:
    """The channel code of a scheme; its tables are made once."""
    return registry.code(name)


@cache
def mutual_information(name: str) -> tuple[Real, Real]:
    """SNRs (dB), and the mutual information of a symbol's bits and their LLRs (BICM) at each, in bits per use.

    Between them it is taken as linear. A slope far below its precision is added, so that it can be inverted.
    """
    table = _table()["information"]
    grid_db = np.array(table["snr_db"], float)
    return grid_db, np.array(table[name]) + 1e-9 * np.arange(grid_db.size)


@cache
def _table() -> Any:
    return json.loads(files("baselines").joinpath("mcs.json").read_text())

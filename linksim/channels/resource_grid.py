"""The resource grid of OFDM: which elements of time and frequency carry data, pilots or nothing, and what they cost.

An image starts a slot of its own and occupies whole OFDM symbols, in slots one after another. In its last slot it stops
after its last data, though never before the slot's first pilots. Each OFDM symbol costs its subcarriers, guards and DC
included, and its cyclic prefix.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from linksim.channels.base import Symbols
from linksim.errors import LinksimError

Indices = npt.NDArray[np.int64]
GOLDEN = (math.sqrt(5) - 1) / 2
PILOT_SYMBOLS = ((), (2,), (2, 11), (2, 7, 11), (2, 5, 8, 11))
"""Where a slot's pilots lie, by how many OFDM symbols have some (3GPP TS 38.211, table 7.4.1.1.2-3)."""


@dataclass(frozen=True)
class ResourceGrid:
    """A resource grid; the defaults are ten resource blocks of 5G NR with 30 kHz spacing.

    subcarriers: size of the FFT. spacing_hz: between subcarriers. symbols: OFDM symbols of a slot. prefix: cyclic
    prefix in samples; None for the normal one of NR, 144/2048 of an OFDM symbol. guards: empty subcarriers at the lower
    and upper edge; None for one in 32 and one less. dc: whether the centre subcarrier is empty. pilot_symbols: OFDM
    symbols with pilots, from 0. comb: every comb-th subcarrier of these is a pilot, the others carry data.
    """

    subcarriers: int = 128
    spacing_hz: float = 30e3
    symbols: int = 14
    prefix: int | None = None
    guards: tuple[int, int] | None = None
    dc: bool = True
    pilot_symbols: tuple[int, ...] = PILOT_SYMBOLS[2]
    comb: int = 2

    def __post_init__(self) -> None:
        if self.prefix is None:
            object.__setattr__(self, "prefix", self.subcarriers * 144 // 2048)
        if self.guards is None:
            object.__setattr__(self, "guards", (self.subcarriers // 32, max(0, self.subcarriers // 32 - 1)))
        for name, low, high in (("subcarriers", 4, 4096), ("symbols", 1, 1000), ("comb", 1, 64)):
            if not low <= getattr(self, name) <= high:
                raise LinksimError(f"OFDM {name} {getattr(self, name)}: must lie between {low} and {high}")
        if not 0 <= self.prefix_length <= self.subcarriers:
            raise LinksimError(f"OFDM prefix {self.prefix}: must lie between 0 and {self.subcarriers} samples")
        if not self.spacing_hz > 0:
            raise LinksimError(f"OFDM spacing {self.spacing_hz:g} Hz: must be above 0")
        if sorted(set(self.pilot_symbols)) != list(self.pilot_symbols) or not all(
            0 <= symbol < self.symbols for symbol in self.pilot_symbols
        ):
            raise LinksimError(
                f"OFDM pilot symbols {self.pilot_symbols}: must rise from 0 to {self.symbols - 1} at most"
            )
        if min(self.guards or ()) < 0 or self.active.size < 1:
            raise LinksimError(f"OFDM guards {self.guards}: must leave some of {self.subcarriers} subcarriers")
        if not self.data_before[-1]:
            raise LinksimError("OFDM grid: its pilots leave no element for data")

    @property
    def prefix_length(self) -> int:
        """Samples of the cyclic prefix."""
        return self.prefix or 0

    @cached_property
    def active(self) -> Indices:
        """Subcarriers in use, from the lowest frequency, 0 being the lowest of all."""
        lower, upper = self.guards or (0, 0)
        used = np.arange(lower, self.subcarriers - upper)
        return used[used != self.subcarriers // 2] if self.dc else used

    @cached_property
    def frequencies(self) -> npt.NDArray[np.float64]:
        """Frequency of each active subcarrier in Hz."""
        return np.asarray((self.active - self.subcarriers // 2) * self.spacing_hz, np.float64)

    @property
    def symbol_seconds(self) -> float:
        """Duration of an OFDM symbol with its prefix."""
        return (1 + self.prefix_length / self.subcarriers) / self.spacing_hz

    @cached_property
    def is_pilot(self) -> npt.NDArray[np.bool_]:
        """(symbols, active) of a slot: True where a pilot is."""
        mask = np.zeros((self.symbols, self.active.size), bool)
        mask[list(self.pilot_symbols), :: self.comb] = True
        return mask

    @cached_property
    def data_before(self) -> Indices:
        """(symbols + 1,): data elements of a slot's first so many OFDM symbols, none before its first pilots."""
        counts = np.concatenate([[0], np.cumsum((~self.is_pilot).sum(1))])
        if self.pilot_symbols:
            counts[: self.pilot_symbols[0] + 1] = 0
        return counts.astype(np.int64)

    # Costs

    def length(self, symbols: int) -> int:
        """OFDM symbols that so many data symbols occupy."""
        whole, rest = divmod(max(0, symbols - 1), int(self.data_before[-1]))
        return whole * self.symbols + int(np.searchsorted(self.data_before, rest + min(1, symbols)))

    def uses(self, symbols: int) -> int:
        """Complex channel uses of so many data symbols: all subcarriers and the prefix of each OFDM symbol."""
        return self.length(symbols) * (self.subcarriers + self.prefix_length)

    def capacity(self, uses: int) -> int:
        """The most data symbols that fit into so many channel uses."""
        whole, rest = divmod(uses // (self.subcarriers + self.prefix_length), self.symbols)
        return whole * int(self.data_before[-1]) + int(self.data_before[rest])

    # Contents

    def slots(self, length: int) -> list[tuple[int, int]]:
        """First OFDM symbol and end of each slot of so many OFDM symbols; the last may be cut short."""
        return [(start, min(start + self.symbols, length)) for start in range(0, length, self.symbols)]

    def data_elements(self, symbols: int) -> Indices:
        """Where the data of an image lie in its flattened grid of ``length(symbols)`` OFDM symbols: (symbols,).

        Interleaved over all that the image occupies: of C data elements, ordered by time, then frequency, symbol i
        takes number i·p mod C, with p near C times the golden ratio and coprime to C. So any run of symbols is spread
        evenly over time and frequency.
        """
        length = self.length(symbols)
        slots = -(-length // self.symbols)
        free = np.flatnonzero(~np.tile(self.is_pilot, (slots, 1))[:length])
        step = next(p for p in range(max(1, round(GOLDEN * free.size)), free.size + 2) if math.gcd(p, free.size) <= 1)
        return free[np.arange(symbols) * step % max(1, free.size)]

    def fill(self, symbols: Symbols) -> npt.NDArray[np.complex64]:
        """(length, active) complex64: an image's data and pilots; what is left over is filled like a pilot."""
        length = self.length(len(symbols))
        elements = np.tile(self.known, (-(-length // self.symbols), 1))[:length]
        elements.reshape(-1)[self.data_elements(len(symbols))] = symbols
        return elements

    @cached_property
    def known(self) -> npt.NDArray[np.complex64]:
        """(symbols, active) complex64: what the receiver knows of a slot, pseudo-random QPSK of unit power.

        The bits are raw words of the Philox generator with key 0, which no version of NumPy changes.
        """
        words = np.random.Philox(key=0).random_raw(self.symbols * self.active.size)
        quadrant = (words >> np.uint64(62)).astype(np.int64)
        return np.exp(1j * np.pi * (2 * quadrant + 1) / 4).astype(np.complex64).reshape(self.symbols, -1)

    def waveform(self, elements: npt.NDArray[np.complex64], oversampling: int = 4) -> npt.NDArray[np.complex128]:
        """Samples of OFDM symbols without their prefix.

        Args:
            elements: (..., active), of unit power on average.
            oversampling: samples per one of the FFT.

        Returns:
            (..., oversampling · subcarriers) complex128 of unit power on average.
        """
        size = oversampling * self.subcarriers
        bins = np.zeros((*elements.shape[:-1], size), np.complex128)
        bins[..., (self.active - self.subcarriers // 2) % size] = elements
        return np.fft.ifft(bins, axis=-1) * (size / math.sqrt(self.active.size))

    def elements(self, waveform: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
        """The inverse of ``waveform``: what of a signal lies on the active subcarriers."""
        size = waveform.shape[-1]
        bins = np.fft.fft(waveform, axis=-1) * (math.sqrt(self.active.size) / size)
        return bins[..., (self.active - self.subcarriers // 2) % size]

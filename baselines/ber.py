"""Bit and block error rates of a channel code and a modulation over a channel, by simulation and, uncoded, exactly.

Blocks of random bits are encoded, mapped, sent at the given Es/N0, demapped and decoded, batch after batch,
until enough blocks were wrong. All random numbers of a batch come from (seed, SNR, batch), so neither the number of
workers nor another SNR grid changes a count.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from baselines.fec.base import ChannelCode
from baselines.modulation import DEMAPPERS, QAM
from linksim.channels.awgn import AWGN
from linksim.channels.base import Channel, Symbols, noise_stream, noise_variance
from linksim.errors import LinksimError, unknown
from linksim.scoring.intervals import wilson

BATCH = 256
"""Blocks of a batch; the last one may have fewer."""
MOST_WORKERS = 1024


@dataclass(frozen=True)
class ErrorCounts:
    """Counts of a simulation at one SNR.

    undetected: wrong blocks whose errors the decoder did not detect; all of them for a code that detects none. squares:
    sum over blocks of their bit errors squared, which says how much bit errors cluster.
    """

    snr_db: float
    blocks: int = 0
    block_errors: int = 0
    undetected: int = 0
    bits: int = 0
    bit_errors: int = 0
    squares: int = 0

    def __add__(self, other: ErrorCounts) -> ErrorCounts:
        return ErrorCounts(
            self.snr_db,
            self.blocks + other.blocks,
            self.block_errors + other.block_errors,
            self.undetected + other.undetected,
            self.bits + other.bits,
            self.bit_errors + other.bit_errors,
            self.squares + other.squares,
        )

    @property
    def bler(self) -> float:
        """Block error rate; NaN before the first block."""
        return self.block_errors / self.blocks if self.blocks else math.nan

    @property
    def ber(self) -> float:
        """Bit error rate; NaN before the first block."""
        return self.bit_errors / self.bits if self.bits else math.nan

    @property
    def bler_interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the block error rate."""
        return wilson(self.block_errors, self.blocks)

    @property
    def ber_interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the bit error rate for as many independent bits as these are worth.

        Bits of a block err together, so the count is divided by the design effect: the variance of a block's errors
        over that of independent bits (Kish 1965). Blocks, not bits, are what was drawn.
        """
        if not self.bits:
            return wilson(0, 0)
        if self.blocks < 2 or not 0 < self.bit_errors < self.bits:
            return wilson(self.ber * self.blocks, self.blocks)
        length, rate = self.bits / self.blocks, self.ber
        variance = (self.squares - self.blocks * (length * rate) ** 2) / (self.blocks - 1)
        worth = self.bits / max(1.0, variance / (length * rate * (1 - rate)))
        return wilson(rate * worth, worth)


@dataclass(frozen=True)
class Simulation:
    """What to simulate: a code and a modulation, and when to stop.

    max_blocks, block_errors: an SNR is done after so many blocks, or as soon as so many were wrong. demapper: "app" or
    "maxlog". channel: each block fades by itself, like an image. workers: threads; the counts do not depend on them.
    length: information bits of a block; the code's most, ``code.k``, by default.
    """

    code: ChannelCode
    modulation: QAM
    max_blocks: int = 100_000
    block_errors: int = 100
    seed: int = 0
    demapper: str = "app"
    workers: int = 1
    channel: Channel = field(default_factory=AWGN)
    length: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", self.length or self.code.k)
        for name in ("max_blocks", "block_errors", "workers"):
            if getattr(self, name) < 1:
                raise LinksimError(f"{name.replace('_', ' ')} {getattr(self, name)}: must be at least 1")
        if self.workers > MOST_WORKERS:
            raise LinksimError(f"workers {self.workers}: must be at most {MOST_WORKERS}")
        if self.demapper not in DEMAPPERS:
            raise unknown("demapper", self.demapper, DEMAPPERS)

    @property
    def bits_per_use(self) -> float:
        """Information bits per channel use."""
        return self.modulation.bits_per_symbol * self.length / self.code.coded_length(self.length)

    def run(
        self, snr_db: Iterable[float], progress: Callable[[ErrorCounts], None] = lambda counts: None
    ) -> list[ErrorCounts]:
        """Counts at each SNR (dB). progress: called with the counts so far after every batch."""
        return [self.finish(ErrorCounts(snr), progress) for snr in snr_db]

    def is_done(self, counts: ErrorCounts) -> bool:
        """Whether enough blocks were sent, or were wrong."""
        return counts.blocks >= self.max_blocks or counts.block_errors >= self.block_errors

    def finish(self, counts: ErrorCounts, progress: Callable[[ErrorCounts], None] = lambda counts: None) -> ErrorCounts:
        """Count on from the whole batches of ``counts`` until its SNR is done, as if without a break."""
        if self.is_done(counts):
            return counts
        for batch in self._batches(counts.snr_db, counts.blocks // BATCH):
            counts += batch
            progress(counts)
            if self.is_done(counts):
                break
        return counts

    def settings(self) -> dict[str, Any]:
        """JSON-able description of all that determines the counts at an SNR."""
        return {
            "code": self.code.identity(),
            "modulation": self.modulation.name,
            "demapper": self.demapper,
            "channel": self.channel.identity(),
            "seed": self.seed,
            "block_errors": self.block_errors,
            "max_blocks": self.max_blocks,
            **({} if self.length == self.code.k else {"length": self.length}),
        }

    def _batches(self, snr_db: float, first: int) -> Iterator[ErrorCounts]:
        """Counts of the batches from ``first`` on, in order, computed a few ahead; those not asked for are dropped."""
        starts = iter(range(first * BATCH, self.max_blocks, BATCH))
        sizes = ((start // BATCH, min(BATCH, self.max_blocks - start)) for start in starts)
        if self.workers == 1:
            yield from (self.batch(snr_db, index, blocks) for index, blocks in sizes)
            return
        with ThreadPoolExecutor(self.workers) as pool:
            waiting: list[Future[ErrorCounts]] = []
            try:
                for index, blocks in itertools.chain(sizes, itertools.repeat((-1, 0))):
                    if blocks:
                        waiting.append(pool.submit(self.batch, snr_db, index, blocks))
                    elif not waiting:
                        return
                    if not blocks or len(waiting) > self.workers:
                        yield waiting.pop(0).result()
            finally:
                pool.shutdown(cancel_futures=True)

    def batch(self, snr_db: float, index: int, blocks: int) -> ErrorCounts:
        """Counts of one batch: a pure function of the simulation and its arguments."""
        stream = noise_stream(self.seed, f"{self.code.name} batch {index}", snr_db, 0)
        lengths = np.full(blocks, self.length)
        sent = np.unpackbits(np.frombuffer(stream.bytes(-(-blocks * self.length // 8)), np.uint8))[: lengths.sum()]
        coded = self.code.encode(sent, lengths)
        filling = np.zeros(-coded.size % self.modulation.bits_per_symbol, np.uint8)
        symbols = self.modulation.map(np.concatenate([coded, filling]) if filling.size else coded)
        received, noise_var = self._transmit(symbols, snr_db, stream, index, blocks)
        llr = self.modulation.demap(received, noise_var, self.demapper)[: coded.size]
        decoded, ok = self.code.decode(llr, lengths)
        errors = (decoded != sent).reshape(blocks, -1).sum(axis=1)
        return ErrorCounts(
            snr_db,
            blocks,
            int(np.count_nonzero(errors)),
            int(np.count_nonzero(ok & (errors > 0))),
            sent.size,
            int(errors.sum()),
            int((errors**2).sum()),
        )

    def _transmit(
        self, symbols: Symbols, snr_db: float, stream: np.random.Generator, index: int, blocks: int
    ) -> tuple[Symbols, npt.NDArray[np.float32]]:
        """A batch's symbols through the channel: whole without fading, else each block as a transmission of its own. A
        symbol that two blocks share goes with the first."""
        if self.channel.k_factor is not None and math.isinf(self.channel.k_factor):
            return self.channel.transmit(symbols, np.array([0, symbols.size]), snr_db, [stream])
        coded = np.arange(blocks + 1) * self.code.coded_length(self.length)
        offsets = -(-coded // self.modulation.bits_per_symbol)
        own = [noise_stream(self.seed, f"{self.code.name} batch {index} block {i}", snr_db, 0) for i in range(blocks)]
        return self.channel.transmit(symbols, offsets, snr_db, own)


def uncoded_ber(qam: QAM, snr_db: float) -> float:
    """Exact bit error rate of nearest-symbol decisions at Es/N0 = ``snr_db``, averaged over the bits of the label.

    For every level sent and every other interval between decision thresholds, the Gaussian probability of the interval
    times the share of label bits that differ; for 16-QAM that is (3Q(g) + 2Q(3g) − Q(5g))/4, g = √(Es/5N0).
    """
    order = np.argsort(qam.amplitudes)
    levels = qam.amplitudes[order]
    thresholds = [-math.inf, *((levels[1:] + levels[:-1]) / 2), math.inf]
    scale = 1 / math.sqrt(noise_variance(snr_db))
    total = 0.0
    for i, j in itertools.permutations(range(levels.size), 2):
        ends = sorted(abs(thresholds[j + side] - levels[i]) for side in (0, 1))
        probability = (math.erfc(ends[0] * scale) - math.erfc(ends[1] * scale)) / 2
        total += probability * int(order[i] ^ order[j]).bit_count()
    return total / levels.size / (qam.bits_per_symbol // qam.dimensions)

"""Error rates of a simulation as a table, kept in a folder while they are measured."""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from baselines.ber import BATCH, ErrorCounts, Simulation, uncoded_ber
from baselines.capacity import awgn_capacity, awgn_snr_db, constellation_snr_db
from linksim.channels.theory import mean_over_gains
from linksim.errors import LinksimError
from linksim.files import make_folder, write_atomically

SECONDS_BETWEEN_SAVES = 1.0


class Results:
    """Counts of a simulation by SNR; with a folder, in its ``ber.csv``, and the settings in its ``ber.json``.

    A folder that holds counts of the same settings is resumed: an SNR that is done is not measured again, and another
    goes on after its last batch.

    Args:
        simulation: what is measured.
        folder: made where it is missing; None keeps the counts in memory.

    Raises:
        LinksimError: the folder holds counts of other settings, or cannot be made.
    """

    def __init__(self, simulation: Simulation, folder: Path | None = None) -> None:
        self.simulation, self.folder = simulation, folder
        self.counts: dict[float, ErrorCounts] = {}
        self._known: dict[float, dict[str, float]] = {}
        self._saved_at = -math.inf
        if folder is not None:
            make_folder(folder)
            self._open(folder)

    def measure(self, points: Sequence[float], progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Count at these SNRs (dB) until all are done. progress: called with (done, total) blocks after every batch."""
        most = self.simulation.max_blocks

        def keep(counts: ErrorCounts) -> None:
            self.counts[counts.snr_db] = counts
            if time.monotonic() - self._saved_at >= SECONDS_BETWEEN_SAVES:
                self.save()
            progress(points.index(counts.snr_db) * most + counts.blocks, len(points) * most)

        for snr_db in points:
            self.simulation.finish(self.counts.get(snr_db, ErrorCounts(snr_db)), keep)

    def save(self) -> None:
        """Write ``ber.csv``: all SNRs of the folder, rising."""
        if self.folder is not None and self.counts:
            text = self.table(sorted(self.counts)).to_csv(index=False, lineterminator="\n")
            write_atomically(self.folder / "ber.csv", text.encode())
        self._saved_at = time.monotonic()

    def kept(self, points: Sequence[float]) -> str:
        """What an interrupted measurement at these SNRs leaves, as a sentence."""
        done = sum(point in self.counts and self.simulation.is_done(self.counts[point]) for point in points)
        where = "nothing is kept without --out"
        if self.folder is not None:
            where = f"the counts so far are in {self.folder / 'ber.csv'}, and the same command resumes"
        return f"{done} of {len(points)} SNRs are done; {where}"

    def table(self, points: Iterable[float]) -> pd.DataFrame:
        """A row for each of these SNRs that has counts: see ``docs/reference/files.md`` for the columns."""
        return pd.DataFrame([self._row(self.counts[point]) for point in points if point in self.counts])

    def _row(self, c: ErrorCounts) -> dict[str, Any]:
        return {
            "code": self.simulation.code.name,
            "modulation": self.simulation.modulation.name,
            "demapper": self.simulation.demapper,
            "channel": self.simulation.channel.name,
            "snr_db": c.snr_db,
            "ebn0_db": c.snr_db - 10 * math.log10(self.simulation.bits_per_use),
            "blocks": c.blocks,
            "block_errors": c.block_errors,
            "undetected": c.undetected if self.simulation.code.detects_errors else None,
            "bler": c.bler,
            "bler_lo": c.bler_interval[0],
            "bler_hi": c.bler_interval[1],
            "bits": c.bits,
            "bit_errors": c.bit_errors,
            "squared_bit_errors": c.squares,
            "ber": c.ber,
            "ber_lo": c.ber_interval[0],
            "ber_hi": c.ber_interval[1],
            **self._theory(c.snr_db),
        }

    def _theory(self, snr_db: float) -> dict[str, float]:
        """Rates over AWGN averaged over the gains of the channel; NaN where its gains have no known distribution."""
        if snr_db not in self._known:
            qam, channel = self.simulation.modulation, self.simulation.channel
            rates = {"uncoded_ber": lambda at: uncoded_ber(qam, at), "capacity": awgn_capacity}
            self._known[snr_db] = {
                name: math.nan if channel.k_factor is None else mean_over_gains(channel, rate, snr_db)
                for name, rate in rates.items()
            }
        return self._known[snr_db]

    def _open(self, folder: Path) -> None:
        described, path = folder / "ber.json", folder / "ber.csv"
        settings = json.loads(json.dumps(self.simulation.settings()))
        if path.exists():
            _check_same(described, settings)
            self.counts = {counts.snr_db: counts for counts in self._read(path)}
        write_atomically(described, (json.dumps(settings, indent=1) + "\n").encode())

    def _read(self, path: Path) -> list[ErrorCounts]:
        names = ("blocks", "block_errors", "undetected", "bits", "bit_errors", "squared_bit_errors")
        try:
            with path.open(encoding="utf-8", newline="") as file:
                found = [
                    ErrorCounts(float(row["snr_db"]), *(int(row[name] or row["block_errors"]) for name in names))
                    for row in csv.DictReader(file)
                ]
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise LinksimError(f"{path} cannot be read ({error}); choose another --out") from error
        for counts in found:
            if counts.blocks % BATCH and not self.simulation.is_done(counts):
                raise LinksimError(f"{path}: {counts.blocks} blocks at {counts.snr_db:g} dB are no whole batches")
        return found


def _check_same(described: Path, settings: dict[str, Any]) -> None:
    """Raise a LinksimError that names the settings in which earlier counts differ."""
    try:
        then, now = _flat(json.loads(described.read_text(encoding="utf-8"))), _flat(settings)
        differing = [name for name in {**now, **then} if then.get(name) != now.get(name)]
    except (ValueError, AttributeError, OSError) as error:
        raise LinksimError(
            f"{described.parent} holds a ber.csv, but no ber.json that says how it was measured; choose another --out"
        ) from error
    if differing:
        changes = "; ".join(f"{name} {then.get(name)}, not {now.get(name)}" for name in differing[:3])
        raise LinksimError(f"{described.parent} holds error rates of other settings: {changes}; choose another --out")


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves of nested settings by their joined names."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{prefix}{name} ") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def facts(simulation: Simulation, rows: pd.DataFrame) -> list[str]:
    """Sentences under a table: what theory says of these bits per channel use, and what the code detects."""
    bits, qam = simulation.bits_per_use, simulation.modulation
    gain_db = 10 * math.log10(bits)
    sign = "+" if gain_db < 0 else "-"
    lines = [
        f"{bits:g} information bits per channel use; the AWGN capacity reaches them at {awgn_snr_db(bits):.2f} dB",
        f"Eb/N0 = Es/N0 {sign} {abs(gain_db):.2f} dB; blocks of {simulation.code.k} information bits",
    ]
    if bits < qam.bits_per_symbol:
        limit = constellation_snr_db(qam, bits)
        lines.append(f"the limit for {qam.name} with a soft demapper and a binary code (BICM) is {limit:.2f} dB")
    if not math.isinf(simulation.channel.k_factor or 0):
        lines.append(f"over {simulation.channel.name} each block fades by itself; SNR is the mean over the fading")
    if not simulation.code.detects_errors:
        lines.append(f"{simulation.code.name} detects no error: the receiver takes every block as it is")
    else:
        wrong = rows["block_errors"].sum()
        lines.append(f"undetected by the decoder: {rows['undetected'].sum():.0f} of the {wrong} wrong blocks")
    return lines

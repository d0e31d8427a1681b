"""The checkpoints that come with the package, and which of them serves a request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jscc.card import Card, read_card
from jscc.methods import resolve
from linksim.errors import LinksimError

FOLDER = Path(__file__).parent / "checkpoints"


@dataclass(frozen=True)
class Shipped:
    """A checkpoint's path and card."""

    path: Path
    card: Card

    @property
    def snr_text(self) -> str:
        """Its training SNR for a reader, e.g. '5 dB' or '0 to 20 dB'."""
        low, high = self.card.snr_db
        return f"{low:g} dB" if low == high else f"{low:g} to {high:g} dB"

    @property
    def bpp_text(self) -> str:
        """Its elements per pixel for a reader, e.g. '0.25' or '0.125 to 1'."""
        arch = self.card.architecture
        return f"{arch.fewest / arch.stride**2:g} to {arch.bpp:g}" if arch.is_adaptive else f"{arch.bpp:g}"

    @property
    def is_fixed(self) -> bool:
        return self.card.snr_db[0] == self.card.snr_db[1]


@lru_cache(maxsize=8)
def shipped(folder: Path) -> tuple[Shipped, ...]:
    """Every checkpoint in a folder, by name."""
    return tuple(Shipped(path, read_card(path)) for path in sorted(folder.glob("*.safetensors")))


def of_method(method: str, candidates: Iterable[Shipped]) -> list[Shipped]:
    """Those trained for a method; ``LinksimError`` if there is none."""
    found = [s for s in candidates if resolve(s.card.method) == resolve(method)]
    if not found:
        raise LinksimError(f"no checkpoint for {method!r} is shipped; train one and give it as '{method}:PATH'")
    return found


def within_budget(method: str, elements_per_pixel: float, candidates: Iterable[Shipped]) -> list[Shipped]:
    """The method's checkpoints at the largest bpp that keeps to a budget of elements per pixel."""
    found = of_method(method, candidates)
    sizes = [s.card.architecture.bpp_within(elements_per_pixel) for s in found]
    if not any(sizes):
        least = min(s.card.architecture.fewest / s.card.architecture.stride**2 for s in found)
        shown = ", ".join(dict.fromkeys(s.bpp_text for s in sorted(found, key=lambda s: s.card.bpp)))
        raise LinksimError(f"{method!r} needs at least {least:g} elements per pixel, the budget allows"
                           f" {elements_per_pixel:g}; shipped bpp: {shown}")  # fmt: skip
    return [s for s, size in zip(found, sizes, strict=True) if size == max(sizes)]


def nearest_snr(snr_db: float, candidates: Iterable[Shipped]) -> Shipped:
    """The checkpoint whose training SNRs were nearest to ``snr_db`` on average; of two as near, the lower."""
    return min(candidates, key=lambda s: (_distance(snr_db, *s.card.snr_db), s.card.snr_db, s.path))


def _distance(snr_db: float, low: float, high: float) -> float:
    """Mean distance in dB to an SNR drawn uniformly from low to high.

    >>> _distance(5, 20, 20), _distance(5, 0, 20), _distance(-3, 0, 20)
    (15.0, 6.25, 13.0)
    """
    if not low < snr_db < high:
        return abs((low + high) / 2 - snr_db)
    return ((snr_db - low) ** 2 + (high - snr_db) ** 2) / (2 * (high - low))

"""What to run, as plain data: the grid of methods, budgets, channels and SNRs over a data set.

An experiment holds names and numbers alone, so it goes to JSON and back. ``linksim.engine.opened`` opens what it names.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any

from linksim.errors import LinksimError, unknown
from linksim.grid import check_snr, decimal, format_snr
from linksim.link import OVER_BUDGET, Budget

NO_TASK = "none"
OPTIONS = ("channels", "task", "seed", "trials", "limit", "over_budget", "metrics", "precision")
"""Fields that a command line names where they differ from the default."""


@dataclass(frozen=True)
class Experiment:
    """A comparison: every method sends every image of the data set over every channel at every SNR.

    methods, dataset, channels, task: names, see ``linksim methods``, ``datasets`` and ``channels``. task: None for the
    data set's own, "none" for none. snr_db: Es/N0 in dB. budgets: what an image may cost, all of one kind. seed: of
    the noise. trials: noise realisations per image and SNR. limit: the first N images only. over_budget: what happens
    to an image that cannot fit, ``"outage"`` or ``"nearest"`` (the smallest file is sent). skip_bad: leave out images
    that cannot be read. metrics: further ones to compute, such as ``ms_ssim``. precision: end once every 95 % interval
    is at most this much to either side, ``0.02`` or ``psnr:0.1``. device: where networks run.
    """

    methods: tuple[str, ...]
    dataset: str = "stamps10"
    snr_db: tuple[float, ...] = tuple(map(float, range(21)))
    budgets: tuple[Budget, ...] = (Budget("bpp", 0.25),)
    channels: tuple[str, ...] = ("awgn",)
    task: str | None = None
    seed: int = 0
    trials: int = 1
    limit: int | None = None
    over_budget: str = "outage"
    skip_bad: bool = False
    metrics: tuple[str, ...] = ()
    precision: str | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        self._set("methods", _names("method", self.methods, "see 'linksim methods'"))
        self._set("channels", _names("channel", self.channels, "e.g. awgn"))
        self._set("metrics", _names("metric", self.metrics, "e.g. ms_ssim") if self.metrics else ())
        self._set("dataset", _text("data set", self.dataset))
        self._set("task", None if self.task is None else _text("task", self.task) or NO_TASK)
        self._set("snr_db", check_snr(self.snr_db))
        self._set("budgets", _budgets(self.budgets))
        for name, least in (("seed", None), ("trials", 1), ("limit", 1)):
            if getattr(self, name) is not None or name != "limit":
                self._set(name, _whole(name, getattr(self, name), least))
        if self.precision is not None:
            self._set("precision", str(self.precision))
        if self.over_budget not in OVER_BUDGET:
            raise unknown("over-budget policy", str(self.over_budget), OVER_BUDGET)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON-able data."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {
            "methods": list(self.methods),
            "channels": list(self.channels),
            "metrics": list(self.metrics),
            "snr_db": list(self.snr_db),
            "budgets": [str(budget) for budget in self.budgets],
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Experiment:
        """The experiment that ``to_json`` wrote.

        Raises:
            LinksimError: a field is missing, unknown or wrong.
        """
        if not isinstance(found, Mapping):
            raise LinksimError(f"experiment {found!r:.60}: must be a table of fields")
        names = [field.name for field in fields(cls)]
        strange = [name for name in found if name not in names]
        if strange:
            raise unknown("field of an experiment", str(strange[0]), names)
        if "methods" not in found or not isinstance(found.get("budgets", []), list):
            raise LinksimError("an experiment needs the field 'methods', and a list as its budgets")
        given = dict(found)
        if "budgets" in given:
            given["budgets"] = tuple(Budget.parse(str(text)) for text in given["budgets"])
        return cls(**given)

    def command(self) -> str:
        """The command line that runs this experiment: what differs from the defaults."""
        words = ["linksim", "compare", "--methods", ",".join(self.methods)]
        values = ",".join(budget.text for budget in self.budgets)
        words += _option("snr", format_snr(self.snr_db))
        words += ["--dataset", self.dataset, f"--{self.budgets[0].kind}", values]
        shown = vars(self) | {"channels": ",".join(self.channels), "metrics": ",".join(self.metrics)}
        options = {"channels": "channel", "over_budget": "over-budget"}
        for field in fields(self):
            if field.name in OPTIONS and getattr(self, field.name) != field.default:
                words += _option(options.get(field.name, field.name), str(shown[field.name]))
        words += ["--skip-bad"] * self.skip_bad
        return shlex.join(words)


def _option(name: str, value: str) -> list[str]:
    """An option's words; a value that starts with '-' is joined to its name."""
    return [f"--{name}={value}"] if value.startswith("-") else [f"--{name}", value]


def _names(kind: str, given: Any, hint: str) -> tuple[str, ...]:
    """Distinct names, one or several."""
    found = tuple(given.split(",")) if isinstance(given, str) else tuple(given)
    if not found:
        raise LinksimError(f"no {kind} given; {hint}")
    names = tuple(_text(kind, name) for name in found)
    for name in names:
        if not name:
            raise LinksimError(f"an empty {kind} name in {', '.join(map(repr, names))}; {hint}")
        if names.count(name) > 1:
            raise LinksimError(f"{kind} {name!r} is given twice")
    return names


def _text(kind: str, value: Any) -> str:
    if not isinstance(value, str | os.PathLike):
        raise LinksimError(f"{kind} {value!r}: must be a name")
    return os.fspath(value).strip()


def _budgets(given: Iterable[Budget]) -> tuple[Budget, ...]:
    found = tuple(given)
    if not found:
        raise LinksimError("no budget given; write e.g. --bpp 0.25")
    for budget in found:
        if not isinstance(budget, Budget):
            raise LinksimError(f"budget {budget!r}: must be a linksim.Budget")
        if budget.kind != found[0].kind:
            raise LinksimError(f"budgets {found[0]} and {budget}: all must be of one kind, bpp or cbr")
        if found.count(budget) > 1:
            raise LinksimError(f"budget {str(budget)!r} is given twice")
    return found


def _whole(name: str, value: Any, least: int | None) -> int:
    """A whole number of any numerical type."""
    if isinstance(value, bool) or not (
        isinstance(value, Integral) or (hasattr(value, "is_integer") and value.is_integer())
    ):
        raise LinksimError(f"{name} {value!r}: must be a whole number")
    if least is not None and value < least:
        raise LinksimError(f"{name} {value}: must be at least {least}")
    if not -(1 << 63) <= value < 1 << 63:
        raise LinksimError(f"{name} {value}: must fit in 64 bits")
    return int(value)


def snr_text(snr_db: float) -> str:
    """An SNR as tables and messages show it, such as ``10 dB``."""
    return f"{decimal(snr_db)} dB"

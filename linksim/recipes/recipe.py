"""Recipes: what a figure or table of a paper compares, as data, and the experiment that it stands for."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from linksim.errors import LinksimError
from linksim.experiment import Experiment
from linksim.link import Budget


@dataclass(frozen=True)
class Entry:
    """A method of a recipe. checkpoint: pattern (as of file names) of the shipped checkpoint that must serve it, with
    ``{bpp}`` for the budget's elements per pixel; while there is none, the method is left out, by name. at: its place
    on an x axis of the recipe's own. paper: the paper's numbers by metric, one for all SNRs or one by SNR in dB."""

    method: str
    checkpoint: str = ""
    at: float | None = None
    paper: Mapping[str, float | Mapping[float, float]] = field(default_factory=dict)

    def published(self, metric: str, snr_db: float) -> float:
        """The paper's number, or NaN."""
        value = self.paper.get(metric, math.nan)
        return value.get(snr_db, math.nan) if isinstance(value, Mapping) else value


@dataclass(frozen=True)
class Gain:
    """A difference that the paper states: ``metric`` of method ``of`` less that of ``over`` at an SNR."""

    of: str
    over: str
    snr_db: float
    metric: str
    paper: float


@dataclass(frozen=True)
class Changes:
    """What a run changes in a recipe: its quick form, other data, another task, the first N images only."""

    quick: bool = False
    dataset: str | None = None
    task: str | None = None
    limit: int | None = None

    def words(self) -> str:
        """The command line's words for them, each after a space."""
        given = {"dataset": self.dataset, "task": self.task, "limit": self.limit}
        words = ["--quick"] * self.quick
        words += [str(word) for name, value in given.items() if value is not None for word in (f"--{name}", value)]
        return "".join(f" {shlex.quote(word)}" for word in words)


@dataclass(frozen=True)
class Recipe:
    """A recipe, as ``linksim.recipes.reading`` reads it. x: ``snr_db``, ``budget``, or the label of an axis of its own,
    on which methods have their place; figures: metrics to draw; gallery: how many received images to show side by
    side; quick: the fields that the quick form replaces."""

    name: str
    title: str
    methods: tuple[Entry, ...]
    snr_db: tuple[float, ...]
    budgets: tuple[Budget, ...]
    dataset: str = "stamps10"
    shows: str = ""
    task: str | None = None
    channel: str = "awgn"
    trials: int = 1
    seed: int = 0
    limit: int | None = None
    over_budget: str = "outage"
    metrics: tuple[str, ...] = ()
    baseline: str | None = None
    x: str = "snr_db"
    figures: tuple[str, ...] = ()
    gallery: int = 0
    paper_data: str = ""
    data_differs: tuple[str, ...] = ()
    task_differs: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    gains: tuple[Gain, ...] = ()
    quick: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = self.experiment().methods
        mentioned = [("baseline", self.baseline)] if self.baseline else []
        mentioned += [("gains", name) for gain in self.gains for name in (gain.of, gain.over)]
        for key, name in mentioned:
            if name not in names:
                raise LinksimError(f"{key}: {name!r} must be one of the methods {', '.join(names)}")
        placed = [entry.method for entry in self.methods if entry.at is not None]
        if placed and not self.own_axis:
            raise LinksimError(f"methods: {placed[0]!r} has 'at', which needs an x axis of its own, not {self.x!r}")
        if self.own_axis and not placed:
            raise LinksimError(f"x: {self.x!r} must be snr_db, budget, or the label of an axis with methods 'at' it")

    @property
    def own_axis(self) -> bool:
        """Whether methods have their place on an x axis of the recipe's own."""
        return self.x not in ("snr_db", "budget")

    def changed(self, changes: Changes) -> Recipe:
        """The recipe as a run wants it."""
        fields = dict(self.quick) if changes.quick else {}
        for name in ("dataset", "task", "limit"):
            if getattr(changes, name) is not None:
                fields[name] = getattr(changes, name)
        return replace(self, **fields)

    def differences(self, changes: Changes) -> list[str]:
        """What sets a run apart from the paper, a sentence each: other data bring their own task."""
        data, task = changes.dataset is None, changes.dataset is None and changes.task is None
        said = [*(self.data_differs if data else ()), *(self.task_differs if task else ())]
        if not task:
            options = replace(changes, quick=False, limit=None).words().strip()
            said.append(f"This run was made with {options}.")
        return [*said, *self.differs]

    def only(self, methods: tuple[Entry, ...], budgets: tuple[Budget, ...]) -> Recipe:
        """The recipe for some of its methods and budgets."""
        names = [entry.method for entry in methods]
        return replace(
            self,
            methods=methods,
            budgets=budgets,
            baseline=self.baseline if self.baseline in names else None,
            gains=tuple(gain for gain in self.gains if gain.of in names and gain.over in names),
        )

    def experiment(self, device: str = "cpu") -> Experiment:
        """The experiment of all methods."""
        return Experiment(
            methods=tuple(entry.method for entry in self.methods),
            dataset=self.dataset,
            snr_db=self.snr_db,
            budgets=self.budgets,
            channels=tuple(self.channel.split(",")),
            task=self.task,
            seed=self.seed,
            trials=self.trials,
            limit=self.limit,
            over_budget=self.over_budget,
            metrics=self.metrics,
            device=device,
        )

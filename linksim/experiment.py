"""What to run: the grid of methods, budgets and SNRs over a data set, cut into units whose identity is a hash of
everything that determines their result."""

from __future__ import annotations

import hashlib
import json
import shlex
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from linksim import registry
from linksim.engine.contract import check_sample, errors_from
from linksim.errors import LinksimError
from linksim.grid import check_snr, format_snr
from linksim.link import Budget, Link, LinkOptions

if TYPE_CHECKING:
    from linksim.channels.base import Channel
    from linksim.data.base import Dataset
    from linksim.tasks.base import Task

PIXELS_PER_UNIT = 1 << 20
MAX_IMAGES_PER_UNIT = 32


@dataclass(frozen=True, eq=False)
class Experiment:
    """A comparison: every method sends every image of the data set at every SNR, within every budget.

    methods, dataset, task and channel are names (see ``linksim methods``) or objects of our interfaces. task: None
    for the data set's own, "" for none. limit: the first N images only. trials: noise realisations per image and SNR.
    """

    methods: tuple[str | Link, ...]
    dataset: str | Dataset = "stamps10"
    snr_db: tuple[float, ...] = tuple(map(float, range(21)))
    budgets: tuple[Budget, ...] = (Budget("bpp", 0.25),)
    channel: str | Channel = "awgn"
    task: str | Task | None = None
    seed: int = 0
    trials: int = 1
    limit: int | None = None
    over_budget: str = "outage"
    device: str = "cpu"
    token: str = field(default_factory=lambda: uuid.uuid4().hex, init=False, repr=False)
    """Its copies in other processes have the same one, and so are equal to it, whatever objects it holds."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Experiment) and self.token == other.token

    def __hash__(self) -> int:
        return hash(self.token)

    def __post_init__(self) -> None:
        if not self.methods:
            raise LinksimError("no method given; see 'linksim methods'")
        for method in self.methods:
            if not isinstance(method, str | Link):
                raise LinksimError(f"method {method!r}: must be a name or a linksim.Link object")
        if not self.budgets:
            raise LinksimError("no budget given; write e.g. --bpp 0.25")
        for what, value in (("trials", self.trials), ("limit", self.limit)):
            if value is not None and value < 1:
                raise LinksimError(f"{what} {value}: must be at least 1")
        for what, names in (("method", self.method_names), ("budget", tuple(map(str, self.budgets)))):
            doubled = sorted({name for name in names if names.count(name) > 1})
            if doubled:
                raise LinksimError(f"{what} {doubled[0]!r} is given twice")
        check_snr(self.snr_db)

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: a worker opens its own data set and task."""
        return {name: vars(self)[name] for name in self.__dataclass_fields__}

    @cached_property
    def method_names(self) -> tuple[str, ...]:
        """The names that the tables show."""
        return tuple(m if isinstance(m, str) else m.name or type(m).__name__ for m in self.methods)

    @cached_property
    def data(self) -> Dataset:
        """The data set itself."""
        if not isinstance(self.dataset, str):
            return self.dataset
        with errors_from(f"data set {self.dataset!r}: opening it"):
            return registry.dataset(self.dataset)

    @cached_property
    def judge(self) -> Task | None:
        """The downstream task itself, if there is one."""
        wanted = self.data.task if self.task is None else self.task
        if not isinstance(wanted, str):
            return wanted
        if not wanted:
            return None
        with errors_from(f"task {wanted!r}: opening it"):
            return registry.task(wanted, self.device)

    @cached_property
    def medium(self) -> Channel:
        """The channel itself."""
        if not isinstance(self.channel, str):
            return self.channel
        with errors_from(f"channel {self.channel!r}: making it"):
            return registry.channel(self.channel)

    def link(self, method: str, budget: Budget) -> Link:
        """The link of a method name for a budget, made once."""
        given = self.methods[self.method_names.index(method)]
        if isinstance(given, Link):
            return given
        if (method, budget) not in self._links:
            with errors_from(f"method {method!r}: making it"):
                options = LinkOptions(budget, self.over_budget, self.device, self.snr_db)
                self._links[method, budget] = registry.link(given, options)
        return self._links[method, budget]

    @cached_property
    def _links(self) -> dict[tuple[str, Budget], Link]:
        return {}

    @property
    def size(self) -> int:
        """How many images take part."""
        with errors_from(f"data set {self.data.name!r}: counting its images"):
            count = len(self.data)
        return count if self.limit is None else min(self.limit, count)

    def units(self) -> Iterator[Unit]:
        """The work in pieces, image-major so that methods finish together. A unit's images depend on the data set
        alone, never on workers or methods."""
        if self.size == 0:
            raise LinksimError(f"data set {self.data.name!r} is empty")
        common = self._common
        links = [
            (method, budget, {"method": method, "link": _identity(f"method {method!r}", self.link(method, budget))})
            for budget in self.budgets
            for method in self.method_names
        ]
        first = check_sample(self.data, 0)
        if self.judge is not None and self.judge.kind == "detection" and first.objects is None:
            raise LinksimError(
                f"data set {self.data.name!r} has no boxes for task {self.judge.name!r} to find; "
                "choose another --task, or --task none"
            )
        height, width = first.image.shape[:2]
        step = max(1, min(MAX_IMAGES_PER_UNIT, PIXELS_PER_UNIT // (height * width)))
        for start in range(0, self.size, step):
            images = range(start, min(start + step, self.size))
            for method, budget, identity in links:
                what = {**common, **identity, "budget": str(budget), "images": [images.start, images.stop]}
                yield Unit(self, method, budget, images, self.snr_db, digest(what))

    @cached_property
    def _common(self) -> dict[str, Any]:
        """Identities of all but the links."""
        judge = self.judge
        return {
            "linksim": package_version("linksim"),
            "dataset": _identity(f"data set {self.data.name!r}", self.data),
            "channel": _identity(f"channel {self.medium.name!r}", self.medium),
            "task": _identity(f"task {judge.name!r}", judge) if judge else None,
            "seed": self.seed,
            "trials": self.trials,
            "over_budget": self.over_budget,
        }

    def describe(self) -> dict[str, Any]:
        """All that determines the result, JSON-able: what ``experiment.json`` holds."""
        return {
            "command": self.command(),
            "methods": list(self.method_names),
            "budgets": [str(budget) for budget in self.budgets],
            "snr_db": list(self.snr_db),
            "images": self.size,
            **self._common,
            "data_set": self.data.name,
            "links": {
                f"{m} {b}": _identity(f"method {m!r}", self.link(m, b)) for m in self.method_names for b in self.budgets
            },
            "notes": list(self.notes()),
            "versions": {name: package_version(name) for name in VERSIONED},
        }

    def notes(self) -> tuple[str, ...]:
        """What the links want their reader to know, each sentence once."""
        said: list[str] = []
        for method in self.method_names:
            with errors_from(f"method {method!r}: its notes()"):
                said += [str(note) for b in self.budgets for note in self.link(method, b).notes()]
        return tuple(dict.fromkeys(said))

    def command(self) -> str:
        """The command line that runs this experiment."""
        kind = self.budgets[0].kind
        values = ",".join(budget.text for budget in self.budgets)
        words = ["linksim", "compare", "--methods", ",".join(self.method_names), "--snr", format_snr(self.snr_db)]
        words += ["--dataset", self.dataset if isinstance(self.dataset, str) else self.data.name]
        words += [f"--{kind}", values]
        defaults = type(self).__dataclass_fields__
        for name in ("channel", "task", "seed", "trials", "limit", "over_budget"):
            value = getattr(self, name)
            if value != defaults[name].default:
                shown = value if isinstance(value, str | int) else value.name
                words += [f"--{name.replace('_', '-')}", str(shown) or "none"]
        return shlex.join(words)

    def hash(self) -> str:
        """Hash of the whole experiment."""
        return digest({k: v for k, v in self.describe().items() if k not in ("command", "versions")})


@dataclass(frozen=True)
class Unit:
    """A piece of work: some images, by number, through one method at some SNRs. ``id`` names all but the SNRs."""

    experiment: Experiment
    method: str
    budget: Budget
    images: Sequence[int]
    snr_db: tuple[float, ...]
    id: str

    @property
    def part(self) -> str:
        """Name of the file that its rows go to."""
        return f"part-{digest({'unit': self.id, 'snr_db': self.snr_db})[:32]}.parquet"

    def only(self, snr_db: Sequence[float]) -> Unit:
        """The same unit at some of its SNRs."""
        return replace(self, snr_db=tuple(snr_db))


def _identity(what: str, thing: Link | Dataset | Task | Channel) -> dict[str, Any]:
    """How a thing identifies itself, if that is JSON."""
    with errors_from(f"{what}: its identity()"):
        identity = thing.identity()
        json.dumps(identity)
    return identity


VERSIONED = ("linksim", "numpy", "torch", "pillow", "pillow-heif", "numba", "sionna-no-rt", "pandas", "pyarrow")


def package_version(name: str) -> str:
    """Installed version of a distribution, or 'absent'."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def digest(thing: Any) -> str:
    """SHA-256 (hex) of a JSON-able thing, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(thing, sort_keys=True, allow_nan=True).encode()).hexdigest()

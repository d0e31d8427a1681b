"""An experiment with all that it names opened: data set, task, channels and links."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from linksim import registry
from linksim.channels.base import Channel
from linksim.data.base import Dataset
from linksim.data.checking import left_out, readable
from linksim.engine.contract import check_sample, errors_from
from linksim.engine.deadline import within
from linksim.engine.store import SCHEMA
from linksim.engine.units import MAX_IMAGES_PER_UNIT, PIXELS_PER_UNIT, VERSION, Unit
from linksim.errors import DISTRIBUTION, LinksimError
from linksim.experiment import NO_TASK, Experiment
from linksim.identity import Identified, describe, digest, package_version, unknowns
from linksim.link import Budget, Link, LinkOptions
from linksim.scoring import metrics
from linksim.scoring.aggregation import COLUMNS
from linksim.scoring.metrics import Metric
from linksim.tasks.base import Task
from linksim.tasks.classes import Labels, match_labels

SECONDS_TO_READ = 1800.0
VERSIONED = (DISTRIBUTION, "numpy", "torch", "pillow", "pillow-heif", "numba", "sionna-no-rt", "pandas", "pyarrow")


@dataclass(frozen=True)
class Objects:
    """Python objects that an experiment's names stand for, where a registered name does not."""

    links: Mapping[str, Link] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    dataset: Dataset | None = None
    task: Task | None = None

    def __bool__(self) -> bool:
        named = self.links or self.channels or self.metrics
        return bool(named or self.dataset is not None or self.task is not None)


@dataclass(frozen=True, eq=False)
class Opened:
    """What an experiment names, each opened on first use and kept.

    Copies in other processes are equal to it and open their own: only names and ``objects`` are sent to them.
    """

    experiment: Experiment
    objects: Objects = field(default_factory=Objects)
    token: str = field(default_factory=lambda: uuid.uuid4().hex, repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opened) and self.token == other.token

    def __hash__(self) -> int:
        return hash(self.token)

    def __getstate__(self) -> dict[str, Any]:
        names = ("experiment", "objects", "token", "labels")  # matching classes takes reading an image
        return {name: vars(self)[name] for name in names if name in vars(self)}

    @cached_property
    def dataset(self) -> Dataset:
        """The data set."""
        if self.objects.dataset is not None:
            return self.objects.dataset
        with errors_from(f"data set {self.experiment.dataset!r}: opening it"):
            return registry.dataset(self.experiment.dataset)

    @cached_property
    def task(self) -> Task | None:
        """The downstream task, if there is one."""
        if self.objects.task is not None:
            return self.objects.task
        wanted = self.dataset.task if self.experiment.task is None else self.experiment.task
        if wanted in ("", NO_TASK):
            return None
        with errors_from(f"task {wanted!r}: opening it"):
            return registry.task(wanted, self.experiment.device)

    def channel(self, name: str) -> Channel:
        """The channel of a name."""
        if name in self.objects.channels:
            return self.objects.channels[name]
        if name not in self._channels:
            with errors_from(f"channel {name!r}: making it"):
                self._channels[name] = registry.channel(name)
        return self._channels[name]

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """What is computed: the metrics of every experiment, and those asked for."""
        for found in self.objects.metrics.values():
            metrics.add(found)
        computed = metrics.chosen(self.experiment.metrics)
        for name in (m.column for m in computed if m not in metrics.METRICS):
            if name in SCHEMA.names or name in COLUMNS:
                raise LinksimError(f"metric {name!r}: rows or the summary have a column of this name")
        return computed

    def link(self, method: str, budget: Budget, channel: str = "") -> Link:
        """The link of a method for a budget, over a channel (the first by default)."""
        if method in self.objects.links:
            return self.objects.links[method]
        name = channel or self.experiment.channels[0]
        if (method, budget, name) not in self._links:
            with errors_from(f"method {method!r}: making it"):
                known, over = self.experiment, self.channel(name)
                own, sample_noise = budget.over(over.capacity), over.sample_noise
                options = LinkOptions(own, known.over_budget, known.device, known.snr_db, sample_noise)
                self._links[method, budget, name] = registry.link(method, options)
        return self._links[method, budget, name]

    @cached_property
    def _channels(self) -> dict[str, Channel]:
        return {}

    @cached_property
    def _links(self) -> dict[tuple[str, Budget, str], Link]:
        return {}

    @cached_property
    def _checked(self) -> tuple[list[int], str]:
        """The images that can be used, and a sentence on those that were left out."""
        return self._check(SECONDS_TO_READ)

    def check_images(self, timeout: float) -> None:
        """Read all images, each within so many seconds, unless that was done before."""
        if "_checked" not in vars(self):
            vars(self)["_checked"] = self._check(timeout)

    def _check(self, timeout: float) -> tuple[list[int], str]:
        with errors_from(f"data set {self.dataset.name!r}: counting its images"):
            count = len(self.dataset)
        if count == 0:
            raise LinksimError(f"data set {self.dataset.name!r} is empty")
        asked = range(count if self.experiment.limit is None else min(self.experiment.limit, count))

        @contextmanager
        def reading(index: int) -> Iterator[None]:
            with within(timeout), errors_from(f"data set {self.dataset.name!r}: reading image {index}"):
                yield

        kept, reasons = readable(self.dataset, asked, skip_bad=self.experiment.skip_bad, around=reading)
        return kept, left_out(reasons, len(asked))

    @property
    def images(self) -> list[int]:
        """Numbers of the images that take part."""
        return self._checked[0]

    @property
    def size(self) -> int:
        """How many images take part."""
        return len(self.images)

    @cached_property
    def contents(self) -> dict[int, str]:
        """The hash of each image and its truth, by number. Stored rows belong to it, wherever the image stands in the
        data set; images that are alike in everything, key included, are counted."""
        repeated: dict[str, int] = {}
        found = {}
        for i in self.images:
            with errors_from(f"data set {self.dataset.name!r}: reading image {i}"):
                content = self.dataset.digest(i)
            repeated[content] = repeated.get(content, -1) + 1
            found[i] = f"{content}+{repeated[content]}" if repeated[content] else content
        return found

    @cached_property
    def labels(self) -> Labels:
        """How the task's predictions are read as classes of the data set."""
        if self.task is None:
            return Labels(None)
        first = self.dataset[self.images[0]]
        counted = first.image if self.task.kind == "classification" and first.label is not None else None
        with errors_from(f"task {self.task.name!r}: matching its classes"):
            return match_labels(self.task, self.dataset.classes, counted)

    def units(self) -> Iterator[Unit]:
        """The work in pieces, image-major so that methods finish together. A unit's images depend on the data set
        alone, never on workers or methods."""
        given = self.experiment
        ids = {
            (method, budget, channel): self.unit_id(method, budget, channel)
            for budget in given.budgets
            for channel in given.channels
            for method in given.methods
        }
        first = check_sample(self.dataset, self.images[0])
        _ = self.labels
        if self.task is not None and self.task.kind == "detection" and first.objects is None:
            raise LinksimError(
                f"data set {self.dataset.name!r} has no boxes for task {self.task.name!r} to find; "
                "choose another --task, or --task none"
            )
        height, width = first.image.shape[:2]
        step = max(1, min(MAX_IMAGES_PER_UNIT, PIXELS_PER_UNIT // (height * width)))
        for start in range(0, self.size, step):
            images = tuple(self.images[start : start + step])
            contents = tuple(self.contents[image] for image in images)
            for (method, budget, channel), unit_id in ids.items():
                yield Unit(self, method, budget, channel, images, given.snr_db, unit_id, contents)

    def unit_id(self, method: str, budget: Budget, channel: str) -> str:
        """Hash of all that determines the rows of a method, a budget and a channel, images and SNRs apart."""
        given = self.experiment
        return digest(
            {
                "engine": VERSION,
                "metrics": sorted(m.column for m in metrics.of_images(self.metrics)),
                "method": method,
                "budget": str(budget),
                "channel": channel,
                "over_budget": given.over_budget,
                "seed": given.seed,
                "trials": given.trials,
                "classes": list(self.dataset.classes),
                **({"functions": self._asked_for} if self._asked_for else {}),
                "identities": [
                    self._identity(f"method {method!r}", self.link(method, budget, channel)),
                    self._identity(f"channel {channel!r}", self.channel(channel)),
                    self._identity("the task", self.task) if self.task else None,
                ],
            }
        )

    @cached_property
    def _asked_for(self) -> dict[str, Any]:
        """Identities of the metrics of images that not every experiment has."""
        always = metrics.chosen()
        return {m.column: describe(m.of_image) for m in metrics.of_images(self.metrics) if m not in always}

    def _identity(self, what: str, thing: Identified) -> dict[str, Any]:
        """How a component identifies itself, if that is JSON; computed once."""
        if id(thing) not in self._identities:
            with errors_from(f"{what}: its identity()"):
                identity = thing.identity()
                json.dumps(identity)
            self._identities[id(thing)] = identity
        return self._identities[id(thing)]

    @cached_property
    def _identities(self) -> dict[int, dict[str, Any]]:
        return {}

    @cached_property
    def description(self) -> dict[str, Any]:
        """What ``experiment.json`` holds: the experiment field by field, and all that was found to determine it."""
        given = self.experiment
        identities: dict[str, Any] = {
            "dataset": {
                "name": self.dataset.name,
                "classes": list(self.dataset.classes),
                "images": self.size,
                "contents": digest(list(self.contents.values())),
            },
            "task": self._identity("the task", self.task) if self.task else None,
            **({"metrics": self._asked_for} if self._asked_for else {}),
            "channels": {name: self._identity(f"channel {name!r}", self.channel(name)) for name in given.channels},
            "links": {
                f"{method} {budget}": self._identity(f"method {method!r}", self.link(method, budget))
                for method in given.methods
                for budget in given.budgets
            },
        }
        return {
            "experiment": given.to_json(),
            "command": given.command(),
            "objects": bool(self.objects),
            "identities": identities,
            "notes": [*self._notes(), *_cannot_know(identities)],
            "versions": {name: package_version(name) for name in VERSIONED},
        }

    def assumptions(self) -> tuple[str, ...]:
        """How data set and task were understood, and what was left out: a reader may have meant something else."""
        with errors_from(f"data set {self.dataset.name!r}: its notes()"):
            said = [self._checked[1], *map(str, self.dataset.notes()), *self.labels.notes]
        return tuple(filter(None, said))

    def _notes(self) -> tuple[str, ...]:
        """What data set, task and links want their reader to know, each sentence once."""
        said = list(self.assumptions())
        for method in self.experiment.methods:
            with errors_from(f"method {method!r}: its notes()"):
                said += [str(note) for b in self.experiment.budgets for note in self.link(method, b).notes()]
        return tuple(dict.fromkeys(filter(None, said)))

    def hash(self) -> str:
        """Hash of all that determines the results; how many images are enough does not."""
        given = {name: value for name, value in self.description["experiment"].items() if name != "precision"}
        return digest([given, self.description["identities"]])


def open_experiment(
    methods: str | Link | Iterable[str | Link],
    dataset: str | os.PathLike[str] | Dataset = "stamps10",
    snr_db: Iterable[float] = range(21),
    budgets: Iterable[Budget] = (Budget("bpp", 0.25),),
    *,
    channel: str | Channel | Iterable[str | Channel] = "awgn",
    task: str | Task | None = None,
    metrics: str | Metric | Iterable[str | Metric] = (),
    **fields: Any,
) -> Opened:
    """An experiment over names and Python objects; an object goes by its own name.

    Args:
        methods, dataset, channel, task, metrics: names or objects.
        snr_db, budgets, fields: see ``Experiment``.

    Raises:
        LinksimError: an argument is neither a name nor an object of its kind, or a field is wrong.
    """
    links = _named("method", methods, Link)
    channels, scores = _named("channel", channel, Channel), _named("metric", metrics, Metric)
    data, chosen = dataset if isinstance(dataset, Dataset) else None, task if isinstance(task, Task) else None
    experiment = Experiment(
        methods=tuple(links),
        snr_db=tuple(snr_db),
        budgets=tuple(budgets),
        dataset=(data.name or type(data).__name__) if data is not None else dataset,  # type: ignore[arg-type]
        channels=tuple(channels),
        metrics=tuple(scores),
        task=(chosen.name or type(chosen).__name__) if chosen is not None else task,  # type: ignore[arg-type]
        **fields,
    )
    given = [{k: v for k, v in named.items() if v is not None} for named in (links, channels, scores)]
    return Opened(experiment, Objects(given[0], given[1], given[2], data, chosen))


def _named(kind: str, given: Any, wanted: type[Any]) -> dict[str, Any]:
    """Names, each with the object of that name if one was given."""
    if isinstance(given, str):
        return dict.fromkeys(name for part in given.split(",") if (name := part.strip()))
    found: dict[str, Any] = {}
    for thing in [given] if isinstance(given, wanted) else given:
        if not isinstance(thing, str | wanted):
            raise LinksimError(f"{kind} {thing!r}: must be a name or a linksim.{wanted.__name__} object")
        name = thing if isinstance(thing, str) else thing.name or type(thing).__name__
        if name in found:
            raise LinksimError(f"{kind} {name!r} is given twice")
        found[name] = None if isinstance(thing, str) else thing
    return found


def _cannot_know(identities: dict[str, Any]) -> list[str]:
    """A sentence on each part of an identity that could not be read."""
    return [
        f"linksim cannot tell whether {what} changes: after a change, raise the 'version' that its class declares, "
        "or choose another --out"
        for what in dict.fromkeys(unknowns(identities))
    ]

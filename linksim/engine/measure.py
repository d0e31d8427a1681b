"""One unit of work: send the images, pass them through the channel at each SNR, receive, score. Pure: the rows
depend on the unit alone, not on the process, the batch or what ran before."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from linksim.channels.base import Channel, noise_stream
from linksim.data.base import Dataset, Sample
from linksim.engine.contract import (
    CheckedTask,
    check_received,
    check_reception,
    check_sample,
    check_transmission,
    check_uses,
    errors_from,
)
from linksim.engine.deadline import within
from linksim.engine.opened import Opened
from linksim.engine.units import PIXELS_PER_UNIT, Unit
from linksim.errors import ContractError
from linksim.link import Image, Link, Reception, Transmission, outage_image
from linksim.scoring.metrics import Metric, of_images

if TYPE_CHECKING:
    from linksim.tasks.base import Task

Row = dict[str, Any]


def measure(unit: Unit) -> list[Row]:
    """Rows of a unit: one per (SNR, image, trial), see ``linksim.engine.store.SCHEMA`` for the columns."""
    opened = shared(unit.opened)
    link = opened.link(unit.method, unit.budget, unit.channel)
    return [row for row, _ in delivered(unit, opened, link, opened.experiment.trials)]


def delivered(unit: Unit, opened: Opened, link: Link, trials: int) -> Iterator[tuple[Row, Image]]:
    """The rows of a unit, each with the image that arrived; those of an image in the order of SNRs and trials."""
    with one_thread():
        for batch in batches(opened.dataset, unit.images):
            yield from _deliver(unit, batch, opened, link, trials)


def measure_within(unit: Unit, seconds: float) -> list[Row]:
    """``measure``, interrupted if it takes longer."""
    with within(seconds):
        return measure(unit)


@lru_cache(maxsize=2)
def shared(opened: Opened) -> Opened:
    """An opened experiment's copies share one object, so that a worker opens its data set, task and links once."""
    return opened


@contextmanager
def one_thread() -> Iterator[None]:
    """torch on one thread: the order of its sums, and so the last bit of an image, must not depend on the machine."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(before)


def batches(data: Dataset, numbers: Sequence[int]) -> Iterator[dict[int, Sample]]:
    """Images by number, a megapixel of them at a time or a single one: how many are in a unit follows from the size of
    the data set's first, and others may be larger."""
    batch: dict[int, Sample] = {}
    pixels = 0
    for number in numbers:
        sample = check_sample(data, number)
        size = sample.image.shape[0] * sample.image.shape[1]
        if batch and pixels + size > PIXELS_PER_UNIT:
            yield batch
            batch, pixels = {}, 0
        batch[number] = sample
        pixels += size
    if batch:
        yield batch


def _deliver(
    unit: Unit, batch: dict[int, Sample], opened: Opened, link: Link, trials: int
) -> Iterator[tuple[Row, Image]]:
    numbers, samples = list(batch), list(batch.values())
    images = [sample.image for sample in samples]
    scorer = _Scorer(opened, samples)
    channel = opened.channel(unit.channel)
    contents = dict(zip(unit.images, unit.contents, strict=False))
    once = None if link.knows_channel else _send(link, unit.method, images)
    for snr_db in unit.snr_db:
        sent = once or _send(link, unit.method, images, snr_db=snr_db)
        costs = _costs(channel, sent, images)
        for trial in range(trials):
            streams = [noise_stream(opened.experiment.seed, sample.key, snr_db, trial) for sample in samples]
            received, noise_var = _transmit(channel, sent, snr_db, streams)
            got = _receive(link, unit.method, images, sent, received, noise_var)
            scores = scorer.score(got.images)
            errors = _block_errors(sent, got, len(images))
            for i, sample in enumerate(samples):
                row = {
                    "unit": unit.id,
                    "channel": unit.channel,
                    "method": unit.method,
                    "budget": str(unit.budget),
                    "snr_db": snr_db,
                    "trial": trial,
                    "image": numbers[i],
                    "key": sample.key,
                    "content": contents.get(numbers[i], ""),
                    "source": sample.sources[0] if sample.sources else sample.key,
                    "ok": bool(got.ok[i]),
                    **costs[i],
                    **errors[i],
                    **scores[i],
                }
                yield row, got.images[i]


def _send(link: Link, name: str, images: Sequence[Image], **channel: float) -> Transmission:
    with errors_from(f"link {name!r}: send"):
        sent = link.send([image.copy() for image in images], **channel)  # copies: the originals are what is compared
    return check_transmission(name, sent, images)


def _transmit(
    channel: Channel, sent: Transmission, snr_db: float, streams: Sequence[np.random.Generator]
) -> tuple[npt.NDArray[np.complex64], npt.NDArray[np.float32]]:
    symbols = sent.symbols.view()
    symbols.flags.writeable = False  # they are sent again at the next SNR
    name = channel.name or type(channel).__name__
    with errors_from(f"channel {name!r}: transmit"):
        got = channel.transmit(symbols, sent.offsets, snr_db, streams)
    return check_received(name, got, symbols)


def _receive(
    link: Link,
    name: str,
    images: Sequence[Image],
    sent: Transmission,
    received: npt.NDArray[np.complex64],
    noise_var: npt.NDArray[np.float32],
) -> Reception:
    with errors_from(f"link {name!r}: receive"):
        got = link.receive(received, noise_var, sent.header)
    got = check_reception(name, got, images, sent)
    shown = [image if ok else outage_image(image.shape) for image, ok in zip(got.images, got.ok, strict=True)]
    return replace(got, images=shown)


def _costs(channel: Channel, sent: Transmission, images: Sequence[Image]) -> list[Row]:
    """What each image costs: source bits per pixel, complex channel uses per source sample (pilots and cyclic prefix
    included) and, of a channel with a waveform of its own, its peak-to-average power ratio in dB."""
    with errors_from(f"channel {channel.name!r}: uses"):
        uses = [check_uses(channel, int(count)) for count in np.diff(sent.offsets)]
        own_waveform = type(channel).waveform is not Channel.waveform
        papr = channel.papr_db(sent.symbols, sent.offsets) if own_waveform else [None] * len(images)
    return [
        {"bpp": int(bits) / (image.shape[0] * image.shape[1]), "cbr": count / image.size, "papr": ratio}
        for bits, count, image, ratio in zip(sent.payload_bits, uses, images, papr, strict=True)
    ]


def _block_errors(sent: Transmission, got: Reception, count: int) -> list[Row]:
    """Wrong bits and wrong blocks of each image, and how many there were; zeros where a link has no blocks."""
    names = ("bits_sent", "bit_errors", "blocks_sent", "block_errors")
    blocks = sent.blocks
    if blocks is None or got.bits is None:
        return [dict.fromkeys(names, 0) for _ in range(count)]
    wrong = np.concatenate([[0], np.cumsum(got.bits != blocks.bits)])[blocks.block_offsets]
    bad = np.concatenate([[0], np.cumsum(np.diff(wrong) > 0)])
    edges = blocks.image_blocks
    counts = [np.diff(a) for a in (blocks.block_offsets[edges], wrong[edges], edges, bad[edges])]
    return [dict(zip(names, (int(column[i]) for column in counts), strict=True)) for i in range(count)]


class _Scorer:
    """Scores of received images against the samples of a unit. An image that arrives as before is not scored again:
    above its cliff a digital link delivers the same image at every SNR."""

    def __init__(self, opened: Opened, samples: Sequence[Sample]) -> None:
        task = opened.task
        self.samples = samples
        self.task = _memoised(task) if task else None
        self.known: dict[tuple[int, bytes], dict[str, float]] = {}
        self.metrics = of_images(opened.metrics)
        if not self.task or not task:
            return
        labelled = [sample.label is not None for sample in samples]
        self.agreement = task.kind == "classification" and not any(labelled)
        if task.kind == "classification" and any(labelled) and not all(labelled):
            bare = samples[labelled.index(False)].key
            raise ContractError(f"image {bare!r} has no label, though others of its data set have")
        self.map = None if self.agreement else opened.labels.index
        self.classes = opened.dataset.classes
        if self.agreement:
            self.labels = self.task.predict([sample.image for sample in samples])
        else:
            self.labels = [sample.label for sample in samples]

    def score(self, images: Sequence[Image]) -> list[Row]:
        rows: list[Row] = []
        for i, image in enumerate(images):
            key = (i, hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest())
            if key not in self.known:
                if len(self.known) > 4 * len(self.samples):
                    self.known.clear()
                reference = self.samples[i].image
                self.known[key] = {metric.column: _score(metric, reference, image) for metric in self.metrics}
            rows.append(dict(self.known[key]))
        if self.task:
            for row, prediction, label in zip(rows, self.task.predict(images), self.labels, strict=True):
                row.update(self._predicted(prediction, label))
        return rows

    def _predicted(self, prediction: Any, label: Any) -> Row:
        assert self.task
        if self.map is None and not self.agreement:
            self._check_known(prediction)
        if self.task.kind == "detection":
            found = np.asarray(prediction, np.float32)
            if self.map is not None:
                found = found.copy()
                found[:, 5] = self.map[found[:, 5].astype(int)]
                found = found[found[:, 5] >= 0]
            return {"detections": found.ravel().tolist()}
        mapped = int(prediction) if self.map is None else int(self.map[int(prediction)])
        return {"label": int(label), "prediction": mapped, "correct": mapped == int(label), "agreement": self.agreement}

    def _check_known(self, prediction: Any) -> None:
        """A task without names for its classes is taken to have the data set's, in their order."""
        assert self.task
        highest = (
            int(np.asarray(prediction)[:, 5].max(initial=-1)) if self.task.kind == "detection" else int(prediction)
        )
        if self.classes and highest >= len(self.classes):
            raise ContractError(
                f"task {self.task.name!r}: class {highest} is none of the data set's {len(self.classes)}; "
                "a task of other classes must name them"
            )


def _score(metric: Metric, reference: Image, received: Image) -> float:
    """What a metric gives one received image; it cannot change either image."""
    views = reference.view(), received.view()
    for view in views:
        view.flags.writeable = False
    with errors_from(f"metric {metric.column!r}"):
        return metric.score(*views)


@lru_cache(maxsize=2)
def _memoised(task: Task) -> Task:
    from linksim.tasks.memo import Memo

    return Memo(CheckedTask(task))

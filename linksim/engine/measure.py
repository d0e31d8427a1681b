"""Measures one unit of work: send the images, pass them through the channel at each SNR, receive, score.

The rows depend on the unit alone, not on the process, the batch or what ran before.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from linksim.channels.base import Channel, noise_stream
from linksim.data.base import Dataset, Sample
from linksim.engine.contract import (
    check_received,
    check_reception,
    check_sample,
    check_transmission,
    check_uses,
    errors_from,
)
from linksim.engine.deadline import within
from linksim.engine.opened import Opened
from linksim.engine.score import Row, Scorer, Truth, remembering
from linksim.engine.units import PIXELS_PER_UNIT, Unit
from linksim.link import USES_PER_SIDE_INFO_BIT, Image, Link, Reception, Transmission, outage_image
from linksim.scoring.metrics import of_images


def measure(unit: Unit) -> list[Row]:
    """Measure a unit.

    Returns:
        One row per (SNR, image, trial), with the columns of ``linksim.engine.store.SCHEMA``.

    Raises:
        ContractError: The data set, the link, the channel or the task broke its contract.
    """
    opened = shared(unit.opened)
    link = opened.link(unit.method, unit.budget, unit.channel)
    return [row for row, _ in delivered(unit, opened, link, opened.experiment.trials)]


def delivered(unit: Unit, opened: Opened, link: Link, trials: int) -> Iterator[tuple[Row, Image]]:
    """Measure a unit with a link and a number of trials.

    Yields:
        Each row with the received image, (H, W, 3) uint8; those of one image in the order of SNRs and trials.
    """
    with one_thread():
        for batch in batches(opened.dataset, unit.images):
            yield from _deliver(unit, batch, opened, link, trials)


def measure_within(unit: Unit, seconds: float) -> list[Row]:
    """``measure`` within a time in seconds; see ``linksim.engine.deadline.within``."""
    with within(seconds):
        return measure(unit)


@lru_cache(maxsize=2)
def shared(opened: Opened) -> Opened:
    """The first copy of an opened experiment that this process got, so that a worker opens data set, task and links
    once."""
    return opened


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread, so that the order of its sums, and so the last bit of an image, is the same on every
    machine."""
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
    """Read images in batches of at most a megapixel, or of one larger image.

    Args:
        data: The data set.
        numbers: Which images.

    Yields:
        The samples of a batch by their number.
    """
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
    task = opened.task
    truth = Truth(remembering(task), opened.labels, opened.dataset.classes, samples) if task else None
    scorer = Scorer(samples, of_images(opened.metrics), truth)
    channel = opened.channel(unit.channel)
    contents = dict(zip(unit.images, unit.contents, strict=False))
    if not link.knows_channel:
        sent = _send(link, unit.method, images)
        costs = _costs(channel, sent, images)
    for snr_db in unit.snr_db:
        if link.knows_channel:
            sent = _send(link, unit.method, images, snr_db=snr_db)
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
    """What each image costs: source bits per pixel, complex channel uses per source sample (side information, pilots
    and cyclic prefix included) and, of a channel with a waveform of its own, its peak-to-average power ratio in dB."""
    symbols = np.diff(sent.offsets)
    if sent.side_info_bits is not None:
        symbols = symbols + USES_PER_SIDE_INFO_BIT * sent.side_info_bits
    uses = [check_uses(channel, int(count)) for count in symbols]
    with errors_from(f"channel {channel.name!r}: papr_db"):
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

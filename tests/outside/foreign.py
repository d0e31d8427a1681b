"""Links, tasks and data as somebody else would write them: they use the public interface only."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import linksim
from linksim.channels.awgn import AWGN
from linksim.data.base import Dataset, Sample
from linksim.link import Image, Link, Reception, Transmission
from linksim.tasks.base import Task


class Plasma(Dataset):
    """Smooth seeded pictures of two classes: warm and cold."""

    name = "plasma"
    classes = ("warm", "cold")

    def __init__(self, count: int = 6, size: tuple[int, int] = (64, 64)) -> None:
        self.count, self.size = count, size

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        y, x = np.mgrid[: self.size[0], : self.size[1]] / 16
        planes = [128 + 60 * np.sin(x + index + p) + 50 * np.cos(y * (p + 1) - index) for p in range(3)]
        image = np.stack(planes, -1)
        image[:, :, 0 if index % 2 == 0 else 2] += 60
        return Sample(np.clip(image, 0, 255).astype(np.uint8), f"plasma{index}", label=index % 2)

    def identity(self) -> dict[str, Any]:
        return {"name": self.name, "count": self.count, "size": self.size}


class Odd(Plasma):
    """Pictures of different odd sizes."""

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return Sample(np.ascontiguousarray(sample.image[: 63 - index, : 57 + index]), sample.key, sample.label)


class Analog(Link):
    """Pixels themselves as symbols, two per symbol, scaled to unit power: the simplest graceful link."""

    def send(self, images: Sequence[Image]) -> Transmission:
        symbols, scales = [], []
        for image in images:
            values = image.reshape(-1).astype(np.float32) / 127.5 - 1
            pairs = np.append(values, np.zeros(len(values) % 2, np.float32)).view(np.complex64)
            scales.append(float(np.sqrt(np.mean(np.abs(pairs) ** 2))))
            symbols.append((pairs / scales[-1]).astype(np.complex64))
        offsets = np.cumsum([0, *map(len, symbols)])
        header = [(image.shape, scale) for image, scale in zip(images, scales, strict=True)]
        return Transmission(np.concatenate(symbols), offsets, np.diff(offsets), header)

    def receive(self, received: Any, noise_var: Any, header: Any) -> Reception:
        images, start = [], 0
        for shape, scale in header:
            count = int(np.prod(shape))
            uses = -(-count // 2)
            values = received[start : start + uses].view(np.float32)[:count] * scale
            images.append(np.clip(np.rint((values + 1) * 127.5), 0, 255).astype(np.uint8).reshape(shape))
            start += uses
        return Reception(images, np.ones(len(images), bool))


class Loud(Analog):
    """Twice the power that is allowed."""

    def send(self, images: Sequence[Image]) -> Transmission:
        sent = super().send(images)
        return Transmission(sent.symbols * np.complex64(2**0.5), sent.offsets, sent.payload_bits, sent.header)


class Greedy(Analog):
    """One image's power for another: unit power on average, but not per image."""

    def send(self, images: Sequence[Image]) -> Transmission:
        sent = super().send(images)
        symbols = sent.symbols.copy()
        symbols[: sent.offsets[1]] *= 1.2
        return Transmission(symbols, sent.offsets, sent.payload_bits, sent.header)


class Lost(Analog):
    """Offsets that lead nowhere."""

    def send(self, images: Sequence[Image]) -> Transmission:
        sent = super().send(images)
        return Transmission(sent.symbols, sent.offsets + 1, sent.payload_bits, sent.header)


class Sick(Analog):
    """NaN symbols."""

    def send(self, images: Sequence[Image]) -> Transmission:
        sent = super().send(images)
        return Transmission(sent.symbols * np.complex64(np.nan), sent.offsets, sent.payload_bits, sent.header)


class Small(Analog):
    """Received images of a wrong shape."""

    def receive(self, received: Any, noise_var: Any, header: Any) -> Reception:
        got = super().receive(received, noise_var, header)
        return Reception([image[1:] for image in got.images], got.ok)


class Broken(Analog):
    """An exception in the middle."""

    def receive(self, received: Any, noise_var: Any, header: Any) -> Reception:
        raise ZeroDivisionError("something is zero")


class Leaving(Analog):
    """Leaves the interpreter."""

    def receive(self, received: Any, noise_var: Any, header: Any) -> Reception:
        raise SystemExit("no\n\x1b[31mlicence")


class Vague(Analog):
    """Counts of bits that are not numbers."""

    def send(self, images: Sequence[Image]) -> Transmission:
        sent = super().send(images)
        return Transmission(sent.symbols, sent.offsets, np.full(len(images), np.nan), sent.header)


class Told(Analog):
    """Seven bits of side information for each image."""

    def send(self, images: Sequence[Image]) -> Transmission:
        return replace(super().send(images), side_info_bits=np.full(len(images), 7))


class Forgetful(Analog):
    """Side information of one image only."""

    def send(self, images: Sequence[Image]) -> Transmission:
        return replace(super().send(images), side_info_bits=np.ones(1, int))


class Empty(Analog):
    """Nothing received."""

    def receive(self, received: Any, noise_var: Any, header: Any) -> Reception:
        return Reception(None)  # type: ignore[arg-type]


class Blank(Analog):
    """Paints over the images it is given to send, and so would be perfect."""

    def send(self, images: Sequence[Image]) -> Transmission:
        for image in images:
            image[:] = 255
        return super().send(images)


class Endless(Analog):
    """Never returns."""

    def receive(self, received: Any, noise_var: Any, header: Any) -> Reception:
        while True:
            time.sleep(0.1)


class Deaf(Endless):
    """Never returns, whatever is raised in it."""

    def receive(self, received: Any, noise_var: Any, header: Any) -> Reception:
        while True:
            with contextlib.suppress(BaseException):
                super().receive(received, noise_var, header)


class Deadly(Analog):
    """Kills its worker: the first time if it can leave a mark, else every time."""

    def __init__(self, marker: Path) -> None:
        self.name, self.marker = "deadly", marker

    def receive(self, received: Any, noise_var: Any, header: Any) -> Reception:
        if not self.marker.exists():
            if self.marker.parent.is_dir():
                self.marker.touch()
            os._exit(9)
        return super().receive(received, noise_var, header)


class Slow(Analog):
    """A quarter of a second per call."""

    def receive(self, received: Any, noise_var: Any, header: Any) -> Reception:
        time.sleep(0.25)
        return super().receive(received, noise_var, header)


class Knowing(Analog):
    """Its sender knows the SNR, and sends nothing below 10 dB."""

    knows_channel = True

    def send(self, images: Sequence[Image], snr_db: float = 0.0) -> Transmission:
        if snr_db >= 10:
            return super().send(images)
        nothing = np.zeros(len(images) + 1, np.int64)
        return Transmission(np.zeros(0, np.complex64), nothing, nothing[:-1], [])

    def receive(self, received: Any, noise_var: Any, header: Any) -> Reception:
        if header:
            return super().receive(received, noise_var, header)
        return Reception([np.full((64, 64, 3), 128, np.uint8)] * 6, np.zeros(6, bool))


class Warmth(Task):
    """Warm (0) if red outweighs blue."""

    name = "warmth"
    classes = ("warm", "cold")

    def predict(self, images: Sequence[Image]) -> list[int]:
        return [int(image[:, :, 0].mean() <= image[:, :, 2].mean()) for image in images]


class Silent(Warmth):
    """Gives too few predictions."""

    def predict(self, images: Sequence[Image]) -> list[int]:
        return super().predict(images)[1:]


class Mute(Warmth):
    """No predictions at all."""

    def predict(self, images: Sequence[Image]) -> list[int]:
        return None  # type: ignore[return-value]


class Unsure(Warmth):
    """Predictions that are not a class."""

    def predict(self, images: Sequence[Image]) -> list[int]:
        return [float("nan")] * len(images)  # type: ignore[list-item]


class Lofty(Warmth):
    """Predictions beyond its classes."""

    def predict(self, images: Sequence[Image]) -> list[int]:
        return [7] * len(images)


class Fragile(Warmth):
    """An exception."""

    def predict(self, images: Sequence[Image]) -> list[int]:
        raise KeyError("a weight")


class Painting(Warmth):
    """Right, but paints over what it has predicted."""

    def predict(self, images: Sequence[Image]) -> list[int]:
        predictions = super().predict(images)
        for image in images:
            image[:] = 0
        return predictions


class Received(AWGN):
    """White noise with something done to what arrives."""

    def __init__(self, change: Callable[[Any, Any], Any]) -> None:
        self.change = change

    def transmit(self, symbols: Any, offsets: Any, snr_db: float, streams: Any) -> Any:
        return self.change(*super().transmit(symbols, offsets, snr_db, streams))


class Scribbling(AWGN):
    """Adds its noise to the symbols that were sent."""

    def transmit(self, symbols: Any, offsets: Any, snr_db: float, streams: Any) -> Any:
        received, noise_var = super().transmit(symbols, offsets, snr_db, streams)
        symbols[:] = received
        return symbols, noise_var


class Retold(Plasma):
    """Samples with something done to them; one is enough."""

    def __init__(self, change: Callable[[Sample], Any]) -> None:
        super().__init__()
        self.change = change

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return self.change(sample) if index == 3 else sample


def budget_of(budget: linksim.Budget) -> Link:
    """A factory that takes the budget."""
    link = Analog()
    link.budget = budget  # type: ignore[attr-defined]
    return link


class Many(Plasma):
    """More images than one unit takes."""

    def __init__(self) -> None:
        super().__init__(160)


def compare(out: Path, *methods: str, workers: int = 1, **changes: object) -> pd.DataFrame:
    """A comparison of Analog, or the methods named, on Plasma, quick unless ``changes`` say otherwise."""
    options: dict[str, object] = {"dataset": "foreign:Plasma", "snr_db": (0, 10, 20), "task": "", "figures": False}
    options |= changes
    return linksim.compare(list(methods) or ["foreign:Analog"], out=out, workers=workers, **options)  # type: ignore[arg-type]

"""How a comparison's cost grows with images, SNRs and methods, as a plot; and what a large one would cost.

    python benchmarks/cost.py [--only grow,unit] [--runs 5]

Processor seconds of one process, medians, every run with nothing remembered. ``grow`` writes ``benchmarks/cost.png``:
96×96 images at 0.25 bpp, without a task. ``unit`` measures one image of 500×375 over 21 SNRs with each method and the
ImageNet classifier, and what a unit of work costs the one process that hands it out and writes its rows; from these
follows what 50,000 such images take on 1, 10 and 100 nodes of 64 cores (see ``hours``).
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from sweep import DATASET, forget
from timing import medians

from linksim.comparison import run_comparison
from linksim.data.images import read_image
from linksim.engine.measure import Row, measure
from linksim.engine.opened import open_experiment
from linksim.engine.pools import InProcess, Pool
from linksim.engine.runner import run as run_units
from linksim.engine.store import Store
from linksim.engine.units import MAX_IMAGES_PER_UNIT, PIXELS_PER_UNIT, Unit

PHOTOS = Path(__file__).parent.parent / "linksim" / "data" / "assets" / "photos"
METHODS = ("bpg", "bpg+ldpc-1/2+qpsk", "webp", "jpeg")
BOTH_SIDES, ABOVE = np.arange(0.0, 21.0), np.arange(12.0, 33.0)
IMAGES = 64
MODELLED = ("jpeg", "webp", "bpg", "bpg+adaptive", "deepjscc", "sdjscc")
MODELLED_IMAGES, CORES, EFFICIENCY = 50_000, 64, 0.9
HEIGHT, WIDTH = 375, 500
WRITTEN_IMAGES = 4000


def run(images: int, snr_db: np.ndarray, methods: tuple[str, ...], dataset: str = DATASET, task: str = "") -> None:
    """A comparison in this process, from nothing."""
    forget()
    points = tuple(map(float, snr_db))
    with tempfile.TemporaryDirectory() as folder:
        opened = open_experiment(methods, dataset, points, task=task, limit=images)
        result = run_comparison(opened, Path(folder), Pool(), figures=False)
    if result.failures:
        raise RuntimeError(str(result.failures))


def grow(runs: int) -> None:
    """Cost against each of the three, a table and a plot."""
    from matplotlib.figure import Figure

    curves = {
        "images (21 SNRs, bpg)": {n: (n, BOTH_SIDES, METHODS[:1]) for n in (16, 32, 64, 128)},
        f"SNRs from 0 dB ({IMAGES} images, bpg)": {n: (IMAGES, BOTH_SIDES[:n], METHODS[:1]) for n in (1, 7, 14, 21)},
        f"SNRs from 12 dB ({IMAGES} images, bpg)": {n: (IMAGES, ABOVE[:n], METHODS[:1]) for n in (1, 7, 14, 21)},
        f"methods ({IMAGES} images, 21 SNRs)": {n: (IMAGES, BOTH_SIDES, METHODS[:n]) for n in (1, 2, 3, 4)},
    }
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    for axes, (title, points) in zip(figure.subplots(1, len(curves)), curves.items(), strict=True):
        works = {str(n): lambda point=point: run(*point) for n, point in points.items()}
        seconds = list(medians(works, runs, time.process_time).values())
        slope = np.polyfit(list(points), seconds, 1)[0]
        shown = ", ".join(f"{n}: {took:.2f} s" for n, took in zip(points, seconds, strict=True))
        print(f"{title}: {shown}; {1e3 * slope:.1f} ms each", flush=True)
        axes.plot(list(points), seconds, "o-")
        axes.set(xlabel=title.replace(" (", "\n("), ylim=(0, None))
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("processor time (s)")
    figure.savefig(Path(__file__).parent / "cost.png", dpi=120, metadata={"Software": None})


def unit(runs: int, images: int = 4) -> None:
    """The cost of one more image with each method, and the model."""
    with tempfile.TemporaryDirectory() as folder:
        wide = [image for image in map(read_image, sorted(PHOTOS.glob("*.webp"))) if image.shape[1] == 768]
        for i, image in enumerate(wide[:images]):
            Pillow.fromarray(image).resize((WIDTH, HEIGHT)).save(Path(folder) / f"{i}.png")
        works = {
            f"{n} {m}": lambda n=n, m=m: run(n, BOTH_SIDES, (m,), folder, "imagenet")
            for m in MODELLED
            for n in (1, images)
        }
        found = medians(works, runs, time.process_time)
    seconds = {m: (found[f"{images} {m}"] - found[f"1 {m}"]) / (images - 1) for m in MODELLED}
    for method, took in seconds.items():
        print(f"{method}: {took:.2f} s of one core per image of {WIDTH}x{HEIGHT} over 21 SNRs", flush=True)
    per_unit = written(runs)
    print(f"handing out a unit and writing its rows: {1e3 * per_unit:.1f} ms of the one process that does it")
    whole = sum(seconds.values()) * MODELLED_IMAGES / 3600
    print(f"{MODELLED_IMAGES} images, {len(MODELLED)} methods: {whole:.0f} core hours", end="")
    for nodes in (1, 10, 100):
        print(f"; {nodes} node(s) of {CORES} cores: {hours(sum(seconds.values()), per_unit, nodes):.2f} h", end="")
    print()


def hours(image_seconds: float, unit_seconds: float, nodes: int) -> float:
    """The model: the work of all workers at an efficiency of 0.9, in whole rounds of units; or, if that is longer, the
    one process that hands out the units and writes their rows.

    image_seconds: core seconds of one image with all methods. unit_seconds: what a unit costs the one process.
    """
    images = max(1, min(MAX_IMAGES_PER_UNIT, PIXELS_PER_UNIT // (HEIGHT * WIDTH)))
    units = math.ceil(MODELLED_IMAGES / images) * len(MODELLED)
    rounds = math.ceil(units / (nodes * CORES))
    work = rounds * images * image_seconds / len(MODELLED) / EFFICIENCY
    return max(work, units * unit_seconds) / 3600


class Ready(InProcess):
    """Returns the rows that one unit really had, at once."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def submit(self, fn: Callable[..., list[Row]], /, *args: object, **kwargs: object) -> Future[list[Row]]:  # type: ignore[override]
        unit = args[0]
        assert isinstance(unit, Unit)
        return super().submit(lambda: [row | {"unit": unit.id} for row in self.rows])


def written(runs: int) -> float:
    """Wall-clock seconds that a unit costs the process that hands it out, from units of as many rows as the model's."""
    images = PIXELS_PER_UNIT // (HEIGHT * WIDTH)
    first = open_experiment(("jpeg",), DATASET, tuple(map(float, BOTH_SIDES)), task="", limit=images)
    pool: Any = Pool()
    pool.executor = Ready(measure(next(first.units())))
    opened = open_experiment(("jpeg",), DATASET, first.experiment.snr_db, task="", limit=WRITTEN_IMAGES)
    times = []
    for _ in range(runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            units = run_units(opened, Store(Path(folder)), pool).units
            times.append((time.perf_counter() - started) / len(units))
    return statistics.median(times[1:])


def main() -> None:
    """Both, or the part named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="grow,unit")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    parts = {"grow": grow, "unit": unit}
    for name in options.only.split(","):
        parts[name](options.runs)


if __name__ == "__main__":
    main()

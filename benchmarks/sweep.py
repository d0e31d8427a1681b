"""What a whole sweep costs: against the published way, over workers, and in memory.

    python benchmarks/sweep.py [--only published,workers,memory] [--runs 5]

The sweep is ``bpg`` over 21 SNRs on 96×96 images, without a task, from nothing: every run has new workers, whose memory
of encoded files is empty. Wall-clock seconds, medians, the works in turn.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from timing import medians

from baselines.source.search import largest_fitting
from linksim import registry
from linksim.channels.base import noise_variance
from linksim.link import Image, outage_image
from linksim.scoring.image_quality import psnr, ssim

DATASET = "stamps10/train"
PUBLISHED_IMAGES = 200
PROVEN_IMAGES = 40
SHARED_IMAGES = 768
"""24 units of work, which two workers share evenly, and enough that starting them is not what is measured."""
SAMPLE = (0.0, 5.0, 15.0, 20.0)
"""SNRs on either side of the cliff, where Sionna's 5G code and ours must deliver the same."""
MEMORY = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from sweep import sweep
sweep(int(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

Row = tuple[int, float, float, float]
"""Image, SNR in dB, PSNR in dB, SSIM."""


def sweep(images: int, workers: int = 0, dask: str = "") -> tuple[str, list[Row]]:
    """The summary and the rows. workers: processes; 0 for this one."""
    from linksim.cli.compare import make_pool
    from linksim.comparison import run_comparison
    from linksim.engine.opened import open_experiment
    from linksim.engine.pools import Pool
    from linksim.engine.store import Store

    pool = make_pool(workers, dask) if workers else Pool()
    opened = open_experiment(("bpg",), DATASET, task="", limit=images)
    try:
        with tempfile.TemporaryDirectory() as folder:
            run_comparison(opened, Path(folder), pool, figures=False)
            rows = Store(Path(folder)).read(opened.units(), ["image", "snr_db", "psnr", "ssim"])
            kept = rows[["image", "snr_db", "psnr", "ssim"]].itertuples(index=False, name=None)
            return (Path(folder) / "summary.csv").read_text(), list(kept)
    finally:
        pool.close()


def published_way(images: range) -> list[Row]:
    """What baselines in circulation do: for every image and every SNR bisect the QP, make Sionna's encoder and decoder,
    send, and decode what arrives by way of a file."""
    data = registry.dataset(DATASET)
    return [(i, snr_db, *transmitted(data[i].image, snr_db)) for i in images for snr_db in SAMPLE]


def transmitted(image: Image, snr_db: float) -> tuple[float, float]:
    """PSNR and SSIM of one image at one SNR; mid-grey where nothing can be decoded."""
    import torch
    from sionna.phy.channel import AWGN
    from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
    from sionna.phy.mapping import Constellation, Demapper, Mapper

    file = bisected(image, budget_bytes(image))
    bits = np.unpackbits(np.frombuffer(file, np.uint8))
    blocks = -(-len(bits) // 1458)
    padded = np.pad(bits, (0, blocks * 1458 - len(bits))).reshape(blocks, 1458)
    encoder = LDPC5GEncoder(1458, 1944)
    decoder = LDPC5GDecoder(encoder, num_iter=20)
    constellation = Constellation("qam", 4)
    symbols = Mapper(constellation=constellation)(encoder(torch.tensor(padded, dtype=torch.float32)))
    n0 = torch.tensor(noise_variance(snr_db))
    llr = Demapper("app", constellation=constellation)(AWGN()(symbols, n0), n0)
    decoded = decoder(llr).numpy().astype(np.uint8).ravel()[: len(bits)]
    shown = outage_image(image.shape)
    with tempfile.TemporaryDirectory() as folder:
        received = Path(folder) / "received.bpg"
        received.write_bytes(np.packbits(decoded).tobytes())
        if (decoded == bits).all():  # as a CRC would say: the file's own decoder conceals most damage
            shown = registry.codec("bpg").decode(received.read_bytes(), image.shape[:2])
    return psnr(image, shown), ssim(image, shown)


def budget_bytes(image: Image) -> int:
    """0.25 bits per pixel, in bytes."""
    return image.shape[0] * image.shape[1] // 32


def bisected(image: Image, max_bytes: int) -> bytes:
    """The better of the largest files that fit, 4:2:0 and 4:4:4, by plain bisection of the QP."""
    codec, files = registry.codec("bpg"), []
    for encode in codec.encoders(image):  # type: ignore[attr-defined]
        low, high, best = 0, 52, b""
        while low < high:
            middle = (low + high) // 2
            file = encode(middle)
            low, high, best = (low, middle, file) if len(file) <= max_bytes else (middle + 1, high, best)
        files.append(best)
    return max(filter(None, files), key=lambda file: psnr(image, codec.decode(file, image.shape[:2])))


def proofs(images: range) -> list[Callable[[], bytes]]:
    """The encoder runs that no search can save: for each sampling of colour the largest file that fits, and the next
    one, which does not."""
    codec, runs = registry.codec("bpg"), []
    data = registry.dataset(DATASET)
    for i in images:
        image = data[i].image
        for encode in codec.encoders(image):  # type: ignore[attr-defined]
            found = largest_fitting(
                encode,
                codec.qualities,
                budget_bytes(image),
                start=codec.start,  # type: ignore[attr-defined]
                doubling=codec.doubling,  # type: ignore[attr-defined]
                wiggle=codec.wiggle,  # type: ignore[attr-defined]
            )
            assert found is not None
            runs += [partial(encode, found.quality), partial(encode, found.quality - 1)]
    return runs


def against_published(runs: int) -> None:
    """The sweep beside the published way, whose cost is that of four images at four SNRs, scaled; and beside the
    encoder runs that it cannot do without."""
    images = range(0, PUBLISHED_IMAGES, PUBLISHED_IMAGES // 4)
    needed = proofs(range(0, PUBLISHED_IMAGES, PUBLISHED_IMAGES // PROVEN_IMAGES))
    works = {
        "published way": lambda: published_way(images),
        "sweep, 1 worker": lambda: sweep(PUBLISHED_IMAGES, 1),
        "sweep, 2 workers": lambda: sweep(PUBLISHED_IMAGES, 2),
        "x265": lambda: [encode() for encode in needed],
    }
    known = {(i, snr_db): score for i, snr_db, *score in sweep(PUBLISHED_IMAGES)[1]}
    differ = sum(not np.allclose(known[i, snr_db], score) for i, snr_db, *score in published_way(images))
    times = medians(works, runs)
    each = times["published way"] / (len(images) * len(SAMPLE))
    whole = each * PUBLISHED_IMAGES * 21
    print(
        f"\npublished way: {1e3 * each:.0f} ms per image and SNR, {whole:.0f} s for {PUBLISHED_IMAGES} images, 21 SNRs"
    )
    proven = len(needed) // PROVEN_IMAGES
    least = times["x265"] * PUBLISHED_IMAGES / PROVEN_IMAGES
    for name in ("sweep, 1 worker", "sweep, 2 workers"):
        per_image = 1e3 * times[name] / PUBLISHED_IMAGES
        print(f"{name}: {times[name]:.2f} s, {per_image:.1f} ms per image, {whole / times[name]:.0f} times as fast")
    print(f"{differ} of {len(images) * len(SAMPLE)} of its rows differ")
    print(f"{proven} runs of x265 per image, fewest to prove which files are the largest to fit: {least:.2f} s")
    print(
        f"those alone: {whole / least:.0f} times as fast with one worker, {2 * whole / least:.0f} with two", flush=True
    )


def forget() -> None:
    """Make a process that has swept before as good as new."""
    from baselines import separate
    from linksim.engine import measure, score

    for memory in (separate.encoded_files, measure.shared, score.remembering):
        memory.cache_clear()


def over_workers(runs: int) -> None:
    """One worker, two, and two of Dask's."""
    from distributed import LocalCluster

    summaries: dict[str, str] = {}

    def run(name: str, workers: int, dask: str = "") -> None:
        summaries[name] = sweep(SHARED_IMAGES, workers, dask)[0]

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        cluster.get_client() as client,
    ):

        def on_dask() -> None:
            client.run(forget)
            run("Dask, 2 workers", 2, cluster.scheduler_address)

        works = {
            "1 worker": lambda: run("1 worker", 1),
            "2 workers": lambda: run("2 workers", 2),
            "Dask, 2 workers": on_dask,
        }
        times = medians(works, runs)
    print(f"\n{SHARED_IMAGES} images: " + ", ".join(f"{name} {took:.2f} s" for name, took in times.items()))
    print(f"two workers against one: {times['1 worker'] / times['2 workers']:.2f}x")
    print(f"two of Dask's, which are there already, against one: {times['1 worker'] / times['Dask, 2 workers']:.2f}x")
    print(f"summaries identical: {len(set(summaries.values())) == 1}", flush=True)


def memory(runs: int) -> None:
    """Peak resident memory of one process that does all of it."""

    def peak(images: int) -> float:
        command = [sys.executable, "-c", MEMORY, str(Path(__file__).parent), str(images)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1024

    peaks = [(peak(400), peak(4000)) for _ in range(runs)]
    small, large = (statistics.median(column) for column in zip(*peaks, strict=True))
    print(f"\npeak memory: {small:.0f} MB at 400 images, {large:.0f} MB at 4000: {large / small:.2f}x", flush=True)


def main() -> None:
    """Run all of it, or the parts named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="published,workers,memory")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    parts = {"published": against_published, "workers": over_workers, "memory": memory}
    for name in options.only.split(","):
        parts[name](options.runs)


if __name__ == "__main__":
    main()

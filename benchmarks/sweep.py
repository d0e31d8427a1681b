"""The cost of a whole sweep: against the published way, over workers, and in memory.

    python benchmarks/sweep.py            # prints a table and writes benchmarks/results/sweep.json

Every ratio comes from runs of the same work, one after the other in the same call; figures are medians.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results" / "sweep.json"


def seconds(work: Callable[[], object], runs: int) -> list[float]:
    """Wall-clock seconds of each of some runs."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times


def sweep(images: int, workers: int, dask: str = "") -> None:
    """A full ``bpg`` sweep over 21 SNRs, without a task, from nothing."""
    from linksim.cli.compare import make_pool
    from linksim.comparison import run_comparison
    from linksim.experiment import Experiment
    from linksim.runner import Pool

    experiment = Experiment(("bpg",), "stamps10", task="", limit=images)
    pool = Pool() if workers == 0 else make_pool(workers, dask)
    try:
        with tempfile.TemporaryDirectory() as folder:
            run_comparison(experiment, Path(folder), pool, figures=False)
    finally:
        pool.close()


def published_way(images: int, snrs: list[float]) -> list[tuple[int, float, bool]]:
    """What a baseline written in a hurry does: for every image and every SNR encode the image, make Sionna's encoder
    and decoder, send, and decode a file. Returns (image, SNR, delivered)."""
    import torch
    from sionna.phy.channel import AWGN
    from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
    from sionna.phy.mapping import Constellation, Demapper, Mapper

    from linksim import registry

    codec, data = registry.codec("bpg"), registry.dataset("stamps10")
    rows = []
    for i in range(images):
        image = data[i].image
        for snr_db in snrs:
            file = codec.encode_to_budget(image, image.shape[0] * image.shape[1] // 32)
            assert file is not None
            bits = np.unpackbits(np.frombuffer(file, np.uint8))
            blocks = -(-len(bits) // 1458)
            padded = np.pad(bits, (0, blocks * 1458 - len(bits))).reshape(blocks, 1458)
            encoder = LDPC5GEncoder(1458, 1944)
            decoder = LDPC5GDecoder(encoder, num_iter=20)
            constellation = Constellation("qam", 4)
            symbols = Mapper(constellation=constellation)(encoder(torch.tensor(padded, dtype=torch.float32)))
            n0 = torch.tensor(10 ** (-snr_db / 10))
            llr = Demapper("app", constellation=constellation)(AWGN()(symbols, n0), n0)
            decoded = decoder(llr).numpy().astype(np.uint8).ravel()[: len(bits)]
            with tempfile.NamedTemporaryFile(suffix=".bpg") as out:
                out.write(np.packbits(decoded).tobytes())
                out.flush()
                with contextlib.suppress(ValueError):
                    codec.decode(Path(out.name).read_bytes(), image.shape[:2])
            rows.append((i, snr_db, bool((decoded == bits).all())))
    return rows


def peak_megabytes(images: int) -> float:
    """Peak resident memory of a process, and the largest of its workers, that sweeps so many images."""
    code = (
        "import resource, sys; sys.path.insert(0, sys.argv[1]); from benchmarks.sweep import sweep; "
        f"sweep({images}, 1); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "
        "resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    root = str(Path(__file__).parent.parent)
    shown = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True, check=True)
    return max(map(int, shown.stdout.split())) / 1024


def main() -> None:
    """Run all of it, or the parts named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--only", default="published,workers,dask,memory")
    options = parser.parse_args()
    parts = options.only.split(",")
    found: dict[str, object] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    found |= {"machine": f"{platform.machine()}, {os.cpu_count()} processors", "images": options.images}
    sweep(8, 0)  # compile

    one = seconds(lambda: sweep(options.images, 1), options.runs)
    found["sweep, 1 worker (s)"] = statistics.median(one)
    if "published" in parts:
        snrs = [0.0, 5.0, 10.0, 15.0, 20.0]
        published_way(1, snrs[:1])
        each = statistics.median(seconds(lambda: published_way(2, snrs), options.runs)) / (2 * len(snrs))
        whole = each * options.images * 21
        found["published way, per image and SNR (ms)"] = 1000 * each
        found["published way / sweep with 1 worker"] = whole / statistics.median(one)
    if "workers" in parts:
        two = seconds(lambda: sweep(options.images, 2), options.runs)
        found["sweep, 2 workers (s)"] = statistics.median(two)
        found["1 worker / 2 workers"] = statistics.median(one) / statistics.median(two)
        if "dask" in parts:
            from distributed import LocalCluster

            with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
                sweep(8, 2, cluster.scheduler_address)
                dask = seconds(lambda: sweep(options.images, 2, cluster.scheduler_address), options.runs)
            found["pool / Dask, 2 workers each"] = statistics.median(two) / statistics.median(dask)
    if "memory" in parts:
        small, large = peak_megabytes(400), peak_megabytes(4000)
        found |= {"peak MB at 400 images": small, "peak MB at 4000 images": large, "4000 / 400": large / small}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    print("\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()

"""The command of ``make compare`` in cold processes, and where its time goes.

    python benchmarks/compare.py [--runs 5]

Wall-clock seconds of whole processes that start from nothing but the compiled code's cache; then the processor seconds
of the same work in one process, by the function that spent them (a profile, so a little above the plain run's).
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = "compare --methods jpeg,webp,bpg --snr 0:20 --dataset photos --bpp 0.5"
STAGES = {  # functions by (file name, function), each with all it calls
    "x265": ("heif.py", "encode_planes"),
    "libwebp and libjpeg": ("pillow_codec.py", "save"),
    "noise": ("channel.py", "transmit"),
    "demapping": ("modulation.py", "demap"),
    "channel decoding": ("decoder.py", "decode"),
    "source decoding": ("separate.py", "_decode"),
    "SSIM": ("metrics.py", "ssim"),
    "figures": ("plots.py", "save_all"),
    "report": ("__init__.py", "write_report"),
}


def cold() -> float:
    """Wall-clock seconds of one run in its own process."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        command = [sys.executable, "-m", "linksim", *shlex.split(COMMAND), "--out", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - started


def profile() -> tuple[float, dict[str, float]]:
    """Processor seconds of the run in this process alone, in all and by stage."""
    from linksim.comparison import run_comparison
    from linksim.engine.opened import open_experiment
    from linksim.engine.pools import Pool
    from linksim.link import Budget

    opened = open_experiment(("jpeg", "webp", "bpg"), "photos", budgets=(Budget("bpp", 0.5),))
    profiler = cProfile.Profile(time.process_time)
    with tempfile.TemporaryDirectory() as folder:
        profiler.runcall(run_comparison, opened, Path(folder), Pool())
    stats = pstats.Stats(profiler)
    spent = {
        stage: sum(
            row[3]
            for (file, _, name), row in stats.stats.items()  # type: ignore[attr-defined]
            if name == function and Path(file).name == base and ("report" in file or base != "__init__.py")
        )
        for stage, (base, function) in STAGES.items()
    }
    return stats.total_tt, spent  # type: ignore[attr-defined]


def main() -> None:
    """Time whole runs, then look inside one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    times = [cold() for _ in range(options.runs)]
    if times:
        shown = ", ".join(f"{seconds:.1f}" for seconds in times)
        print(f"linksim {COMMAND}: median {statistics.median(times):.1f} s of {shown}", flush=True)
    total, spent = profile()
    print(f"in one process: {total:.1f} s of processor time")
    for stage, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {stage:24} {seconds:5.1f} s")
    print("  (figures and report contain some of the others' calls)")


if __name__ == "__main__":
    main()

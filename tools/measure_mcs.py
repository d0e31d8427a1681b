"""Measure where each 802.11n rate and modulation reaches a block error rate of 1e-2 and 1e-3 over AWGN.

Writes baselines/mcs.json, which the ``adaptive`` links read. From a point where most blocks fail the SNR goes up in
steps until the lower target is passed; between the points on either side of a target log10(BLER) is taken as linear.

    python tools/measure_mcs.py [--block-errors 100] [--seed 0] [--out baselines/mcs.json]
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from baselines.ber import ErrorCounts, Simulation
from baselines.capacity import constellation_snr_db
from baselines.fec.wifi import RATES, WifiLDPC
from baselines.modulation import NAMES, modulation

TARGETS = {"1e-2": 1e-2, "1e-3": 1e-3}
STEP_DB = 0.1
LOST = 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--block-errors", type=int, default=100, help="wrong blocks after which an SNR is done")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="threads; they do not change the numbers")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "baselines" / "mcs.json")
    options = parser.parse_args()
    schemes = []
    for name in NAMES:
        for rate in RATES:
            code = WifiLDPC(1944, rate)
            simulation = Simulation(
                code, modulation(name), 10**6, options.block_errors, options.seed, workers=options.workers
            )
            schemes.append(measure(simulation, f"ldpc-{rate}"))
            print(name, rate, schemes[-1]["snr_db"], flush=True)
    table = {
        "about": "SNR (Es/N0, dB, AWGN) at which full-length blocks reach a block error rate",
        "command": f"python tools/measure_mcs.py --block-errors {options.block_errors} --seed {options.seed}",
        "decoder": simulation.code.identity()["decoder"],
        "demapper": simulation.demapper,
        "schemes": schemes,
    }
    options.out.write_text(json.dumps(table, indent=1) + "\n")


def measure(simulation: Simulation, name: str) -> dict[str, Any]:
    """Thresholds of a code and modulation, and the counts they come from."""
    points: list[ErrorCounts] = []
    limit = constellation_snr_db(simulation.modulation, simulation.bits_per_use)
    snr_db = math.ceil(limit / STEP_DB) * STEP_DB
    while not points or points[-1].bler > min(TARGETS.values()):
        (counts,) = simulation.run([round(snr_db, 6)])
        points = [counts] if counts.bler > LOST else [*points, counts]
        snr_db += STEP_DB
    return {
        "code": name,
        "modulation": simulation.modulation.name,
        "bits_per_use": simulation.bits_per_use,
        "snr_db": {text: round(crossing(points, target), 2) for text, target in TARGETS.items()},
        "points": [{"snr_db": p.snr_db, "blocks": p.blocks, "block_errors": p.block_errors} for p in points],
    }


def crossing(points: list[ErrorCounts], target: float) -> float:
    """The SNR at which the line through the points on either side of the target reaches it."""
    below = next(i for i, p in enumerate(points) if p.bler <= target)
    before, after = points[below - 1], points[below]
    fall = math.log10(before.bler) - math.log10(max(after.bler, 0.5 / after.blocks))
    share = (math.log10(before.bler) - math.log10(target)) / fall
    return before.snr_db + share * (after.snr_db - before.snr_db)


if __name__ == "__main__":
    main()

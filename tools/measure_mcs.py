"""Measure the block error rate of every code, modulation and block length of the ladders over AWGN.

Writes baselines/mcs.json, which the ``adaptive`` links read. The waterfall of a curve is walked in steps, from where
nine blocks in ten are lost to where one in fifty is, and BLER = Q((SNR − median) / spread), in dB, is fitted to the
counts by maximum likelihood. A curve is stored as soon as it is measured; rerunning resumes. The file also holds the
mutual information of each constellation.

    python tools/measure_mcs.py [--block-errors 100] [--max-blocks 1024] [--seed 0] [--out baselines/mcs.json]
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.stats import norm

from baselines.ber import ErrorCounts, Simulation
from baselines.capacity import constellation_capacity, constellation_snr_db
from baselines.fec.wifi import RATES
from baselines.modulation import NAMES, modulation
from linksim import registry
from linksim.files import write_atomically

NR = {
    "qpsk": "30 40 50 64 78 99 120 157 193 251 308 379 449 526 602 679",
    "16qam": "340 378 434 490 553 616 658",
    "64qam": "438 466 517 567 616 666 719 772 822 873 910 948",
    "256qam": "682.5 711 754 797 841 885 916.5 948",
    "1024qam": "805.5 853 900.5 948",
}
"""Rates · 1024 by modulation: the union of tables 5.1.3.1-1 to -4 of 3GPP TS 38.214."""
GRID_DB = list(range(-25, 46))
"""SNRs at which mutual information is kept."""
COARSE_DB = 0.5
LOST, ENOUGH = 0.9, 0.02
FIRST = 256
"""Blocks that tell where the waterfall is."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--block-errors", type=int, default=100, help="wrong blocks after which an SNR is done")
    parser.add_argument("--max-blocks", type=int, default=1024, help="blocks after which an SNR is done")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "baselines" / "mcs.json")
    options = parser.parse_args()
    settings = f"--block-errors {options.block_errors} --max-blocks {options.max_blocks} --seed {options.seed}"
    table = {
        "about": "block error rates over AWGN: Q((SNR - median) / spread), Es/N0 in dB; points: SNR, blocks, wrong",
        "command": f"python tools/measure_mcs.py {settings}",
        "information": {"snr_db": GRID_DB, **{name: information(name) for name in NAMES}},
        "curves": [],
    }
    earlier = json.loads(options.out.read_text()) if options.out.exists() else {}
    curves = earlier["curves"] if earlier.get("command") == table["command"] else []
    done = {(curve["code"], curve["modulation"], curve["bits"]): curve for curve in curves}
    for name, code, bits in ladder():
        if (code, name, bits) not in done:
            simulation = Simulation(
                registry.code(code),
                modulation(name),
                options.max_blocks,
                options.block_errors,
                options.seed,
                length=bits,
            )
            curve = {"code": code, "modulation": name, "bits": bits, **measure(simulation)}
            done[code, name, bits] = curve
            print(code, name, bits, curve["median_db"], curve["spread_db"], flush=True)
        table["curves"] = list(done.values())
        write_atomically(options.out, text(table).encode())


def ladder() -> Iterator[tuple[str, str, int]]:
    """Modulation, code, and information bits of a block, of every curve."""
    for name, rates in NR.items():
        for rate in rates.split():
            code = f"nr-ldpc-{Fraction(rate) / 1024}"
            yield from ((name, code, bits) for bits in (400, 1800, registry.code(code).k))
    for name in NAMES:
        for rate in RATES:
            k = registry.code(f"ldpc-{rate}").k
            yield from ((name, f"ldpc-{rate}", bits) for bits in (k // 4, k // 2, k))


def information(name: str) -> list[float]:
    """Mutual information of a symbol's bits and their LLRs at ``GRID_DB``, in bits per use."""
    qam = modulation(name)
    return [round(constellation_capacity(qam, snr_db, bitwise=True), 6) for snr_db in GRID_DB]


def measure(simulation: Simulation) -> dict[str, Any]:
    """The fitted curve, and the counts it comes from."""
    step = 0.1 if simulation.length > 3000 else 0.2 if simulation.length > 800 else 0.3
    coarse = Simulation(simulation.code, simulation.modulation, FIRST, FIRST, simulation.seed, length=simulation.length)
    snr_db = math.ceil(constellation_snr_db(simulation.modulation, simulation.bits_per_use) / COARSE_DB) * COARSE_DB
    while coarse.run([snr_db])[0].bler > 0.5:
        snr_db += COARSE_DB
    points = simulation.run([snr_db])
    while points[0].bler < LOST:
        points = simulation.run([round(points[0].snr_db - step, 6)]) + points
    while points[-1].bler > ENOUGH:
        points += simulation.run([round(points[-1].snr_db + step, 6)])
    median, spread = fit(points)
    return {
        "median_db": round(median, 3),
        "spread_db": round(spread, 4),
        "points": [[p.snr_db, p.blocks, p.block_errors] for p in points],
    }


def fit(points: list[ErrorCounts]) -> tuple[float, float]:
    """Median and spread (dB) under which the counts are the most likely."""
    snr_db, blocks, wrong = (np.array([getattr(p, n) for p in points]) for n in ("snr_db", "blocks", "block_errors"))

    def unlikeliness(parameters: np.ndarray[Any, Any]) -> float:
        ratio = (snr_db - parameters[0]) / math.exp(parameters[1])
        return float(-(wrong * norm.logsf(ratio) + (blocks - wrong) * norm.logcdf(ratio)).sum())

    found = minimize(unlikeliness, [snr_db.mean(), math.log(0.3)], method="Nelder-Mead", options={"xatol": 1e-5})
    return float(found.x[0]), math.exp(float(found.x[1]))


def text(table: dict[str, Any]) -> str:
    """JSON with a line for each constellation and each curve."""
    information = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in table["information"].items())
    curves = ",\n".join(f"  {json.dumps(curve)}" for curve in table["curves"])
    head = "".join(f" {json.dumps(key)}: {json.dumps(table[key])},\n" for key in ("about", "command"))
    return f'{{\n{head} "information": {{\n{information}\n }},\n "curves": [\n{curves}\n ]\n}}\n'


if __name__ == "__main__":
    main()

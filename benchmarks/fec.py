"""The channel code and its chain: speed and block error rate beside Sionna and the ``ldpc`` package.

    python benchmarks/fec.py [--only decode,bler,chain,first] [--frames 512] [--bler-frames 20000] [--runs 5]

The code is IEEE 802.11n LDPC, 1944 bits, rate 3/4, over 16-QAM and AWGN, at most 20 iterations; the chain is also that
of 5G NR LDPC, 8448 bits, rate 1/2, over QPSK. One thread; rates are in information bits per second of processor time,
so that other programs on the machine disturb them less. All decoders get the same frames, and what is theirs to prepare
(signs, probabilities, syndromes) is ready before the clock starts.
Needs ``pip install 'linksim-jscc[benchmarks]'``.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from timing import medians

from baselines.fec.base import ChannelCode
from baselines.fec.decoder import Decoder
from baselines.fec.nr import NRLDPC
from baselines.fec.rules import NormalisedMinSum, Rule, SumProduct
from baselines.fec.wifi import WifiLDPC
from baselines.modulation import QAM
from linksim.channels.awgn import AWGN
from linksim.channels.base import complex_normal, noise_variance
from linksim.scoring.intervals import wilson

ITERATIONS = 20
BATCH = 64
SNRS = (10.5, 15.5)
CODE = WifiLDPC()
QAM16 = QAM(4)
FIRST_CALL = """
import time
started = time.perf_counter()
import numpy as np
from baselines.fec.wifi import WifiLDPC
from baselines.modulation import QAM
imported = time.perf_counter()
code, qam, lengths = WifiLDPC(), QAM(4), np.full(64, 1458)
symbols = qam.map(code.encode(np.zeros(64 * 1458, np.uint8), lengths))
code.decode(qam.demap(symbols, 0.1), lengths)
print(imported - started, time.perf_counter() - imported)
"""


def draw(frames: int, snr_db: float, seed: int = 0) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Random information bits and the LLRs of their codewords, (frames, 1458) and (frames, 1944)."""
    stream = np.random.Generator(np.random.Philox(seed))
    bits = stream.integers(0, 2, frames * CODE.k, np.uint8)
    symbols = QAM16.map(CODE.encode(bits, np.full(frames, CODE.k)))
    noise_var = noise_variance(snr_db)
    llr = QAM16.demap(symbols + complex_normal(stream, symbols.size, noise_var), noise_var)
    return bits.reshape(frames, -1), llr.reshape(frames, -1)


def matrix() -> npt.NDArray[np.uint8]:
    """The parity-check matrix, dense."""
    dense = np.zeros((CODE.n - CODE.k, CODE.n), np.uint8)
    for row, (start, stop) in enumerate(pairwise(CODE.graph.rows)):
        dense[row, CODE.graph.columns[start:stop]] = 1
    return dense


def sionna_decoder() -> Callable[[Any], Any]:
    """Sionna's default decoder: all codeword bits of a batch of LLRs of its own sign."""
    from sionna.phy.fec.ldpc import LDPCBPDecoder

    return LDPCBPDecoder(matrix(), cn_update="boxplus-phi", num_iter=ITERATIONS)  # type: ignore[no-any-return]


def ours(llr: npt.NDArray[np.float32], decoder: Any = CODE) -> npt.NDArray[np.uint8]:
    """Information bits, (frames, 1458)."""
    bits: npt.NDArray[np.uint8] = decoder.decode(llr.reshape(-1), np.full(len(llr), CODE.k))[0]
    return bits.reshape(len(llr), -1)


def decode(frames: int, snr_db: float, runs: int) -> None:
    """Speed of the decoders on the same frames."""
    import torch
    from ldpc import BpDecoder

    torch.set_num_threads(1)
    bits, llr = draw(frames, snr_db)
    dense, theirs = matrix(), sionna_decoder()
    batches = torch.tensor(-llr).split(BATCH)
    hard = (llr < 0).astype(np.uint8)
    syndromes = (hard @ dense.T.astype(np.int64) % 2).astype(np.uint8)
    doubts = [list(row) for row in 1 / (1 + np.exp(np.abs(llr.astype(float))))]
    package = BpDecoder(
        dense, error_channel=doubts[0], max_iter=ITERATIONS, bp_method="minimum_sum", ms_scaling_factor=0.75
    )

    def sionna() -> npt.NDArray[np.uint8]:
        with torch.inference_mode():
            return torch.cat([theirs(batch) for batch in batches]).numpy()[:, : CODE.k]

    def ldpc() -> npt.NDArray[np.uint8]:
        errors = []
        for doubt, syndrome in zip(doubts, syndromes, strict=True):
            package.update_channel_probs(doubt)
            errors.append(package.decode(syndrome))
        return (hard ^ np.array(errors))[:, : CODE.k]

    def reference(rule: Rule) -> Callable[[], npt.NDArray[np.uint8]]:
        decoder = Decoder(CODE.graph, CODE.n, CODE.k, rule=rule, iterations=ITERATIONS)
        return lambda: ours(llr, decoder)

    works: dict[str, Callable[[], npt.NDArray[np.uint8]]] = {
        "linksim, int8 offset min-sum": lambda: ours(llr),
        "linksim, float32 normalised min-sum": reference(NormalisedMinSum()),
        "linksim, float32 sum-product": reference(SumProduct()),
        "ldpc package, C++ min-sum (0.75)": ldpc,
        f"Sionna boxplus-phi, batches of {BATCH}": sionna,
    }
    wrong = {name: int((work() != bits).any(axis=1).sum()) for name, work in works.items()}
    seconds = medians(works, runs, time.process_time)
    fastest = min(seconds.values())
    print(f"\ndecoding at {snr_db} dB, {frames} frames, medians of {runs} runs")
    print(f"{'decoder':38} {'Mb/s':>9} {'linksim is faster by':>21} {'wrong frames':>13}")
    for name, took in seconds.items():
        rate = frames * CODE.k / took / 1e6
        print(f"{name:38} {rate:9.3f} {took / fastest:20.1f}x {wrong[name]:13d}", flush=True)


def bler(frames: int) -> None:
    """Wrong frames of ours and of Sionna's default decoder, of the same frames."""
    import torch

    torch.set_num_threads(1)
    theirs = sionna_decoder()
    print(f"\n{'dB':>5} {'frames':>7} {'linksim wrong':>14} {'Sionna wrong':>13} {'only ours':>10} {'only theirs':>12}")
    for snr_db in (10.6, 10.8):
        a, b = [], []
        for seed in range(-(-frames // 512)):
            bits, llr = draw(min(512, frames - 512 * seed), snr_db, seed)
            a.append((ours(llr) != bits).any(axis=1))
            with torch.inference_mode():
                b.append((theirs(torch.tensor(-llr)).numpy()[:, : CODE.k] != bits).any(axis=1))
        own, other = np.concatenate(a), np.concatenate(b)
        only_own, only_other = int((own & ~other).sum()), int((other & ~own).sum())
        counts = f"{snr_db:5.1f} {frames:7d} {own.sum():14d} {other.sum():13d} {only_own:10d} {only_other:12d}"
        ends = " ".join("{:.5f} [{:.5f}, {:.5f}]".format(w.mean(), *wilson(w.sum(), frames)) for w in (own, other))
        excess = (only_own - only_other) / math.sqrt(max(1, only_own + only_other))
        print(f"{counts}  BLER ours, theirs: {ends}; McNemar {excess:+.1f} deviations", flush=True)


def chain(code: ChannelCode, qam: QAM, frames: int, snr_db: float, runs: int) -> None:
    """The whole chain on one core, and its steps."""
    lengths = np.full(frames, code.k)
    noise_var, stream = noise_variance(snr_db), np.random.Generator(np.random.Philox(1))
    sent = stream.integers(0, 2, frames * code.k, np.uint8)

    def noisy(symbols: npt.NDArray[np.complex64]) -> npt.NDArray[np.complex64]:
        return AWGN().transmit_one(symbols, noise_var, stream)[0]

    coded = code.encode(sent, lengths)
    symbols = qam.map(coded)
    received = noisy(symbols)
    llr = qam.demap(received, noise_var)
    works: dict[str, Callable[[], object]] = {
        "encode": lambda: code.encode(sent, lengths),
        "map": lambda: qam.map(coded),
        "noise": lambda: noisy(symbols),
        "demap": lambda: qam.demap(received, noise_var),
        "(max-log)": lambda: qam.demap(received, noise_var, "maxlog"),
        "decode": lambda: code.decode(llr, lengths),
        "chain": lambda: code.decode(qam.demap(noisy(qam.map(code.encode(sent, lengths))), noise_var), lengths),
    }
    seconds = medians(works, runs, time.process_time)
    print(f"\n{code.name}, {qam.name}, {snr_db} dB, {frames} frames, Mb/s of information")
    print("".join(f" {name:>9}" for name in works))
    print("".join(f" {sent.size / took / 1e6:9.0f}" for took in seconds.values()), flush=True)


def first(runs: int) -> None:
    """Seconds until the first 64 frames went through a new process, without and with numba's cache on disk."""
    with tempfile.TemporaryDirectory() as folder:
        shown = []
        for _ in range(1 + runs):
            environment = os.environ | {"NUMBA_CACHE_DIR": folder}
            out = subprocess.run([sys.executable, "-c", FIRST_CALL], capture_output=True, env=environment, check=True)
            shown.append([float(word) for word in out.stdout.split()])
    (_, compiled), cached = shown[0], np.median(shown[1:], axis=0)
    print(f"\nfirst call: {compiled:.1f} s without a cache (compiles), {cached[1]:.2f} s with one", end="")
    print(f"; the imports before it take {cached[0]:.2f} s", flush=True)


def main() -> None:
    """Run all of it, or the parts named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="decode,bler,chain,first")
    parser.add_argument("--frames", type=int, default=512)
    parser.add_argument("--bler-frames", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    parts = options.only.split(",")
    if "decode" in parts:
        for snr_db in SNRS:
            decode(options.frames, snr_db, options.runs)
    if "chain" in parts:
        for snr_db in SNRS:
            chain(CODE, QAM16, 8 * options.frames, snr_db, options.runs)
        chain(NRLDPC(Fraction(1, 2)), QAM(2), options.frames, 1.5, options.runs)
    if "first" in parts:
        first(options.runs)
    if "bler" in parts:
        bler(options.bler_frames)


if __name__ == "__main__":
    main()

"""OFDM over multipath beside Sionna's own blocks, and what a fading channel costs in time.

    python benchmarks/channels.py [--only bler,cost] [--blocks 2000] [--runs 5]

bler: a slot carries one 5G LDPC codeword of rate 1/2 in QPSK over TDL-C of 300 ns at 30 km/h, with perfect CSI and with
least-squares estimates. Sionna's link is its resource grid, channel, estimator, LMMSE equaliser and demapper with the
same numbers; both links use Sionna's encoder and decoder, so all that differs is the link layer. Sionna takes N0 for
the error of every interpolated estimate; "ls, errors given" gives its equaliser the true ones, 0.25 to 1.5 times N0.

cost: a sweep of bpg over 21 SNRs on 64 images, from the encoder to the scores, over each channel against AWGN, in
processor time.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from timing import medians

from baselines.modulation import QAM
from linksim import registry
from linksim.channels.base import noise_stream, noise_variance
from linksim.channels.estimation import estimation
from linksim.channels.ofdm import OFDM
from linksim.channels.resource_grid import ResourceGrid
from linksim.channels.settings import CARRIER_HZ
from linksim.link import Link, LinkOptions
from linksim.scoring.image_quality import psnr, ssim
from linksim.scoring.intervals import wilson

SPEC = "tdl-c-300ns@30kmh"
SPEED = 30 / 3.6
QPSK = QAM(2)
GRID = ResourceGrid()
CODED = 2 * int(GRID.data_before[-1])
BATCH = 100
CHANNELS = (
    "awgn",
    "rayleigh-block",
    "tdl-c-300ns",
    "tdl-c-300ns@30kmh",
    "tdl-c-300ns@30kmh+ls",
    "tdl-c-300ns@30kmh+lmmse",
    "cdl-c-300ns@30kmh",
)

Batch = Callable[[float, int], npt.NDArray[np.bool_]]
"""Which blocks of a batch, at an Es/N0 in dB, are wrong."""


def our_link(estimator: str, encoder: Any, decoder: Any) -> Batch:
    """This project's grid, channel, estimator, equaliser and demapper."""
    import torch

    channel = registry.channel(f"{SPEC}+{estimator.split(',')[0]}")
    assert isinstance(channel, OFDM)

    def batch(snr_db: float, number: int) -> npt.NDArray[np.bool_]:
        bits = np.random.default_rng(number).integers(0, 2, (BATCH, CODED // 2)).astype(np.float32)
        coded = encoder(torch.tensor(bits)).numpy().astype(np.uint8)
        streams = [noise_stream(number, f"slot {i}", snr_db, 0) for i in range(BATCH)]
        offsets = np.arange(BATCH + 1) * (CODED // 2)
        llr = QPSK.demap(*channel.transmit(QPSK.map(coded.ravel()), offsets, snr_db, streams))
        decoded = decoder(torch.tensor(-llr.reshape(BATCH, CODED))).numpy()  # Sionna's LLRs have the other sign
        return np.asarray((decoded != bits).any(1))

    return batch


def their_link(estimator: str, encoder: Any, decoder: Any) -> Batch:
    """Sionna's."""
    import torch
    from sionna.phy import channel, mapping, mimo, ofdm

    grid = ofdm.ResourceGrid(14, 128, 30e3, cyclic_prefix_length=9, num_guard_carriers=(4, 3), dc_null=True)
    grid.pilot_pattern = ofdm.PilotPattern(
        GRID.is_pilot[None, None].astype(np.int32), GRID.known[GRID.is_pilot][None, None]
    )
    model = channel.tr38901.TDL("C", 300e-9, CARRIER_HZ, min_speed=SPEED)
    air = channel.OFDMChannel(model, grid, return_channel=True)
    put, mapper, demapper = ofdm.ResourceGridMapper(grid), mapping.Mapper("qam", 2), mapping.Demapper("app", "qam", 2)
    estimate = ofdm.LSChannelEstimator(grid, interpolation_type="lin")
    equalise = ofdm.LMMSEEqualizer(grid, mimo.StreamManagement(np.ones((1, 1)), 1))
    strip = ofdm.RemoveNulledSubcarriers(grid)

    def errors(n0: float) -> npt.NDArray[np.floating[Any]]:
        multipath = registry.channel(SPEC).multipath  # type: ignore[attr-defined]
        return estimation("ls", GRID, multipath, GRID.symbols, 1.0, n0)[1].reshape(GRID.symbols, -1)

    def batch(snr_db: float, number: int) -> npt.NDArray[np.bool_]:
        torch.manual_seed(number)
        no = torch.tensor(noise_variance(snr_db), dtype=torch.float32)
        bits = torch.randint(0, 2, (BATCH, 1, 1, CODED // 2)).float()
        received, gains = air(put(mapper(encoder(bits))), no)
        guess, off = (strip(gains), torch.tensor(0.0)) if estimator == "perfect" else estimate(received, no)
        if estimator == "ls, errors given":
            off = torch.tensor(errors(float(no)), dtype=torch.float32).expand(guess.shape)
        symbols, variance = equalise(received, guess, off, no)
        return np.asarray((decoder(demapper(symbols, variance)) != bits).any(-1).ravel())

    return batch


def bler(blocks: int) -> Iterator[str]:
    """Block error rates of both links and their 95 % intervals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sionna.phy import config
        from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
    config.seed = 1
    encoder = LDPC5GEncoder(CODED // 2, CODED)
    decoder = LDPC5GDecoder(encoder, return_infobits=True, num_iter=20, hard_out=True)
    yield f"TDL-C 300 ns, 30 km/h, QPSK, LDPC ({CODED}, {CODED // 2}), {blocks} blocks; BLER ours, Sionna's [95 %]"
    for estimator in ("perfect", "ls", "ls, errors given"):
        links = [make(estimator, encoder, decoder) for make in (our_link, their_link)]
        for snr_db in (2.0, 5.0, 8.0):
            wrong = [sum(int(link(snr_db, number).sum()) for number in range(blocks // BATCH)) for link in links]
            total = blocks // BATCH * BATCH
            shown = ["{:.4f} [{:.4f}, {:.4f}]".format(count / total, *wilson(count, total)) for count in wrong]
            pooled = sum(wrong) / total / 2
            apart = (wrong[0] - wrong[1]) / total / np.sqrt(2 * pooled * (1 - pooled) / total)
            yield f"{estimator:18s}{snr_db:4g} dB   {'   '.join(shown)}   {apart:+.1f} deviations apart"


def cost(runs: int) -> Iterator[str]:
    """Seconds of a sweep over each channel, and against AWGN."""
    data = registry.dataset("stamps10")
    samples = [data[i] for i in range(64)]
    images, keys = [s.image for s in samples], [s.key for s in samples]

    def sweep(name: str, link: Link, sent: Any = None) -> None:
        channel, known = registry.channel(name), set()
        sent = sent or link.send(images)
        for snr_db in np.arange(21.0):
            streams = [noise_stream(0, key, snr_db, 0) for key in keys]
            got = link.receive(*channel.transmit(sent.symbols, sent.offsets, snr_db, streams), sent.header)
            for image, shown in zip(images, got.images, strict=True):
                if (content := (id(image), shown.tobytes())) not in known:
                    known.add(content)
                    psnr(image, shown), ssim(image, shown)

    from baselines.separate import encoded_files

    def whole(name: str) -> None:
        encoded_files.cache_clear()
        sweep(name, registry.link("bpg", LinkOptions()))

    link = registry.link("bpg", LinkOptions())
    sent = link.send(images)
    alone = medians({n: lambda n=n: sweep(n, link, sent) for n in CHANNELS}, runs, time.process_time)  # type: ignore[misc]
    all_in = medians({n: lambda n=n: whole(n) for n in ("awgn", SPEC)}, runs, time.process_time)  # type: ignore[misc]
    yield "bpg, 64 images, 21 SNRs, processor seconds without encoding, and times those of AWGN"
    yield from (f"{name:26s}{seconds:7.2f} s{seconds / alone['awgn']:7.2f}x" for name, seconds in alone.items())
    yield "with encoding"
    yield from (f"{name:26s}{seconds:7.2f} s{seconds / all_in['awgn']:7.2f}x" for name, seconds in all_in.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default="bler,cost")
    parser.add_argument("--blocks", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    for part in arguments.only.split(","):
        for line in bler(arguments.blocks) if part == "bler" else cost(arguments.runs):
            print(line, flush=True)


if __name__ == "__main__":
    main()

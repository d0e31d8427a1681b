"""``linksim ber``: error rates of a channel code and a modulation."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from linksim.cli.command import keeping, listed, one_of, option, registered, some_of
from linksim.cli.options import EXECUTION, RESULTS

EXAMPLES = (
    "linksim ber --code ldpc-3/4 --modulation 16qam --snr 9:12:0.25 --out ber",
    "linksim ber --code alist:code.alist --modulation qpsk --snr 0:4",
    "linksim ber --code ldpc-1/2 --modulation qpsk --channel tdl-c-300ns+lmmse",
)
CHAIN, COUNTING = "Chain", "Counting"


def ber(
    code: Annotated[
        str,
        option(
            CHAIN,
            "Channel code ({names}), e.g. ldpc-1/2, nr-ldpc-2/3, alist:PATH; see 'linksim methods'.",
            **some_of(registered("linksim.fec")),
        ),
    ] = "ldpc-3/4",
    modulation: Annotated[
        str, option(CHAIN, "Modulation: {names}.", **one_of("modulation", listed("baselines.modulation:NAMES")))
    ] = "16qam",
    demapper: Annotated[
        str,
        option(
            CHAIN,
            "Soft demapper: {names} (app is exact).",
            **one_of("demapper", listed("baselines.modulation:DEMAPPERS")),
        ),
    ] = "app",
    channel: Annotated[
        str, option(CHAIN, "Channel ({names}); see 'linksim channels'.", **some_of(registered("linksim.channels")))
    ] = "awgn",
    snr: Annotated[str, option(CHAIN, "Es/N0 in dB: 9:12 (both ends included), 9:12:0.25 or 9,10.5.")] = "9:12:0.25",
    block_errors: Annotated[int, option(COUNTING, "An SNR is done after so many wrong blocks ...")] = 100,
    max_blocks: Annotated[int, option(COUNTING, "... or after so many blocks.")] = 20_000,
    seed: Annotated[int, option(COUNTING, "Seed of bits and noise.")] = 0,
    workers: Annotated[int, option(EXECUTION, "Threads; they do not change the numbers.")] = 1,
    out: Annotated[Path | None, option(RESULTS, "Folder of ber.csv, ber.png and ber.pdf; resumes.")] = None,
) -> None:
    """Measure error rates of a channel code.

    Blocks of random bits are encoded, modulated, sent at each SNR, demapped and decoded until enough blocks are wrong.
    With --out the counts are kept as they are made; the same command, with more SNRs if you like, resumes.
    """
    from rich.console import Console

    from baselines import ber_results, capacity
    from baselines import modulation as modulations
    from baselines.ber import Simulation
    from linksim import registry
    from linksim.cli.progress import bar
    from linksim.files import folder_lock, make_folder
    from linksim.grid import parse_snr
    from linksim.output import error_rates, plots

    simulation = Simulation(
        registry.code(code),
        modulations.modulation(modulation),
        max_blocks,
        block_errors,
        seed,
        demapper,
        workers,
        registry.channel(channel),
    )
    points, console = parse_snr(snr), Console()
    if out is not None:
        make_folder(out)
    with folder_lock(out) if out is not None else nullcontext():
        results = ber_results.Results(simulation, out)
        try:
            with keeping(lambda: results.kept(points)), bar("blocks") as show:
                results.measure(points, show)
        finally:
            results.save()
            rows = results.table(points)
            if len(rows):
                console.print(error_rates.terminal(rows))
    for line in ber_results.facts(simulation, rows):
        console.print(f"[dim]· {line}[/]", highlight=False)
    if out is not None:
        drawn = error_rates.figure(results.table(sorted(results.counts)), capacity.awgn_snr_db(simulation.bits_per_use))
        with plots.style("default"):
            written = [out / "ber.csv", *plots.save(drawn, out / "ber")]
        console.print(f"written: {', '.join(map(str, written))}", highlight=False, soft_wrap=True)

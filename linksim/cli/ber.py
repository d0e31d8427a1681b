"""``linksim ber``: error rates of a channel code and a modulation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from linksim.cli.command import listed, one_of, option, registered, some_of
from linksim.cli.options import EXECUTION, RESULTS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.table import Table

    from baselines.ber import ErrorCounts, Simulation


EXAMPLES = (
    "linksim ber --code ldpc-3/4 --modulation 16qam --snr 9:12:0.25 --out ber",
    "linksim ber --code alist:code.alist --modulation qpsk --snr 0:4",
    "linksim ber --code uncoded --modulation 64qam --snr 10,15,20",
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
    snr: Annotated[str, option(CHAIN, "Es/N0 in dB: 9:12 (both ends included), 9:12:0.25 or 9,10.5.")] = "9:12:0.25",
    block_errors: Annotated[int, option(COUNTING, "An SNR is done after so many wrong blocks ...")] = 100,
    max_blocks: Annotated[int, option(COUNTING, "... or after so many blocks.")] = 20_000,
    seed: Annotated[int, option(COUNTING, "Seed of bits and noise.")] = 0,
    workers: Annotated[int, option(EXECUTION, "Threads; they do not change the numbers.")] = 1,
    out: Annotated[Path | None, option(RESULTS, "Folder of ber.csv, ber.png and ber.pdf.")] = None,
) -> None:
    """Measure error rates of a channel code over AWGN.

    Blocks of random bits are encoded, modulated, sent at each SNR, demapped and decoded until enough blocks are wrong.
    """
    from rich.console import Console

    from baselines import modulation as modulations
    from baselines.ber import Simulation
    from linksim import registry
    from linksim.cli.progress import bar
    from linksim.files import make_folder
    from linksim.grid import parse_snr

    simulation = Simulation(
        registry.code(code), modulations.modulation(modulation), max_blocks, block_errors, seed, demapper, workers
    )
    points = parse_snr(snr)
    if out is not None:  # before the work, not after it
        make_folder(out)
    with bar("blocks") as show:
        counts: list[ErrorCounts] = []
        for i, point in enumerate(points):
            done = i * max_blocks
            counts += simulation.run(
                [point],
                lambda c, done=done: show(done + c.blocks, len(points) * max_blocks),  # type: ignore[misc]
            )
    rows = table(simulation, counts)
    console = Console()
    console.print(_render(rows))
    for line in _limits(simulation):
        console.print(f"[dim]· {line}[/]", highlight=False)
    if out is not None:
        written = _write(rows, simulation, out)
        console.print(f"written: {', '.join(map(str, written))}", highlight=False, soft_wrap=True)


def table(simulation: Simulation, counts: list[ErrorCounts]) -> pd.DataFrame:
    """One row per SNR: counts, rates with 95 % intervals, the exact rate without a code, and the capacity."""
    import math

    import pandas as pd

    from baselines.ber import uncoded_ber
    from baselines.capacity import awgn_capacity

    rows = [
        {
            "code": simulation.code.name,
            "modulation": simulation.modulation.name,
            "demapper": simulation.demapper,
            "snr_db": c.snr_db,
            "ebn0_db": c.snr_db - 10 * math.log10(simulation.bits_per_use),
            "blocks": c.blocks,
            "block_errors": c.block_errors,
            "undetected": c.undetected,
            "bler": c.bler,
            "bler_lo": c.bler_interval[0],
            "bler_hi": c.bler_interval[1],
            "bits": c.bits,
            "bit_errors": c.bit_errors,
            "ber": c.ber,
            "ber_lo": c.ber_interval[0],
            "ber_hi": c.ber_interval[1],
            "uncoded_ber": uncoded_ber(simulation.modulation, c.snr_db),
            "capacity": awgn_capacity(c.snr_db),
        }
        for c in counts
    ]
    return pd.DataFrame(rows)


def _render(rows: pd.DataFrame) -> Table:
    from rich.table import Table

    first = rows.iloc[0]
    title = f"{first['code']}, {first['modulation']}, AWGN; rates with 95 % intervals"
    shown = Table(box=None, title=title, title_justify="left", padding=(0, 1, 0, 0))
    for heading in ("Es/N0", "blocks", "BLER", "BER", "uncoded"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in rows.to_dict("records"):
        shown.add_row(
            f"{row['snr_db']:g} dB",
            f"{row['blocks']}",
            *(f"{row[x]:.2e} ({row[f'{x}_lo']:.1e}, {row[f'{x}_hi']:.1e})" for x in ("bler", "ber")),
            f"{row['uncoded_ber']:.1e}",
        )
    return shown


def _limits(simulation: Simulation) -> list[str]:
    """What theory says about this many bits per channel use."""
    import math

    from baselines.capacity import awgn_snr_db, constellation_snr_db

    bits, qam = simulation.bits_per_use, simulation.modulation
    gain_db = 10 * math.log10(bits)
    sign = "+" if gain_db < 0 else "-"
    lines = [
        f"{bits:g} information bits per channel use; the AWGN capacity reaches them at {awgn_snr_db(bits):.2f} dB",
        f"Eb/N0 = Es/N0 {sign} {abs(gain_db):.2f} dB; blocks of {simulation.code.k} information bits",
    ]
    if bits < qam.bits_per_symbol:
        limit = constellation_snr_db(qam, bits)
        lines.append(f"the limit for {qam.name} with a soft demapper and a binary code (BICM) is {limit:.2f} dB")
    return lines


def _write(rows: pd.DataFrame, simulation: Simulation, out: Path) -> list[Path]:
    from linksim.errors import LinksimError
    from linksim.output.plots import save, style

    try:
        rows.to_csv(out / "ber.csv", index=False, lineterminator="\n")
        with style("default"):
            return [out / "ber.csv", *save(figure(rows, simulation), out / "ber")]
    except OSError as error:
        raise LinksimError(f"cannot write in {out}: {error.strerror or error}") from error


def figure(rows: pd.DataFrame, simulation: Simulation) -> Figure:
    """BLER and BER versus SNR with their intervals, beside the uncoded rate and the capacity limit."""
    from matplotlib.figure import Figure

    from baselines.capacity import awgn_snr_db
    from linksim.output.plots import COLOURS

    drawing = Figure()
    axes = drawing.subplots()
    for rate, colour, marker in (("bler", COLOURS[0], "o"), ("ber", COLOURS[1], "s")):
        seen = rows[rows[rate] > 0]
        axes.plot(seen["snr_db"], seen[rate], color=colour, marker=marker, label=rate.upper())
        axes.fill_between(seen["snr_db"], seen[f"{rate}_lo"], seen[f"{rate}_hi"], color=colour, alpha=0.15, linewidth=0)
    axes.plot(rows["snr_db"], rows["uncoded_ber"], "--", color="#444444", label="BER, uncoded (exact)")
    limit = awgn_snr_db(simulation.bits_per_use)
    axes.axvline(limit, color="#888888", linestyle=":", label=f"capacity, {limit:.2f} dB")
    axes.set_yscale("log")
    axes.set_xlabel("Es/N0 (dB)")
    axes.set_ylabel("error rate")
    axes.set_title(f"{simulation.code.name}, {simulation.modulation.name}")
    axes.legend()
    return drawing

"""Fill the README's tables from the committed results, so that no number in it is typed by hand.

    python tools/update_readme.py            # rewrites README.md; the tests check that this changes nothing

A block starts with ``<!-- table FOLDER METRIC[,METRIC...] [methods] -->`` and ends with ``<!-- end -->``.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from linksim.tables import METRICS, Metric, best, read_summary

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"(<!-- table (\S+) (\S+)(?: (\S+))? -->\n).*?(<!-- end -->)", re.DOTALL)


def table(summary: pd.DataFrame, metrics: list[Metric]) -> str:
    """SNRs down, each method's metrics across; SNRs at which nothing changes share a row."""
    methods = list(dict.fromkeys(summary["method"]))
    head = [f"{method} {metric.label}" for metric in metrics for method in methods]
    rows: list[tuple[list[float], list[str]]] = []
    for snr_db, at_snr in summary.groupby("snr_db"):
        cells = []
        for metric in metrics:
            values = at_snr.set_index("method")[metric.column]
            top = best(values, metric)
            for method in methods:
                text = metric.format(values[method])
                cells.append(f"**{text}**" if method in top else text)
        if rows and rows[-1][1] == cells:
            rows[-1][0].append(float(snr_db))
        else:
            rows.append(([float(snr_db)], cells))
    lines = [["SNR (dB)", *head], ["---:"] * (len(head) + 1)]
    for snrs, cells in rows:
        lines.append([f"{snrs[0]:g}" if len(snrs) == 1 else f"{snrs[0]:g} to {snrs[-1]:g}", *cells])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def filled(text: str) -> str:
    """The text with every block made anew."""

    def fill(match: re.Match[str]) -> str:
        opening, folder, names, methods, closing = match.groups()
        summary = read_summary(ROOT / folder)
        if methods:
            summary = summary[summary["method"].isin(methods.split(","))]
        wanted = names.split(",")
        return opening + table(summary, [m for m in METRICS if m.column in wanted]) + closing

    return BLOCK.sub(fill, text)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    before = readme.read_text()
    readme.write_text(filled(before))

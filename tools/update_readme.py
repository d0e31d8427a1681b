"""Fill the README's tables from the committed results, so that no number in it is typed by hand.

    python tools/update_readme.py            # rewrites README.md; the tests check that this changes nothing

A block starts with one of these and ends with ``<!-- end -->``:

    <!-- table FOLDER METRIC[,METRIC...] [METHODS [SNRS]] -->       SNRs down, methods across
    <!-- differences FOLDER METRIC[,METRIC...] SNR -->              methods down, each less the baseline
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from linksim.output.tables import best, read_summary
from linksim.scoring.metrics import Metric, known

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"(<!-- (table|differences) ([^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)


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


def difference_table(folder: Path, metrics: list[Metric], snr_db: float) -> str:
    """Methods down; each metric, and how far it lies above the baseline, with the 95 % interval of that paired gain."""
    summary = read_summary(folder)
    found = pd.read_csv(folder / "differences.csv")
    baseline = found["baseline"].iloc[0]
    values, gains = (frame[frame["snr_db"] == snr_db].set_index("method") for frame in (summary, found))
    head = ["Method", *(text for metric in metrics for text in (metric.label, f"{metric.label} less {baseline}'s"))]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for method, value in values.iterrows():
        line = [str(method)]
        for metric in metrics:
            line += [metric.format(value[metric.column]), "–"]
            if method != baseline and np.isfinite(gains.loc[method, metric.column]):
                gain, low, high = (gains.loc[method, metric.column + end] for end in ("", "_lo", "_hi"))
                line[-1] = f"{gain:+.3g} ({low:+.3g} to {high:+.3g})"
        lines.append(line)
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def filled(text: str) -> str:
    """The text with every block made anew."""

    def fill(match: re.Match[str]) -> str:
        opening, kind, words, closing = match.groups()
        folder, names, *more = words.split()
        metrics = [m for m in known() if m.column in names.split(",")]
        if kind == "differences":
            return opening + difference_table(ROOT / folder, metrics, float(more[0])) + closing
        summary = read_summary(ROOT / folder)
        if more:
            summary = summary[summary["method"].isin(more[0].split(","))]
        if more[1:]:
            summary = summary[summary["snr_db"].isin([float(snr) for snr in more[1].split(",")])]
        return opening + table(summary, metrics) + closing

    return BLOCK.sub(fill, text)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    before = readme.read_text()
    readme.write_text(filled(before))

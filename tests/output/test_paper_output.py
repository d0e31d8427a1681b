"""What goes into a paper: figures of a column's width with their fonts in them, tables with the best in bold."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from linksim.errors import LinksimError
from linksim.output.plots import curves, save_all, style
from linksim.output.tables import difference_table, latex, markdown, read_summary, terminal
from linksim.scoring.aggregation import COLUMNS
from linksim.scoring.metrics import METRICS, Metric, metric


@pytest.fixture
def summary() -> pd.DataFrame:
    lines = [
        {"method": method, "snr_db": snr_db, "psnr": 20 + i + snr_db / 4, "psnr_lo": 19.0, "psnr_hi": 27.0}
        for i, method in enumerate(("original", "bpg", "sdjscc_x"))
        for snr_db in (0.0, 10.0)
    ]
    return pd.DataFrame(
        [{"dataset": "d", "channel": "awgn", "budget": "bpp=0.25", **line} for line in lines], columns=COLUMNS
    )


def test_the_original_is_drawn_where_it_is_a_bound_and_not_at_a_cap(summary: pd.DataFrame) -> None:
    lines = summary.assign(ssim=[1.0, 1.0, 0.6, 0.7, 0.5, 0.8])
    for name, expected in (("ssim", ["original", "bpg", "sdjscc_x"]), ("psnr", ["bpg", "sdjscc_x"])):
        assert [line.get_label() for line in curves(lines, metric(name)).axes[0].get_lines()] == expected


def test_figures_fit_a_column_and_embed_their_fonts(summary: pd.DataFrame, tmp_path: Path) -> None:
    save_all(summary, tmp_path, "ieee", only="psnr")
    pdf = (tmp_path / "psnr.pdf").read_bytes()
    box = re.search(rb"/MediaBox \[ ?([\d. ]+)\]", pdf)
    assert box
    left, _, right, _ = map(float, box[1].split())
    assert right - left == pytest.approx(3.5 * 72)  # IEEE's column in points
    fonts = re.findall(rb"/Type /Font /Subtype /(\w+)|/Subtype /(\w+) /Type /Font\b", pdf)
    kinds = {a or b for a, b in fonts} | set(re.findall(rb"/Subtype /(Type\w+|CIDFontType\w+)", pdf))
    assert kinds
    assert b"Type3" not in kinds
    descriptors = pdf.count(b"/Type /FontDescriptor")
    assert descriptors > 0
    assert len(re.findall(rb"/FontFile[23]? ", pdf)) == descriptors


def test_a_long_legend_hides_no_curve(summary: pd.DataFrame) -> None:
    one = summary[summary["method"] == "bpg"]
    lines = pd.concat([one.assign(method=f"bpg+ldpc-{i}") for i in range(8)])
    psnr = metric("psnr")
    with style("ieee"):
        figure, few = curves(lines, psnr), curves(one, psnr)
        figure.draw_without_rendering()
    legend, axes = figure.legends[0].get_window_extent(), figure.axes[0].get_window_extent()
    assert not legend.overlaps(axes)
    assert axes.height > 0.9 * few.axes[0].get_window_extent().height
    assert figure.get_size_inches()[0] == few.get_size_inches()[0]


def test_a_block_error_rate_of_zero_is_not_drawn(summary: pd.DataFrame) -> None:
    lines = summary.assign(bler=[1.0, 0.0] * 3)
    axes = curves(lines, metric("bler")).axes[0]
    assert axes.get_yscale() == "log"
    assert not np.isfinite(axes.yaxis.get_transform().transform(np.array([0.0]))).any()
    assert axes.get_ylim()[0] <= 1e-3


@pytest.mark.parametrize("drawn", METRICS, ids=lambda drawn: drawn.column)
def test_every_metric_has_its_band(summary: pd.DataFrame, drawn: Metric) -> None:
    value, low, high = drawn.columns[:3]
    lines = summary.assign(**{value: [0.25, 0.5] * 3, low: [0.2, 0.4] * 3, high: [0.3, 0.8] * 3})
    axes = curves(lines, drawn).axes[0]
    assert len(axes.collections) == (2 if math.isfinite(drawn.cap) else 3)  # the original is at the cap
    heights = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert {0.2, 0.3, 0.4, 0.8} <= set(heights.round(4))


def test_terminal_tables_tell_methods_apart_in_80_columns(summary: pd.DataFrame) -> None:
    names = [f"bpg+ldpc-{n}-{rate}+64qam" for n in (648, 1944) for rate in ("1/2", "2/3", "3/4", "5/6")]
    lines = pd.concat([summary[summary["method"] == "bpg"].assign(method=name, bpp=0.25, cbr=0.1) for name in names])
    console = Console(width=80, file=io.StringIO())
    console.print(terminal(lines))
    shown = console.file.getvalue()
    heading = shown[: shown.index("──")].splitlines()
    assert "…" not in shown
    assert "21.00" in shown
    columns = list(zip(*(line.ljust(80) for line in heading[1:]), strict=True))
    written = "".join("".join(c) for c in columns)
    assert all(written.count(digit) >= 4 for digit in "68")
    assert max(map(len, shown.splitlines())) <= 80


def test_tables_have_the_best_in_bold(summary: pd.DataFrame) -> None:
    text = latex(summary, ["100 % fair"])
    assert r"SNR (dB) & original & bpg & sdjscc\_x \\" in text
    assert r"0 & 20.00 & 21.00 & \textbf{22.00} \\" in text
    assert r"10 & 22.50 & 23.50 & \textbf{24.50} \\" in text
    assert r"\toprule" in text


def test_a_single_snr_gives_one_table_of_all_metrics(summary: pd.DataFrame) -> None:
    at_ten = summary[summary["snr_db"] == 10].assign(outage=[0.0, 0.5, 0.25])
    text = latex(at_ten, [])
    assert text.count(r"\begin{table}") == 1
    assert r"\caption{Methods at bpp=0.25 and 10 dB.}" in text
    assert r"Method & PSNR (dB) & Outage \\" in text
    assert r"bpg & 23.50 & 0.500 \\" in text
    assert r"sdjscc\_x & \textbf{24.50} & \textbf{0.250} \\" in text
    assert "| sdjscc_x | **24.50** | **0.250** |" in markdown(at_ten, [])


def test_latex_gets_no_commands_from_names(summary: pd.DataFrame) -> None:
    text = latex(summary.replace("bpg", r"a\b~{c}^$%"), [])
    assert r"a\textbackslash{}b\textasciitilde{}\{c\}\textasciicircum{}\$\%" in text


def test_what_has_no_difference_has_no_interval_of_it() -> None:
    names = [
        "channel",
        "method",
        "budget",
        "snr_db",
        "baseline",
        "psnr",
        "psnr_lo",
        "psnr_hi",
        "ssim",
        "ssim_lo",
        "ssim_hi",
    ]
    nan = float("nan")
    lines = [
        ["awgn", "original", "bpp=1", 0.0, "bpg", nan, nan, nan, 0.5, 0.25, 0.75],
        ["awgn", "webp", "bpp=1", 0.0, "bpg", 1.0, 0.5, 1.5, 0.0, 0.0, 0.0],
    ]
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(difference_table(pd.DataFrame(lines, columns=names)))
    shown = [row.split() for row in console.export_text().splitlines() if "bpp=1" in row]
    assert shown[0] == ["original", "bpp=1", "0", "–", "0.500", "(0.250", "to", "0.750)"]
    assert shown[1][3:] == ["1.00", "(0.50", "to", "1.50)", "0.000"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("snr_db", "snr"), "lacks the columns snr_db"),
        (lambda text: text.replace("12,", "twelve,", 1), "snr_db is not what it must be"),
        (lambda text: text + text.splitlines()[-1] + "\n", "two lines of one method, budget and SNR"),
        (lambda text: text + "1," * 60 + "\n", "cannot be read: "),
        (lambda text: text + text.splitlines()[-1].replace("a,", ",", 1) + "\n", "a method, budget or SNR"),
    ],
)
def test_a_garbled_summary_is_one_line(tmp_path: Path, change: Callable[[str], str], said: str) -> None:
    line = dict.fromkeys(COLUMNS) | {"dataset": "d", "channel": "c", "method": "a", "budget": "bpp=0.5", "n": 1}
    pd.DataFrame([line | {"snr_db": snr} for snr in (11, 12)]).to_csv(tmp_path / "summary.csv", index=False)
    assert len(read_summary(tmp_path)) == 2
    path = tmp_path / "summary.csv"
    path.write_text(change(path.read_text()))
    with pytest.raises(LinksimError, match=said) as caught:
        read_summary(tmp_path)
    assert "\n" not in str(caught.value)


def test_each_channel_has_a_panel_and_tables_of_its_own(summary: pd.DataFrame) -> None:
    both = pd.concat([summary, summary.assign(channel="tdl-c-300ns", psnr=summary["psnr"] - 3)])
    figure = curves(both, metric("psnr"))
    assert [axes.get_title() for axes in figure.axes] == ["awgn", "tdl-c-300ns"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert figure.axes[1].lines[0].get_ydata().tolist() == [18.0, 20.5]
    text = markdown(both, [])
    assert "### PSNR (dB) at bpp=0.25 over awgn" in text
    assert "| 10 | 19.50 | 20.50 | **21.50** |" in text.split("over tdl-c-300ns")[1]
    console = Console(width=120, file=io.StringIO())
    console.print(terminal(both))
    assert "over tdl-c-300ns" in console.file.getvalue()


def test_budgets_written_as_fractions_have_their_place_on_the_axis(summary: pd.DataFrame) -> None:
    one = summary[(summary["method"] == "bpg") & (summary["snr_db"] == 0)]
    lines = pd.concat([one.assign(budget=f"cbr={text}") for text in ("1/24", "1/6")])
    drawn = curves(lines, metric("psnr"), "budget").axes[0].lines[0]
    assert drawn.get_xdata().tolist() == [1 / 24, 1 / 6]

"""What goes into a paper: figures of a column's width with their fonts in them, tables with the best in bold."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from linksim.aggregate import COLUMNS
from linksim.plots import save_all
from linksim.tables import latex


@pytest.fixture
def summary() -> pd.DataFrame:
    lines = [
        {"method": method, "snr_db": snr_db, "psnr": 20 + i + snr_db / 4, "psnr_lo": 19.0, "psnr_hi": 27.0}
        for i, method in enumerate(("original", "bpg", "sdjscc_x"))
        for snr_db in (0.0, 10.0)
    ]
    return pd.DataFrame([{"dataset": "d", "budget": "bpp=0.25", **line} for line in lines], columns=COLUMNS)


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


def test_tables_have_the_best_in_bold(summary: pd.DataFrame) -> None:
    text = latex(summary, ["100 % fair"])
    assert r"SNR (dB) & original & bpg & sdjscc\_x \\" in text
    assert r"0 & 20.00 & 21.00 & \textbf{22.00} \\" in text
    assert r"10 & 22.50 & 23.50 & \textbf{24.50} \\" in text
    assert r"\toprule" in text

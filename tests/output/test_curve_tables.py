"""What the cells of tables of curves say."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from linksim.output import curve_tables
from linksim.scoring.curves import COLUMNS

ABOUT = {"channel": "awgn", "budget": "bpp=1", "method": "m_1", "baseline": "b", "metric": "psnr", "images": 9}


def table(*lines: tuple[Any, ...], **about: Any) -> pd.DataFrame:
    """Lines of (quantity, value, low, high[, start, end])."""
    names = ("quantity", "value", "value_lo", "value_hi", "start", "end")
    return pd.DataFrame([ABOUT | about | dict(zip(names, line, strict=False)) for line in lines], columns=COLUMNS)


SAVED, MEAN = ("bd_snr", 1.234, 1.0, 1.5, 20.0, 30.0), ("mean_difference", -0.5, -0.75, -0.25, 0.0, 20.0)


def crossing(share: float, *lines: tuple[Any, ...]) -> str:
    (grid,) = curve_tables.grids(table(SAVED, MEAN, ("share_ahead", share), *lines))
    return grid.rows[0][2][-1]


def test_numbers_have_signs_intervals_and_their_range() -> None:
    (grid,) = curve_tables.grids(table(SAVED, MEAN, ("share_ahead", 1.0)))
    assert grid.title == "PSNR (dB) versus SNR, against b"
    assert grid.columns == ("BD-SNR (dB)", "over PSNR (dB)", "mean difference", "crossing, SNR (dB)")
    cells = ("+1.23 (+1.00 to +1.50)", "20.00 to 30.00", "-0.50 (-0.75 to -0.25)", "always ahead")
    assert [(name, texts) for name, _, texts in grid.rows] == [("m_1", cells)]


@pytest.mark.parametrize(
    ("share", "lines", "said"),
    [
        (0.0, [], "never ahead"),
        (0.3, [], "ahead over 30 %"),
        (math.nan, [], "–"),
        (0.5, [("ahead_from", 9.5, 9.25, 9.75)], "ahead from 9.50 (9.25 to 9.75)"),
        (0.5, [("behind_from", 8.0, math.nan, math.nan)], "behind from 8.00"),
        (0.5, [("ahead_from", 12.0, 12.0, 12.0), ("behind_from", 3.0, 2.0, 4.0)],
         "behind from 3.00 (2.00 to 4.00), ahead from 12.00"),
    ],
)  # fmt: skip
def test_crossings_are_said_in_order(share: float, lines: list[tuple[Any, ...]], said: str) -> None:
    assert crossing(share, *lines) == said


def test_what_does_not_overlap_is_a_dash_in_every_format() -> None:
    nothing = (math.nan,) * 5
    found = pd.concat(
        [
            table(
                ("bd_rate", *nothing), ("bd_quality", 1.0, math.nan, math.nan, 0.1, 0.25), budget="cbr", snr_db=snr_db
            )
            for snr_db in (5.0, 10.0)
        ]
    )
    (grid,) = curve_tables.grids(found)
    assert grid.columns == ("SNR (dB)", "BD-rate (%)", "over PSNR (dB)", "BD-PSNR (dB)", "over cbr")
    assert [texts for _, _, texts in grid.rows] == [(s, "–", "–", "+1.00", "0.1 to 0.25") for s in ("5", "10")]
    files = curve_tables.files(found)
    assert "| m_1 | 5 | – | – | +1.00 | 0.1 to 0.25 |" in files["summarise.md"]
    assert r"m\_1 & 5 & -- & -- & +1.00 & 0.1 to 0.25 \\" in files["summarise.tex"]
    assert "awgn,cbr,5,m_1,b,psnr,bd_rate,,,,,,9\n" in files["summarise.csv"]


def test_channels_and_budgets_are_told_apart() -> None:
    found = pd.concat(
        [
            table(SAVED, MEAN, ("share_ahead", 1.0), channel=channel, budget=budget)
            for channel in ("awgn", "rician")
            for budget in ("bpp=1", "bpp=2")
        ]
    )
    grids = curve_tables.grids(found)
    assert [grid.title for grid in grids] == [f"PSNR (dB) versus SNR over {c}, against b" for c in ("awgn", "rician")]
    assert [texts[0] for _, _, texts in grids[0].rows] == ["bpp=1", "bpp=2"]
    assert "awgn,bpp=1,,m_1,b,psnr,bd_snr,1.234,1,1.5,20,30,9\n" in curve_tables.files(found)["summarise.csv"]

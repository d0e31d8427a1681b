"""The report page of a finished folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from linksim.engine.opened import Opened
from linksim.output import curve_tables
from linksim.output.report import write_report
from linksim.output.tables import facts, read_differences, read_summary


def reported(folder: Path, opened: Opened, **options: Any) -> Path:
    """The page of a finished folder, as ``linksim report`` writes it."""
    summary = read_summary(folder)
    curves = curve_tables.read(folder, opened.metrics)
    given = {"differences": read_differences(folder), "curves": curves} | options
    return write_report(folder, opened, summary, facts(opened, summary), **given)

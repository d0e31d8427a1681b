"""Options that several commands have."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated

from linksim.cli.command import option, registered, some_of
from linksim.errors import LinksimError

COMPARED = "What is compared"
RESULTS = "Results"
EXECUTION = "Execution"

Task = Annotated[
    str | None,
    option(
        COMPARED,
        "Downstream task: {names}, package.module:function or a model file; none for no task.",
        default="the data set's own",
        **some_of(registered("linksim.tasks")),
    ),
]
OtherDataset = Annotated[
    str | None,
    option(
        COMPARED,
        "Data set ({names}) or folder, instead of the recipe's; see 'linksim datasets'.",
        **some_of(registered("linksim.datasets")),
    ),
]
Limit = Annotated[int | None, option(COMPARED, "Use the first N images only.")]
Out = Annotated[Path | None, option(RESULTS, "Folder of the results; the same command resumes.")]
Figures = Annotated[bool, option(RESULTS, "Draw the figures and write report.html.")]
Workers = Annotated[int, option(EXECUTION, "Worker processes; 0 for one per processor.")]
Dask = Annotated[
    str,
    option(EXECUTION, "Dask scheduler (tcp://host:8786) or cluster file (slurm.yaml), instead of worker processes."),
]
Timeout = Annotated[float, option(EXECUTION, "Seconds that one unit of work may take.")]
Device = Annotated[str, option(EXECUTION, "Device of the networks: cpu, cuda, cuda:1, mps.")]


def ratio(option: str, text: str) -> float:
    """The number of an option, written as 0.25 or 1/4; a LinksimError names the option and the text."""
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise LinksimError(f"{option} {text!r}: must be a number such as 0.25 or 1/4") from None

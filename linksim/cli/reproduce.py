"""``linksim reproduce``: the figures and tables of the SD-JSCC paper, and comparisons over fading."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.command import option, some_of
from linksim.cli.compare import make_pool
from linksim.cli.device import check_device
from linksim.cli.options import (
    COMPARED,
    RESULTS,
    Dask,
    Device,
    Figures,
    Limit,
    OtherDataset,
    Task,
    Timeout,
    Workers,
)
from linksim.errors import LinksimError

EXAMPLES = (
    "linksim reproduce fig4 --quick",
    "linksim reproduce fig4 table1 --workers 8",
    "linksim reproduce all --dataset stl10:PATH --task classifier.onnx",
)


def _names() -> list[str]:
    from linksim.recipes import shipped_names

    return [*shipped_names(), "all"]


def reproduce(
    names: Annotated[list[str], typer.Argument(help="One or several of {names}.", **some_of(_names))],
    dataset: OtherDataset = None,
    task: Task = None,
    quick: Annotated[bool, option(COMPARED, "Fewer images and SNRs: minutes, not hours.", "--quick")] = False,
    limit: Limit = None,
    out: Annotated[
        Path | None,
        option(RESULTS, "Folder with a folder of results per name; the same command resumes.", default="results"),
    ] = None,
    figures: Figures = True,
    workers: Workers = 0,
    dask: Dask = "",
    timeout: Timeout = 1800.0,
    device: Device = "cpu",
) -> int:
    """Reproduce figures and tables of the SD-JSCC paper.

    The paper's numbers are shown beside ours. multipath and ofdm-yang2021 compare links over fading. Results of a
    changed recipe (--quick, --dataset, --task, --limit) go to a folder of their own in results.
    """
    from linksim.cli.run import carry_out, default_folder
    from linksim.recipes import Changes, shipped, shipped_names

    wanted = shipped_names() if "all" in names else list(dict.fromkeys(names))
    recipes = [shipped(name) for name in wanted]
    changes = Changes(quick, dataset, task, limit)
    folder = out or default_folder(changes)
    if not dask:
        check_device(device)
    pool = make_pool(workers, dask)
    code = 0
    try:
        for recipe in recipes:
            command = f"linksim reproduce {recipe.name}"
            try:
                code |= carry_out(recipe, changes, folder / recipe.name, pool, command, timeout, figures, device)
            except LinksimError as error:
                if len(recipes) == 1:
                    raise
                print(f"linksim: {error}", file=sys.stderr)
                code = 1
    finally:
        pool.close()
    return code

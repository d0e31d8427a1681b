"""``linksim reproduce``: the figures and tables of the SD-JSCC paper."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.compare import make_pool
from linksim.cli.device import check_device
from linksim.errors import LinksimError


def reproduce(
    names: Annotated[list[str], typer.Argument(help="fig4, table1, fig5, fig6, fig7, fig8, table2; all for all.")],
    dataset: Annotated[str | None, typer.Option(help="Other data than the embedded; see 'linksim datasets'.")] = None,
    task: Annotated[str | None, typer.Option(help="Another task than the data's own; none for none.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer images and SNRs: minutes instead of hours.")] = False,
    limit: Annotated[int | None, typer.Option(help="Take the first N images only.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder that holds a folder of results per name; results by default.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Worker processes; 0 for one per processor.")] = 0,
    dask: Annotated[str, typer.Option(help="A Dask scheduler (tcp://host:8786) or cluster file (slurm.yaml).")] = "",
    timeout: Annotated[float, typer.Option(help="Seconds that one unit of work may take.")] = 1800.0,
    figures: Annotated[bool, typer.Option(help="Draw the figures too.")] = True,
    device: Annotated[str, typer.Option(help="Where networks run: cpu, cuda, cuda:1, mps.")] = "cpu",
) -> int:
    """Reproduce figures and tables of the SD-JSCC paper, its numbers beside ours.

    Results of a changed recipe (--quick, --dataset, --task, --limit) go to a folder of their own in results.
    """
    from linksim.cli.run import carry_out, default_folder
    from linksim.recipes import Changes, shipped, shipped_names

    wanted = shipped_names() if "all" in names else list(dict.fromkeys(names))
    recipes = [shipped(name) for name in wanted]
    changes = Changes(quick, dataset, "" if task == "none" else task, limit)
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

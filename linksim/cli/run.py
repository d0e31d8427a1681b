"""``linksim run``: run a custom recipe."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linksim.cli.command import keeping, option
from linksim.cli.compare import make_pool
from linksim.cli.device import check_device
from linksim.cli.options import COMPARED, Dask, Device, Figures, Limit, OtherDataset, Out, Task, Timeout, Workers

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

    from linksim.engine.pools import Pool
    from linksim.recipes import Changes, Recipe, Reproduction

RESULTS = Path("results")


EXAMPLES = (
    "linksim run mine.yaml",
    "linksim run mine.yaml --quick --workers 4",
    "linksim run mine.yaml --dataset pictures/ --task none --out results/pictures",
)


def run(
    recipe: Annotated[Path, typer.Argument(help="Recipe file (YAML); those of 'linksim reproduce' are a start.")],
    dataset: OtherDataset = None,
    task: Task = None,
    quick: Annotated[bool, option(COMPARED, "The recipe's quick form: fewer images and SNRs.", "--quick")] = False,
    limit: Limit = None,
    out: Out = None,
    figures: Figures = True,
    workers: Workers = 0,
    dask: Dask = "",
    timeout: Timeout = 1800.0,
    device: Device = "cpu",
) -> int:
    """Run a recipe: a comparison described by a file.

    A recipe may hold a paper's numbers; they are shown beside the results. Results go to results/NAME, or to a folder
    named after what is changed (--quick, --dataset, --task, --limit), unless --out says where.
    """
    from linksim.recipes import Changes, load

    found = load(recipe)
    changes = Changes(quick, dataset, task, limit)
    folder = out or default_folder(changes) / found.name
    if not dask:
        check_device(device)
    pool = make_pool(workers, dask)
    command = f"linksim run {shlex.quote(str(recipe))}"
    try:
        return carry_out(found, changes, folder, pool, command, timeout, figures, device)
    finally:
        pool.close()


def default_folder(changes: Changes) -> Path:
    """``results``, or a folder in it for results that are not of the recipes as they stand."""
    words = ["quick"] * changes.quick
    if changes.dataset is not None:
        from linksim import registry

        words.append(registry.dataset(changes.dataset).name)
    if changes.task is not None:
        words.append(Path("no-task" if changes.task == "none" else changes.task.rpartition(":")[2]).stem)
    if changes.limit is not None:
        words.append(f"limit{changes.limit}")
    return RESULTS / "-".join(words) if words else RESULTS


def carry_out(
    recipe: Recipe,
    changes: Changes,
    folder: Path,
    pool: Pool,
    command: str,
    timeout: float,
    figures: bool,
    device: str,
) -> int:
    """Run a recipe with progress and show its results; 1 if some of them are missing."""
    from linksim.cli.progress import shown
    from linksim.recipes import reproduce

    with keeping(lambda: f"what is measured is in {folder}; the same command resumes"), shown(recipe.name) as display:
        found = reproduce(
            recipe,
            changes,
            folder,
            pool,
            command=command,
            display=display,
            timeout=timeout,
            figures=figures,
            device=device,
        )
    _show(found, changes)
    print(f"tables, figures and rows are in {folder}")
    if found.missing:
        print(f"linksim: {recipe.name}: left out: {'; '.join(found.missing)}", file=sys.stderr)
    return 1 if found.missing else 0


def _show(found: Reproduction, changes: Changes) -> None:
    from rich.console import Console

    from linksim.output import tables
    from linksim.recipes.reproduction import paper_says, placed

    recipe, result, console = found.recipe, found.comparison, Console()
    console.print(f"[bold]{recipe.name}: {recipe.title}[/]", highlight=False)
    if recipe.own_axis:
        console.print(_published_table(f"Along {recipe.x}", placed(found)))
    else:
        console.print(tables.terminal(result.summary))
    if result.differences is not None and len(result.differences):
        console.print(tables.difference_table(result.differences))
    for title, frame in ((paper_says(recipe), found.paper), ("Differences that the paper states", found.gains)):
        if len(frame):
            console.print(_published_table(title, frame))
    for line in [*recipe.differences(changes), *result.facts]:
        console.print(f"[dim]· {line}[/]", highlight=False)


def _published_table(title: str, frame: pd.DataFrame) -> RenderableType:
    from rich import box
    from rich.table import Table

    from linksim.recipes.published import cells

    head, lines = cells(frame)
    shown = Table(title=title, box=box.SIMPLE_HEAD, title_style="bold", pad_edge=False)
    for name in head:
        shown.add_column(name, overflow="fold")
    for line in lines:
        shown.add_row(*line)
    return shown

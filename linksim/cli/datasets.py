"""``linksim datasets``: what may stand behind ``--dataset``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def datasets(
    folder: Annotated[Path | None, typer.Argument(help="Tell which loader a folder is for.")] = None,
    export_voc: Annotated[
        Path | None, typer.Option(help="Write the embedded scenes in Pascal VOC's layout to this folder.")
    ] = None,
) -> None:
    """List the embedded data sets and the layouts that can be read."""
    from rich.console import Console
    from rich.table import Table

    from linksim import registry

    if export_voc is not None:
        from linksim.data.voc import export_voc as export

        export(registry.dataset("scenes"), export_voc)
        print(f"wrote {export_voc}")
        return
    if folder is not None:
        found = registry.dataset(str(folder))
        print(f"{folder}: {found.name}, {len(found)} images, {len(found.classes)} classes")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("name", "images", "what", "splits, or where it is expected"):
        table.add_column(column)
    for name in registry.names("linksim.datasets"):
        cls = registry.load("linksim.datasets", name)
        embedded = getattr(cls, "embedded", False)
        where = ", ".join(cls.splits) if embedded else getattr(cls, "expects", "")
        size = str(len(registry.dataset(name))) if embedded else "–"
        table.add_row(name, size, registry.describe("linksim.datasets", name), where)
    Console().print(table)

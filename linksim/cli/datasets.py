"""``linksim datasets``: what may stand behind ``--dataset``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.command import option

EXAMPLES = (
    "linksim datasets",
    "linksim datasets ~/data",
    "linksim datasets --export-voc scenes-voc",
)


def datasets(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder to look into: say which data set it holds, or each in it.")
    ] = None,
    export_voc: Annotated[
        Path | None, option("Export", "Write the embedded scenes in Pascal VOC's layout to this folder.")
    ] = None,
) -> None:
    """List data sets, embedded and on disk.

    Without a folder, list the embedded ones, the layouts that are read from disk, and those in the current folder.
    """
    from linksim import registry
    from linksim.data.detect import found
    from linksim.data.specs import DatasetSpec

    if export_voc is not None:
        from linksim.data.voc import export_voc as export

        print(f"wrote {export(registry.dataset('scenes'), export_voc)}")
    elif folder is not None:
        _look_into(folder)
    else:
        _list_embedded()
        _list_layouts()
        here = found(Path())
        print("\nin this folder:" if here else "\nin this folder: no published data set")
        for path, name in here.items():
            print(f"  --dataset {shlex.quote(str(DatasetSpec(name, str(path))))}")


def _classes(names: tuple[str, ...]) -> str:
    """The first classes in their order, which labels count by."""
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return f", {len(names)} classes in this order: {shown}" if names else ", no classes"


def _look_into(folder: Path) -> None:
    """Print which data set a folder holds, or each in it."""
    from linksim.data.detect import found
    from linksim.data.specs import DatasetSpec, open_dataset
    from linksim.errors import LinksimError, as_text

    several = found(folder)
    for path in several or [folder]:
        try:
            data = open_dataset(DatasetSpec(path=str(path)))
            print(f"{as_text(path)}: {data.name}, {len(data)} image{'s' * (len(data) != 1)}{_classes(data.classes)}")
            for note in data.notes():
                print(f"  {note}")
        except LinksimError as error:
            if len(several) < 2:
                raise
            print(f"{as_text(path)}: {error}")


def _list_embedded() -> None:
    from linksim import registry

    print("embedded, as --dataset NAME[/SPLIT]")
    for name in registry.names("linksim.datasets"):
        cls = registry.load("linksim.datasets", name)
        if getattr(cls, "embedded", False):
            size = len(registry.dataset(name))
            print(f"  {name}: {registry.describe('linksim.datasets', name)}")
            print(f"    {size} images (splits: {', '.join(cls.splits)})")


def _list_layouts() -> None:
    """Print what is read from disk, and which files are expected there."""
    from linksim import registry

    print("\nread from disk, as --dataset NAME:PATH[#SPLIT]")
    for name in registry.names("linksim.datasets"):
        cls = registry.load("linksim.datasets", name)
        if not getattr(cls, "embedded", False):
            splits = ", ".join(getattr(cls, "splits", ())) or "none"
            print(f"  {name}: {registry.describe('linksim.datasets', name)} (splits: {splits})")
            print(f"    {getattr(cls, 'expects', '')}")

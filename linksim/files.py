"""Files and folders, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from linksim.errors import LinksimError


def write_atomically(path: Path, data: bytes) -> None:
    """The whole file or nothing, whenever the process dies."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise LinksimError(f"cannot write {path}: {error.strerror or error}") from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; a LinksimError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LinksimError(f"cannot make the folder {folder}: {error.strerror or error}") from error

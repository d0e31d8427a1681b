"""Files and folders, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from linksim.errors import LinksimError, one_line


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


def parse_yaml(data: bytes) -> Any:
    """What a YAML 1.2 document holds: ``0:20`` is a text there, and ``no`` no truth value.

    Raises:
        LinksimError: it is no YAML, or a key is given twice; the line says where.
    """
    from ruamel.yaml import YAML

    try:
        return YAML(typ="safe", pure=True).load(data.decode("utf-8-sig"))
    except Exception as error:  # YAML's own errors, and whatever its constructors raise on odd scalars
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        problem = one_line(getattr(error, "problem", None) or error).partition(" To suppress this check")[0]
        raise LinksimError(f"not YAML: {problem}{where}") from error

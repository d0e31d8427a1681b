"""What the loaders of data sets on disk share: order of files, identity, the line that tells what is missing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from linksim.data.images import SUFFIXES
from linksim.errors import LinksimError

WHOLE = 64 << 20
"""Files of up to 64 MiB together are hashed whole."""
SAMPLES = 64
BLOCK = 1 << 16


def missing(name: str, root: Path, what: str, expects: str) -> LinksimError:
    """One line: what is wrong where, what was expected, and how to get it."""
    return LinksimError(f"{name} in {root}: {what}; expected {expects}")


def natural(path: Path) -> list[tuple[int, str]]:
    """Sort key under which ``img10`` comes after ``img9``.

    >>> sorted([Path("img10.png"), Path("img9.png"), Path("a.png")], key=natural)[-1].name
    'img10.png'
    """
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", path.name)]


def images_in(folder: Path) -> list[Path]:
    """Image files directly in a folder, in natural order; hidden ones and sub-folders are left out."""
    found = (p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    return sorted((p for p in found if p.is_file()), key=natural)


def subfolders(folder: Path) -> list[Path]:
    """Sub-folders in natural order, hidden ones left out."""
    return sorted((p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")), key=natural)


def require_folder(name: str, root: Path, expects: str) -> Path:
    root = Path(root)
    if not root.is_dir():
        raise missing(name, root, "no such folder", expects)
    return root


def fingerprint(root: Path, paths: Sequence[Path]) -> dict[str, Any]:
    """Number of files and a SHA-256 over their names below ``root``, their sizes and their content: all of it up to
    64 MiB in total; of more, the first and last 64 KiB of 64 files spread evenly. So a large set in which
    single bytes were changed without a change of size can pass for the same."""
    sizes = [path.stat().st_size for path in paths]
    digest = hashlib.sha256()
    for path, size in zip(paths, sizes, strict=True):
        digest.update(f"{path.relative_to(root).as_posix()} {size}\n".encode())
    if sum(sizes) <= WHOLE:
        for path in paths:
            digest.update(path.read_bytes())
    else:
        for path in paths[:: max(1, len(paths) // SAMPLES)]:
            digest.update(_ends(path))
    return {"files": len(paths), "bytes": sum(sizes), "sha256": digest.hexdigest()}


def _ends(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(BLOCK)
        file.seek(max(0, path.stat().st_size - BLOCK))
        return start + file.read(BLOCK)


def read_text(path: Path, limit: int = 1 << 20) -> str:
    """A small UTF-8 text file; a LinksimError that names it where it is none."""
    try:
        if path.stat().st_size > limit:
            raise LinksimError(f"{path}: {path.stat().st_size} bytes, more than the {limit} that such a file can have")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise LinksimError(f"{path}: not a text file in UTF-8") from None
    except OSError as error:
        raise LinksimError(f"{path}: {error.strerror}") from None


def read_words(path: Path) -> list[str]:
    """The lines of a text file that are not blank, stripped."""
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def first_existing(candidates: Iterable[Path]) -> Path | None:
    return next((path for path in candidates if path.exists()), None)

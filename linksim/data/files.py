"""What the loaders of data sets on disk share: listing folders, identity, the line that tells what is missing."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

from linksim.data.images import SUFFIXES
from linksim.errors import LinksimError, as_text, failed

WHOLE = 64 << 20
"""Files of up to 64 MiB together are hashed whole."""
SAMPLES = 64
BLOCK = 1 << 16


def missing(name: str, root: Path, what: str, expects: str) -> LinksimError:
    """One line: what is wrong where, what was expected, and how to get it."""
    return LinksimError(f"{name} in {as_text(root)}: {what}; expected {expects}")


@dataclass(frozen=True)
class Listing:
    """What a folder holds directly, each sorted by name as text, which is the order of ``torchvision`` and Keras.

    ``images``: all but folders with an image's suffix, unreadable ones and dead links included, so that they are told;
    ``folders``: sub-folders; ``others``: number of other files by suffix ('' for none). Hidden entries are left out,
    but ``hidden`` counts images among them.
    """

    images: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    others: Counter[str] = field(default_factory=Counter)
    hidden: int = 0


def listing(folder: Path) -> Listing:
    """List a folder; LinksimError with the system's reason if that fails."""
    images, folders, others, hidden = [], [], Counter[str](), 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                suffix, is_folder = os.path.splitext(entry.name)[1].lower(), _is_folder(entry)
                if entry.name.startswith("."):
                    hidden += suffix in SUFFIXES and not is_folder
                elif is_folder:
                    folders.append(folder / entry.name)
                elif suffix in SUFFIXES:
                    images.append(folder / entry.name)
                else:
                    others[suffix] += 1
    except OSError as error:
        raise failed(as_text(folder), error) from None
    by_name = attrgetter("name")  # paths themselves compare without regard to case on Windows
    return Listing(tuple(sorted(images, key=by_name)), tuple(sorted(folders, key=by_name)), others, hidden)


def holds_images(folder: Path) -> bool:
    """Whether images lie directly in a folder; not if it cannot be listed."""
    try:
        return bool(listing(folder).images)
    except LinksimError:
        return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def left_out(others: Counter[str], hidden: int = 0, folders: Sequence[Path] = (), stray: Sequence[Path] = ()) -> str:
    """Say what of a folder is not among a data set's images; '' if nothing is left out.

    >>> left_out(Counter({".txt": 2, "": 1}), folders=[Path("raw")])
    '3 other files (2 .txt, 1 without suffix), 1 sub-folder (raw)'
    """
    parts = []
    if stray:
        parts.append(f"{_count(len(stray), 'image')} beside the sub-folders ({_names(stray)})")
    if others:
        kinds = ", ".join(f"{n} {as_text(suffix) or 'without suffix'}" for suffix, n in others.most_common(4))
        parts.append(f"{_count(others.total(), 'other file')} ({kinds}{', ...' if len(others) > 4 else ''})")
    if hidden:
        parts.append(_count(hidden, "hidden image"))
    if folders:
        parts.append(f"{_count(len(folders), 'sub-folder')} ({_names(folders)})")
    return ", ".join(parts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + "s" * (number != 1)


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(as_text(path.name) for path in paths[:3]) + ", ..." * (len(paths) > 3)


def require_folder(name: str, root: Path, expects: str) -> Path:
    root = Path(root)
    if not root.is_dir():
        raise missing(name, root, "no such folder", expects)
    return root


def fingerprint(root: Path, paths: Sequence[Path]) -> dict[str, Any]:
    """Number of files and a SHA-256 over their names below ``root``, their sizes and their content: all of it up to
    64 MiB in total; of more, the first and last 64 KiB of 64 files spread evenly. So a large set in which
    single bytes were changed without a change of size can pass for the same."""
    sizes = [path.stat().st_size if path.is_file() else 0 for path in paths]
    digest = hashlib.sha256()
    for path, size in zip(paths, sizes, strict=True):
        digest.update(os.fsencode(path.relative_to(root).as_posix()) + f" {size}\n".encode())
    whole = sum(sizes) <= WHOLE
    for path in paths if whole else paths[:: max(1, len(paths) // SAMPLES)]:
        try:
            digest.update(_ends(path, None if whole else BLOCK) if path.is_file() else b"")
        except OSError as error:  # its image is named when it is read
            digest.update(str(error.errno).encode())
    return {"files": len(paths), "bytes": sum(sizes), "sha256": digest.hexdigest()}


def _ends(path: Path, block: int | None) -> bytes:
    """The first and last ``block`` bytes of a file, or all of it."""
    with path.open("rb") as file:
        start = file.read(block)
        file.seek(max(0, path.stat().st_size - (block or 0)))
        return start + file.read(block)


def read_text(path: Path, limit: int = 1 << 20) -> str:
    """A small UTF-8 text file; a LinksimError that names it where it is none."""
    try:
        if path.stat().st_size > limit:
            raise LinksimError(f"{path}: {path.stat().st_size} bytes, more than the {limit} that such a file can have")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise LinksimError(f"{path}: not a text file in UTF-8") from None
    except OSError as error:
        raise failed(str(path), error) from None


def read_words(path: Path) -> list[str]:
    """The lines of a text file that are not blank, stripped."""
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def first_existing(candidates: Iterable[Path]) -> Path | None:
    return next((path for path in candidates if path.exists()), None)

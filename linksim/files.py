"""Files written whole or not at all, and folders that one run at a time writes to."""

from __future__ import annotations

import errno
import os
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from linksim.errors import LinksimError, failed, one_line

NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)
"""How file systems say that they have no locks."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write a whole file or nothing, even if the process dies meanwhile.

    Raises:
        LinksimError: The file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with open(temporary, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise failed(f"cannot write {path}", error) from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises:
        LinksimError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise failed(f"cannot make the folder {folder}", error) from error


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold a folder that one run at a time may write to. The system releases the lock however the process ends.

    On a file system without locks, a file that exists while the folder is held stands for the lock.

    Raises:
        LinksimError: Another run holds the folder (the message names it), or the folder cannot be written.
    """
    holder = folder / ".lock-holder"
    with ExitStack() as stack:
        try:
            _lock(folder, stack)
        except TimeoutError as held:
            raise LinksimError(_who_holds(folder, holder, held.filename)) from None
        except OSError as error:
            raise failed(f"cannot write in {folder}", error) from error
        write_atomically(holder, f"process {os.getpid()} on {platform.node()}".encode())
        stack.callback(holder.unlink, missing_ok=True)
        yield


def _lock(folder: Path, stack: ExitStack) -> None:
    """Lock a folder until the stack is closed.

    Raises:
        TimeoutError: Another process holds it; its ``filename`` is that of a lock file without the system's support.
        OSError: The folder cannot be written.
    """
    from filelock import SoftFileLock, lock_descriptor

    file = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    stack.callback(os.close, file)
    try:
        if not lock_descriptor(file, blocking=False):
            raise TimeoutError
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        soft = SoftFileLock(folder / ".lock-soft")
        try:
            stack.enter_context(soft.acquire(timeout=0))
        except TimeoutError:
            raise TimeoutError(errno.ETIMEDOUT, "held", soft.lock_file) from None


def _who_holds(folder: Path, holder: Path, lock_file: str | None) -> str:
    """The message that a folder is held: by whom, if known, and how to free it where the system cannot."""
    try:
        who = f" ({one_line(holder.read_text(errors='replace'))})"
    except OSError:
        who = ""
    ended = f", or delete {lock_file} if that run has ended" if lock_file else ""
    return f"another run{who} is writing to {folder}; wait for it{ended}, or choose another --out"


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

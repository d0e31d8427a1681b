"""Errors the caller can fix.

Library code raises them; only the command line prints them, as one line, and exits with code 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class LinksimError(ValueError):
    """A request that cannot be carried out; the message names the bad value and what is allowed."""


DISTRIBUTION = "linksim-jscc"
"""What pip calls this package; ``linksim``, the name it is imported by, belongs to another project there."""


class ContractError(LinksimError):
    """A link, task, channel or data set broke its contract; the message names it."""


def as_text(name: str | Path) -> str:
    """A file's name or path as text that UTF-8 can write: bytes that are no text become ``\\xff``.

    >>> as_text("caf\\udce9.png")
    'caf\\\\xe9.png'
    """
    try:
        raw = str(name).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character that no file's name on this system can hold
        raw = str(name).encode("utf-8", "surrogatepass")
    return raw.decode("utf-8", "backslashreplace")


def one_line(text: object) -> str:
    """A message on one line without control characters, whoever wrote it.

    >>> one_line("two\\nlines")
    'two lines'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in as_text(str(text))).split())


def reason(error: BaseException) -> str:
    """Why something failed, on one line: the system's reason of an OSError, else the message, else the type.

    >>> reason(PermissionError(13, "Permission denied", "a.csv")), reason(KeyError("a")), reason(MemoryError())
    ('Permission denied', "missing 'a'", 'MemoryError')
    """
    text = f"missing {error}" if isinstance(error, KeyError) else getattr(error, "strerror", None) or error
    return one_line(text) or type(error).__name__


def failed(action: str, error: BaseException) -> LinksimError:
    """Error for an action that failed.

    >>> print(failed("cannot write a.csv", PermissionError(13, "Permission denied")))
    cannot write a.csv: Permission denied
    """
    return LinksimError(f"{action}: {reason(error)}")


def unknown(kind: str, name: str, known: Iterable[str]) -> LinksimError:
    """Error for a name that is not registered: names the nearest valid one and lists them all."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return LinksimError(f"unknown {kind} {name!r}{hint}; known: {', '.join(names) or 'none'}")


def missing_extra(what: str, extra: str) -> LinksimError:
    """Error for what needs an optional dependency that is not installed.

    >>> print(missing_extra("--dask", "dask"))
    --dask needs the extra 'dask': pip install 'linksim-jscc[dask]'
    """
    return LinksimError(f"{what} needs the extra {extra!r}: pip install '{DISTRIBUTION}[{extra}]'")

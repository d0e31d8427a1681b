"""Standard output and error that stop no work: not for an encoding, a closed pipe or a full disk."""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from collections.abc import Callable
from typing import Any, TextIO

ASCII = dict(zip("–—−·×─━│┃“”‘’µμ", "---" + "-x--||" + "\"\"''" + "uu", strict=True))
ASCII |= {"±": "+-", "≤": "<=", "≥": ">=", "√": "sqrt", "→": "->", "…": "...", "✓": "yes", "✗": "no", "∞": "inf"}
ASCII |= {"τ": "tau", "σ": "sigma", "β": "beta", "Δ": "delta"}
"""What is written for a character that the encoding of a stream lacks."""


def fallback(error: UnicodeError) -> tuple[str, int]:
    """Error handler for ``codecs``: ASCII that reads the same, an escape for a byte of a file name, else ``?``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    written = (_written(c) for c in error.object[error.start : error.end])
    return "".join(written), error.end


def _written(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte of a name that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    if character in ASCII:
        return ASCII[character]
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain or "?"


class Patient:
    """A text stream that keeps the first error of writing in ``error`` and drops what follows it.

    The work goes on, since its results are in files; the command says at its end that its output was lost.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.error: OSError | None = None
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=fallback.__name__)

    def write(self, text: str) -> int:
        """Write text, or drop it after an error."""
        self._attempt(lambda: self.stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush what is written."""
        self._attempt(self.stream.flush)

    def _attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as error:
            self.error = self.error or error
            nowhere = os.open(os.devnull, os.O_WRONLY)  # for what the stream still holds
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def make_patient() -> None:
    """Replace standard output and error by streams that never raise; a closed one is opened on the null device."""
    codecs.register_error(fallback.__name__, fallback)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller: its descriptor must not become that of a result
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115
    sys.stdout, sys.stderr = Patient(sys.stdout), Patient(sys.stderr)


def lost_output() -> OSError | None:
    """Flush standard output; the error for which something of it is lost, unless its reader closed the pipe."""
    sys.stdout.flush()
    sys.stderr.flush()
    error = getattr(sys.stdout, "error", None)
    return None if isinstance(error, BrokenPipeError) else error

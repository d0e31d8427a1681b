"""Any code whose parity-check matrix is in an alist file (MacKay, Davey and Lafferty's format).

Lines of whole numbers: N M; the largest weights of a column and of a row; the N column weights; the M row weights; for
each column the rows of its ones, from 1, filled up with zeros (which some writers leave out); for each row its columns.
Blank lines, and what follows # or %, are comments.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from baselines.fec.ldpc import ParityCheckCode, systematic
from baselines.fec.rules import Graph
from linksim.errors import LinksimError, failed

MAX_LENGTH = 64_800
MAX_EDGES = 1_000_000
MAX_BYTES = 32 << 20
COMMENT = re.compile("[#%]")


class AlistLDPC(ParityCheckCode):
    """Any binary linear code with its parity-check matrix in an alist file: alist:PATH."""

    @classmethod
    def from_spec(cls, spec: str) -> AlistLDPC:
        """The code of ``alist:PATH``; a LinksimError of one line for a file that is not what it should be."""
        prefix, _, path = spec.partition(":")
        if prefix != "alist" or not path:
            raise LinksimError(f"code {spec!r}: the form is alist:PATH")
        try:
            graph, n, k, encoder = systematic(*parse(_read(Path(path))))
        except LinksimError as error:
            raise LinksimError(f"alist file {path}: {error}") from None
        if k == 0:
            raise LinksimError(
                f"alist file {path}: its {n} columns are independent, so the code carries no information"
            )
        return cls(f"alist:{Path(path).name}", graph, n, k, encoder)


def parse(text: str) -> tuple[Graph, int]:
    """The matrix in an alist text, and its number of columns.

    Raises:
        LinksimError: names the line that is not what it should be.
    """
    lines = _Lines(text)
    n, m = lines.numbers(2, MAX_LENGTH, "columns and rows of the matrix")
    if n < 1 or m < 1:
        raise lines.error(f"a matrix of {n} columns and {m} rows is no code")
    widest = lines.numbers(2, MAX_LENGTH, "largest weights")
    column_weights = lines.numbers(n, widest[0], "column weights")
    row_weights = lines.numbers(m, widest[1], "row weights")
    ones = sum(row_weights)
    if sum(column_weights) != ones or ones > MAX_EDGES:
        raise lines.error(f"{sum(column_weights)} ones by columns, {ones} by rows: must agree, at most {MAX_EDGES}")
    by_column = np.array(
        [i * n + j for j, w in enumerate(column_weights) for i in lines.ones(w, m, f"column {j + 1}")], np.int64
    )
    by_row = np.array(
        [i * n + j for i, w in enumerate(row_weights) for j in lines.ones(w, n, f"row {i + 1}")], np.int64
    )
    if lines.words:
        raise LinksimError(f"line {lines.next_at}: nothing more is expected after the last row")
    differing = np.setxor1d(by_column, by_row)
    if differing.size:
        i, j = divmod(int(differing[0]), n)
        raise LinksimError(f"the 1 in row {i + 1} and column {j + 1} is listed by only one of them")
    starts = np.cumsum([0, *row_weights], dtype=np.uint32)
    return Graph(starts, (np.sort(by_row) % n).astype(np.uint32)), n


def _numbered(text: str) -> Iterator[tuple[int, list[str]]]:
    """(number, words) of each line that has words, comments left out."""
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        words = COMMENT.split(line, maxsplit=1)[0].split(maxsplit=MAX_LENGTH + 1)
        if words:
            yield number, words


class _Lines:
    """The lines of a text that hold numbers, one after another. words: of the next line; none at the end."""

    def __init__(self, text: str) -> None:
        self.lines = _numbered(text)
        self.at = 0
        self.next_at, self.words = next(self.lines, (0, []))

    def _advance(self) -> None:
        self.at = self.next_at
        self.next_at, self.words = next(self.lines, (self.at, []))

    def error(self, message: str) -> LinksimError:
        """An error about the line that was read last."""
        return LinksimError(f"line {self.at}: {message}")

    def numbers(self, count: int | None, limit: int, what: str) -> list[int]:
        """The next line: ``count`` whole numbers from 0 to ``limit``; None for any count."""
        words = self.words
        if not words:
            raise LinksimError(f"ends after line {self.at}, before the {what}")
        self._advance()
        if count is not None and len(words) != count:
            more = "; a third is of a non-binary code, which cannot be read" if (count, len(words)) == (2, 3) else ""
            raise self.error(f"{len(words)} numbers where {count} are expected ({what}){more}")
        numbers = [int(word) if word.isascii() and word.isdecimal() and len(word) < 10 else -1 for word in words]
        for word, number in zip(words, numbers, strict=True):
            if not 0 <= number <= limit:
                raise self.error(f"{word[:20]!r} among the {what}: must be a whole number from 0 to {limit}")
        return numbers

    def ones(self, weight: int, limit: int, what: str) -> list[int]:
        """The next line: the positions, from 0, of the ones of a row or column; zeros may fill it up.

        A weight of 0 has a line of zeros, or none.
        """
        if weight == 0 and set(self.words) != {"0"}:
            return []
        numbers = self.numbers(None, limit, f"indices of {what}")
        found = numbers[:weight]
        if 0 in found or len(set(found)) != weight or any(numbers[weight:]):
            raise self.error(f"{what} must list {weight} different indices, then zeros")
        return [number - 1 for number in found]


def write(graph: Graph, n: int) -> str:
    """The alist text of a matrix of n columns."""
    edges = [(i, int(j)) for i in range(len(graph.rows) - 1) for j in graph.columns[graph.rows[i] : graph.rows[i + 1]]]
    by_column: list[list[int]] = [[] for _ in range(n)]
    by_row: list[list[int]] = [[] for _ in range(len(graph.rows) - 1)]
    for i, j in edges:
        by_column[j].append(i + 1)
        by_row[i].append(j + 1)
    widest = [max(map(len, by_column)), max(map(len, by_row))]
    lines = [[n, len(by_row)], widest, [len(ones) for ones in by_column], [len(ones) for ones in by_row]]
    lines += [ones + [0] * (widest[0] - len(ones)) for ones in by_column]
    lines += [ones + [0] * (widest[1] - len(ones)) for ones in by_row]
    return "".join(" ".join(map(str, line)) + "\n" for line in lines)


def _read(path: Path) -> str:
    try:
        if not path.is_file():
            raise LinksimError("no such file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise failed("cannot be read", error) from error
    if len(content) > MAX_BYTES:
        raise LinksimError(f"longer than {MAX_BYTES} bytes")
    return content.decode("utf-8-sig", errors="replace")

"""Any code whose parity-check matrix is in an alist file (MacKay, Davey and Lafferty's format).

Lines of whole numbers: N M; the largest weights of a column and of a row; the N column weights; the M row weights; for
each column the rows of its ones, from 1, filled up with zeros (which some writers leave out); for each row its columns.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from baselines.fec.ldpc import ParityCheckCode, systematic
from baselines.fec.rules import Graph
from linksim.errors import LinksimError

MAX_LENGTH = 16_384
MAX_EDGES = 500_000
MAX_BYTES = 16 << 20


class AlistLDPC(ParityCheckCode):
    """Any binary linear code with its parity-check matrix in an alist file: alist:PATH."""

    @classmethod
    def from_spec(cls, spec: str) -> AlistLDPC:
        """The code of ``alist:PATH``; a LinksimError of one line for a file that is not what it should be."""
        prefix, _, path = spec.partition(":")
        if prefix != "alist" or not path:
            raise LinksimError(f"code {spec!r}: the form is alist:PATH")
        try:
            graph, n = parse(_read(Path(path)))
        except LinksimError as error:
            raise LinksimError(f"alist file {path}: {error}") from None
        graph, n, k, encoder = systematic(graph, n)
        if k == 0:
            raise LinksimError(
                f"alist file {path}: its {n} columns are independent, so the code carries no information"
            )
        return cls(f"alist:{Path(path).name}", graph, n, k, encoder)


def parse(text: str) -> tuple[Graph, int]:
    """The matrix and its number of columns."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    n, m = _numbers(_line(lines, 0), 2, MAX_LENGTH, "matrix size")
    if n < 1 or m < 1:
        raise LinksimError(f"a matrix of {n} columns and {m} rows is no code")
    widest = _numbers(_line(lines, 1), 2, MAX_LENGTH, "largest weight")
    column_weights = _numbers(_line(lines, 2), n, widest[0], "column weight")
    row_weights = _numbers(_line(lines, 3), m, widest[1], "row weight")
    ones = sum(row_weights)
    if sum(column_weights) != ones or ones > MAX_EDGES:
        raise LinksimError(f"{sum(column_weights)} ones by columns, {ones} by rows: must agree, at most {MAX_EDGES}")
    if len(lines) > 4 + n + m:
        raise LinksimError(f"{len(lines)} lines where {4 + n + m} are expected")
    by_column = [_positions(_line(lines, 4 + i), weight, m) for i, weight in enumerate(column_weights)]
    by_row = [_positions(_line(lines, 4 + n + i), weight, n) for i, weight in enumerate(row_weights)]
    if {(i, j) for j, ones in enumerate(by_column) for i in ones} != {
        (i, j) for i, ones in enumerate(by_row) for j in ones
    }:
        raise LinksimError("the lists by columns and by rows describe different matrices")
    rows = np.cumsum([0, *row_weights], dtype=np.uint32)
    return Graph(rows, np.array([j for ones in by_row for j in sorted(ones)], np.uint32)), n


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
        raise LinksimError(f"cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise LinksimError(f"longer than {MAX_BYTES} bytes")
    return content.decode("ascii", errors="replace")


def _line(lines: list[list[str]], index: int) -> list[str]:
    if index >= len(lines):
        raise LinksimError(f"ends after {len(lines)} lines")
    return lines[index]


def _numbers(words: list[str], count: int, limit: int, what: str) -> list[int]:
    """``count`` whole numbers from 0 to ``limit``."""
    if len(words) != count:
        raise LinksimError(f"{len(words)} numbers where {count} are expected ({what})")
    numbers = [int(word) if word.isascii() and word.isdecimal() and len(word) < 10 else -1 for word in words]
    for word, number in zip(words, numbers, strict=True):
        if not 0 <= number <= limit:
            raise LinksimError(f"{what} {word[:20]!r}: must be a whole number from 0 to {limit}")
    return numbers


def _positions(words: list[str], weight: int, limit: int) -> set[int]:
    """Positions, from 0, of the ones of a row or column of this weight; zeros may fill up the line."""
    numbers = _numbers(words, len(words), limit, "index")
    ones = {number - 1 for number in numbers[:weight]}
    if -1 in ones or len(ones) != weight or any(numbers[weight:]):
        raise LinksimError(f"a line should list {weight} different indices, then zeros: {' '.join(words)[:40]!r}")
    return ones

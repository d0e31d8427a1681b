"""Gallager's regular random codes: the matrix is pyldpc's, encoder and decoder are ours."""

from __future__ import annotations

import numpy as np

from baselines.fec.ldpc import ParityCheckCode, systematic
from baselines.fec.rules import Graph
from linksim.errors import LinksimError, missing_extra

MAX_LENGTH = 8192  # pyldpc's matrices are dense, 8 bytes an element
SEED = 0


class RandomLDPC(ParityCheckCode):
    """Regular random LDPC of N bits, DV ones a column and DC a row: random-N-DV-DC (needs the extra ``pyldpc``)."""

    @classmethod
    def from_spec(cls, spec: str) -> RandomLDPC:
        """The code of ``random`` (random-1944-3-12) or ``random-N-DV-DC``; DC divides N, 2 <= DV < DC."""
        numbers = (spec if spec != "random" else "random-1944-3-12").split("-")[1:]
        if not spec.startswith("random") or len(numbers) != 3 or not all(x.isdecimal() and len(x) < 7 for x in numbers):
            raise LinksimError(f"code {spec!r}: the form is random-N-DV-DC, e.g. random-1944-3-12")
        n, column_weight, row_weight = map(int, numbers)
        if not 2 <= column_weight < row_weight <= n <= MAX_LENGTH or n % row_weight:
            raise LinksimError(f"code {spec!r}: needs 2 <= DV < DC <= N <= {MAX_LENGTH} and DC dividing N")
        try:
            from pyldpc import parity_check_matrix
        except ImportError:
            raise missing_extra(f"code {spec!r}", "pyldpc") from None
        matrix = parity_check_matrix(n, column_weight, row_weight, seed=SEED)
        rows, columns = np.nonzero(matrix)
        starts = np.searchsorted(rows, np.arange(matrix.shape[0] + 1))
        graph = Graph(starts.astype(np.uint32), columns.astype(np.uint32))
        return cls("random-" + "-".join(numbers), *systematic(graph, n))

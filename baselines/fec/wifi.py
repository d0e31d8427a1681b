"""The twelve LDPC codes of IEEE 802.11n-2009 (20.3.11.6 and Annex R).

``ieee80211n.json`` holds the standard's tables R.1 to R.3: for each length and rate the shifts of the blocks of the
parity-check matrix.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np

from baselines.fec.ldpc import ParityCheckCode
from baselines.fec.quasi_cyclic import QuasiCyclicEncoder, expand
from linksim.errors import LinksimError

LENGTHS = (648, 1296, 1944)
RATES = ("1/2", "2/3", "3/4", "5/6")


class WifiLDPC(ParityCheckCode):
    """IEEE 802.11n LDPC: ldpc[-N]-RATE, N = 648, 1296, 1944 (default), RATE = 1/2, 2/3, 3/4 (default), 5/6."""

    def __init__(self, n: int = 1944, rate: str = "3/4") -> None:
        if n not in LENGTHS or rate not in RATES:
            raise LinksimError(
                f"no 802.11n LDPC code of length {n} and rate {rate!r}; "
                f"lengths: {', '.join(map(str, LENGTHS))}; rates: {', '.join(RATES)}"
            )
        table = _tables()[f"{n}-{rate}"]
        base = np.array([[-1 if s == "-" else int(s) for s in row.split()] for row in table["base"]])
        encoder = QuasiCyclicEncoder(base, table["z"])
        super().__init__(f"ldpc-{n}-{rate}", expand(base, table["z"]), n, encoder.k, encoder)

    @classmethod
    def from_spec(cls, spec: str) -> WifiLDPC:
        """The code of ``ldpc``, ``ldpc-RATE`` or ``ldpc-N-RATE``."""
        parts = spec.split("-")
        if parts[0] != "ldpc" or len(parts) > 3 or (len(parts) == 3 and not parts[1].isdecimal()):
            raise LinksimError(f"code {spec!r}: the form is ldpc[-N]-RATE, e.g. ldpc-1296-5/6")
        return cls(int(parts[1]) if len(parts) == 3 else 1944, parts[-1] if len(parts) > 1 else "3/4")


@functools.cache
def _tables() -> Any:
    return json.loads((Path(__file__).parent / "ieee80211n.json").read_text())["codes"]

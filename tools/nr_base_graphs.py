"""Write ``baselines/fec/nr_base_graphs.json``, the base graphs of 5G NR, from the tables that Sionna ships.

python tools/nr_base_graphs.py
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

from sionna.phy.fec.ldpc import codes

TARGET = Path(__file__).parents[1] / "baselines" / "fec" / "nr_base_graphs.json"
SOURCE = "3GPP TS 38.212, tables 5.3.2-2 and 5.3.2-3, as in the tables of Sionna (Apache-2.0)"
CONVENTION = (
    "a block each: row, column, and the values V of the lifting sizes' sets 0 to 7; the block of lifting size Z is the "
    "Z x Z identity cyclically shifted right by V mod Z"
)


def blocks(graph: int) -> list[list[int]]:
    """[row, column, V0, ..., V7] of each block that is not zero."""
    found: list[list[int]] = []
    for line in resources.files(codes).joinpath(f"5G_bg{graph}.csv").read_text().splitlines()[2:]:
        row, *rest = line.split(";")
        found.append([int(row) if row else found[-1][0], *map(int, rest)])
    return found


def main() -> None:
    graphs = {str(graph): ",\n".join(f"        {block}" for block in blocks(graph)) for graph in (1, 2)}
    listed = ",\n".join(f'    "{graph}": [\n{text}\n    ]' for graph, text in graphs.items())
    head = f'  "source": {json.dumps(SOURCE)},\n  "convention": {json.dumps(CONVENTION)},\n'
    TARGET.write_text(f'{{\n{head}  "graphs": {{\n{listed}\n  }}\n}}\n')


if __name__ == "__main__":
    main()

"""Names with what they mean, as plain text."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping

MOST = 24
"""Longest name, in characters, that has its meaning beside it."""


def show(sections: Mapping[str, Mapping[str, str]]) -> None:
    """Print sections of names with their meanings beside them, wrapped to the terminal."""
    width = shutil.get_terminal_size().columns
    column = 4 + max(len(name) for rows in sections.values() for name in rows if len(name) <= MOST)
    for title, rows in sections.items():
        print(title)
        for name, meaning in rows.items():
            beside = len(name) + 4 <= column
            if not beside:
                print(f"  {name}")
            text = f"{f'  {name}' if beside else '':<{column}}{meaning}"
            print(textwrap.fill(text, width, subsequent_indent=" " * column, break_on_hyphens=False))
        print()

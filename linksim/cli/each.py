"""One line for each of several files, the bad ones named at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from linksim.cli.command import keeping
from linksim.errors import LinksimError, one_line


def convert(inputs: Sequence[Path], out_dir: Path, suffix: str, heading: str, one: Callable[[Path, Path], str]) -> int:
    """Convert files and print a table with a line for each, once it is written.

    Args:
        inputs: the files.
        out_dir: folder of the outputs, made where it is missing.
        suffix: ending of the outputs.
        heading: of the columns that ``one`` returns.
        one: converts a file (input, output) and returns its line; a LinksimError names what is wrong with it.

    Returns:
        0, or 2 if some files were bad: the others are done.
    """
    from baselines.source.files import plan
    from linksim.files import make_folder

    pairs = plan(inputs, out_dir, suffix)
    make_folder(out_dir)
    width = max(len(str(output)) for _, output in pairs)
    bad: list[str] = []
    done = 0
    print(f"{'file':<{width}}  {heading}")
    try:
        with keeping(lambda: f"{done} of {len(pairs)} files are written"):
            for source, output in pairs:
                try:
                    line = one(source, output)
                except LinksimError as error:
                    bad.append(one_line(error))
                else:
                    done += 1
                    print(f"{output!s:<{width}}  {line}", flush=True)
    finally:
        for why in bad:
            print(f"linksim: {why}", file=sys.stderr)
    return 2 if bad else 0

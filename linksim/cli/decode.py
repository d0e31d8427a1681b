"""``linksim decode``: files of a source codec to PNG."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from linksim.errors import LinksimError


def decode(
    files: Annotated[list[Path], typer.Argument(help="Coded files.")],
    out_dir: Annotated[Path, typer.Option(help="Folder of the images; made if it is not there.")],
    codec: Annotated[str, typer.Option(help="Source codec; by default the one that a file's name ends like.")] = "",
) -> int:
    """Decode files of a source codec: DIR/NAME.png each."""
    from baselines.source import files as codec_files
    from linksim import registry
    from linksim.files import make_folder

    pairs = codec_files.plan(files, out_dir, ".png")
    coders = [registry.codec(codec) if codec else codec_files.codec_for(source) for source, _ in pairs]
    make_folder(out_dir)
    width = max(len(str(output)) for _, output in pairs)
    print(f"{'file':<{width}}  {'pixels':>11}  {'bytes':>9}  {'bpp':>7}")
    failed = False
    for coder, (source, output) in zip(coders, pairs, strict=True):
        try:
            made = codec_files.decode_file(coder, source, output)
        except LinksimError as error:
            print(f"linksim: {error}", file=sys.stderr)
            failed = True
            continue
        pixels = f"{made.width}x{made.height}"
        print(f"{made.output!s:<{width}}  {pixels:>11}  {made.size:>9}  {made.bpp:>7.4f}", flush=True)
    return 2 if failed else 0

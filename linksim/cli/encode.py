"""``linksim encode``: image files to files of a source codec."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from linksim.errors import LinksimError


def encode(
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    out_dir: Annotated[Path, typer.Option(help="Folder of the coded files; made if it is not there.")],
    codec: Annotated[str, typer.Option(help="Source codec; see 'linksim methods'.")] = "bpg",
    bpp: Annotated[float | None, typer.Option(help="Bits per pixel that a whole file may take.")] = None,
    quality: Annotated[
        int | None, typer.Option(help="Quality on the codec's own scale: QP 51 to 0 for bpg, 1 to 100 for jpeg.")
    ] = None,
) -> int:
    """Code images to a budget or at a quality: DIR/NAME.bpg and so on, with their size and PSNR."""
    from baselines.source import files as codec_files
    from linksim import registry
    from linksim.files import make_folder
    from linksim.link import Budget

    coder = registry.codec(codec)
    if (bpp is None) == (quality is None):
        raise LinksimError("give --bpp or --quality, one of them")
    if quality is not None and quality not in coder.qualities:
        low, high = sorted((coder.qualities[0], coder.qualities[-1]))
        raise LinksimError(f"--quality {quality}: {codec} takes a whole number from {low} to {high}")
    budget = None if bpp is None else Budget("bpp", bpp)
    pairs = codec_files.plan(images, out_dir, coder.suffix)
    make_folder(out_dir)
    width = max(len(str(output)) for _, output in pairs)
    print(f"{'file':<{width}}  {'bytes':>9}  {'bpp':>7}  {'quality':>7}  {'PSNR dB':>7}")
    failed = False
    for source, output in pairs:
        try:
            made = codec_files.encode_file(coder, source, output, budget=budget, quality=quality)
        except LinksimError as error:
            print(f"linksim: {error}", file=sys.stderr)
            failed = True
            continue
        used = "–" if made.quality is None else made.quality
        print(f"{made.output!s:<{width}}  {made.size:>9}  {made.bpp:>7.4f}  {used:>7}  {made.psnr:>7.2f}", flush=True)
    return 2 if failed else 0

"""``linksim encode``: image files to files of a source codec."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.command import one_of, option, registered
from linksim.cli.each import convert
from linksim.cli.options import ratio
from linksim.errors import LinksimError

EXAMPLES = (
    "linksim encode photo.png --bpp 0.5 --out-dir coded",
    "linksim encode *.png --codec webp --bpp 1/4 --out-dir coded",
    "linksim encode photo.png --quality 30 --out-dir coded",
)
CODING = "Coding"


def encode(
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    out_dir: Annotated[Path, option(CODING, "Folder of the coded files; made where it is missing.")],
    codec: Annotated[
        str, option(CODING, "Source codec: {names}.", **one_of("source codec", registered("linksim.sources")))
    ] = "bpg",
    bpp: Annotated[str | None, option(CODING, "Most bits per pixel of the whole file: 0.5 or 1/4.")] = None,
    quality: Annotated[
        int | None,
        option(CODING, "Quality on the codec's own scale, instead of --bpp: QP 51 to 0 for bpg, 1 to 100 for jpeg."),
    ] = None,
) -> int:
    """Encode images within a budget or at a quality.

    IMAGE.png becomes OUT_DIR/IMAGE.bpg; a table shows its size and PSNR. An image that cannot be encoded does not stop
    the others; the exit code is then 2.
    """
    from baselines.source.files import encode_file
    from linksim import registry
    from linksim.link import Budget

    coder = registry.codec(codec)
    if (bpp is None) == (quality is None):
        raise LinksimError("give --bpp or --quality, one of them")
    if quality is not None and quality not in coder.qualities:
        low, high = sorted((coder.qualities[0], coder.qualities[-1]))
        raise LinksimError(f"--quality {quality}: {codec} takes a whole number from {low} to {high}")
    budget = None if bpp is None else Budget("bpp", ratio("--bpp", bpp))

    def encoded(source: Path, output: Path) -> str:
        made = encode_file(coder, source, output, budget=budget, quality=quality)
        used = "-" if made.quality is None else made.quality
        psnr = f"{made.psnr:.2f}" if math.isfinite(made.psnr) else "exact"
        return f"{made.size:>9}  {made.bpp:>7.4f}  {used:>7}  {psnr:>7}"

    heading = f"{'bytes':>9}  {'bpp':>7}  {'quality':>7}  {'PSNR dB':>7}"
    return convert(images, out_dir, coder.suffix, heading, encoded)

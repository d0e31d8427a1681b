"""``linksim decode``: files of a source codec to PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.command import one_of, option, registered
from linksim.cli.each import convert

EXAMPLES = (
    "linksim decode photo.bpg --out-dir decoded",
    "linksim decode coded/*.bin --codec webp --out-dir decoded",
)


def decode(
    files: Annotated[list[Path], typer.Argument(help="Coded files.")],
    out_dir: Annotated[Path, option("Decoding", "Folder of the images; made where it is missing.")],
    codec: Annotated[
        str | None,
        option(
            "Decoding",
            "Source codec: {names}.",
            default="the one that writes files of this ending",
            **one_of("source codec", registered("linksim.sources")),
        ),
    ] = None,
) -> int:
    """Decode files of a source codec to PNG.

    FILE becomes OUT_DIR/FILE.png. A file that cannot be decoded does not stop the others; the exit code is then 2.
    """
    from baselines.source.files import codec_for, decode_file
    from linksim import registry

    def decoded(source: Path, output: Path) -> str:
        made = decode_file(registry.codec(codec) if codec else codec_for(source), source, output)
        return f"{f'{made.width}x{made.height}':>11}  {made.size:>9}  {made.bpp:>7.4f}"

    return convert(files, out_dir, ".png", f"{'pixels':>11}  {'bytes':>9}  {'bpp':>7}", decoded)

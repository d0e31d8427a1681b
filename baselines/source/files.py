"""Image files to coded files of a source codec and back, as ``linksim encode`` and ``linksim decode`` do it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image as Pillow

from linksim import registry
from linksim.data.images import read_image
from linksim.errors import LinksimError, failed
from linksim.files import write_atomically
from linksim.link import Budget, Image
from linksim.scoring.image_quality import psnr

if TYPE_CHECKING:
    from baselines.source.base import SourceCodec

MAX_CODED_BYTES = 1 << 30
SECONDS_TO_DECODE = 600.0


@dataclass(frozen=True)
class Coded:
    """Result of encoding one image. ``psnr`` is RGB, dB, of what the file decodes to; ``quality`` is on the codec's own
    scale, None where the codec does not tell which one met the budget."""

    output: Path
    size: int
    bpp: float
    quality: int | None
    psnr: float


@dataclass(frozen=True)
class Decoded:
    """Result of decoding one coded file; ``size`` in bytes is the coded file's."""

    output: Path
    size: int
    bpp: float
    width: int
    height: int


def plan(inputs: Sequence[Path], out_dir: Path, suffix: str) -> list[tuple[Path, Path]]:
    """(input, output) pairs; a LinksimError names an input that shares its output with another, or that its output
    would replace."""
    pairs: dict[Path, Path] = {}
    for source in inputs:
        output = out_dir / (source.stem + suffix)
        if output in pairs:
            raise LinksimError(f"{pairs[output]} and {source} would both become {output}")
        if output.exists() and output.samefile(source):
            raise LinksimError(f"{source} would be replaced by its own output: choose another --out-dir")
        pairs[output] = source
    return [(source, output) for output, source in pairs.items()]


def encode_file(
    codec: SourceCodec, source: Path, output: Path, *, budget: Budget | None = None, quality: int | None = None
) -> Coded:
    """Code one image at a quality or, if it is None, as well as the budget in bits per pixel allows."""
    image = read_image(source)
    try:
        if quality is not None:
            data = codec.encode(image, quality)
        elif budget is not None:
            quality, data = _fill(codec, image, budget.of(image.shape) // 8)
        else:
            raise LinksimError("neither a quality nor a budget is given")
        decoded = codec.decode(data, (image.shape[0], image.shape[1]))
    except LinksimError as error:
        raise LinksimError(f"{source}: {error}") from error
    write_atomically(output, data)
    return Coded(output, len(data), _bpp(data, image.shape), quality, psnr(image, decoded))


def _fill(codec: SourceCodec, image: Image, max_bytes: int) -> tuple[int | None, bytes]:
    """(quality if the codec tells, file) within a budget; a LinksimError tells what the smallest file would take."""
    if hasattr(codec, "search"):  # codecs that search a scale of qualities also tell which one it was
        found = codec.search(image, max_bytes)
    else:
        file = codec.encode_to_budget(image, max_bytes)
        found = (None, file) if file is not None else None
    if found is None:
        least = len(codec.smallest(image))
        raise LinksimError(
            f"{max_bytes} bytes are too few: the smallest {codec.name} file takes {least}, "
            f"{8 * least / (image.shape[0] * image.shape[1]):.4g} bits per pixel"
        )
    return found


def decode_file(codec: SourceCodec, source: Path, output: Path) -> Decoded:
    """Decode one coded file, whoever made it, to a PNG; the decoder runs in a process that can be stopped.

    Raises:
        LinksimError: names the file and why it cannot be read, decoded or written.
    """
    from baselines.source.guard import decode_untrusted

    try:
        size = source.stat().st_size
        if size > MAX_CODED_BYTES:
            raise LinksimError(f"{size} bytes: at most {MAX_CODED_BYTES} are read")
        data = source.read_bytes()
        image = decode_untrusted(codec, data, seconds=SECONDS_TO_DECODE)
    except (LinksimError, OSError) as error:
        raise failed(str(source), error) from error
    png = io.BytesIO()
    Pillow.fromarray(image).save(png, "PNG")
    write_atomically(output, png.getvalue())
    return Decoded(output, len(data), _bpp(data, image.shape), image.shape[1], image.shape[0])


def codec_for(source: Path) -> SourceCodec:
    """The registered codec whose files end like this one."""
    suffixes = {}
    for name in registry.names("linksim.sources"):
        codec = registry.codec(name)
        suffixes[codec.suffix] = codec
    if source.suffix.lower() not in suffixes:
        known = ", ".join(sorted(suffixes))
        raise LinksimError(f"{source}: no codec writes files that end in {source.suffix!r} (known: {known})")
    return suffixes[source.suffix.lower()]


def _bpp(data: bytes, shape: Sequence[int]) -> float:
    return 8 * len(data) / (shape[0] * shape[1])

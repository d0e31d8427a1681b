"""VVC (H.266) still pictures, by the user's own VVenC and VVdeC: no package brings them.

A file is the encoder's byte stream. It holds one 4:2:0 picture of 8 bits, colours as in BPG. Sides are padded to even
ones, 8 at least; the receiver knows the image's size and crops.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from baselines.source import chroma
from baselines.source.base import DecodeError
from baselines.source.bpg_format import ColorSpace, PixelFormat
from baselines.source.pillow_codec import check_side, check_size
from baselines.source.search import Encoder, SearchedCodec
from linksim.errors import LinksimError, one_line
from linksim.identity import describe
from linksim.link import Image

ENCODER, DECODER = "vvencapp", "vvdecapp"
SECONDS = 600.0
OPTIONS = (
    *("--preset", "medium", "--qpa", "0", "--internal-bitdepth", "8"),  # no perceptual adaptation of the QP
    *("--intraperiod", "1", "-hrd", "0", "-vui", "0", "-aud", "0"),  # no headers that a still picture does without
    *("--threads", "1", "--verbosity", "1"),
)


class VVC(SearchedCodec):
    """VVC of vvencapp, preset medium. Quality is the quantisation parameter QP, 63 (smallest file) to 0.

    The programs are those on the PATH, or the files that VVENCAPP and VVDECAPP name.
    """

    name = "vvc"
    identity_name, version = "vvc", 1
    suffix = ".266"
    qualities = range(63, -1, -1)
    start = 37
    doubling = 6
    wiggle = 1

    def identity(self) -> dict[str, Any]:
        """With the content of both programs."""
        found = {name: _find(name) for name in (ENCODER, DECODER)}
        return super().identity() | {"programs": {name: describe(path) or "absent" for name, path in found.items()}}

    def encoders(self, image: Image) -> list[Encoder]:
        check_side(image, "VVC", 8192)
        height, width = (_coded(side) for side in image.shape[:2])
        margins = ((0, height - image.shape[0]), (0, width - image.shape[1]), (0, 0))
        planes = chroma.from_rgb(np.pad(image, margins, mode="edge"), PixelFormat.C420)
        picture = b"".join(plane.tobytes() for plane in planes)

        def encode(qp: int) -> bytes:
            size = ["--size", f"{width}x{height}", "--format", "yuv420", "--frames", "1", "--qp", str(qp)]
            made, message = _run(ENCODER, picture, "yuv", ["-i"], "266", [*size, *OPTIONS])
            if not made:
                raise LinksimError(f"{ENCODER}: {message}")
            return made

        return [encode]

    def decode(self, data: bytes, shape: tuple[int, int] | None = None) -> Image:
        """uint8 (H, W, 3) RGB; without ``shape`` the padding of odd sides stays."""
        made, message = _run(DECODER, data, "266", ["-b"], "y4m", ["--threads", "1", "--verbosity", "1"])
        header = re.match(rb"YUV4MPEG2 W(\d+) H(\d+) [^\n]*C420\w*\nFRAME[^\n]*\n", made)
        if not header or b"C420p" in header[0]:
            raise DecodeError(f"{DECODER} finds no 4:2:0 picture of 8 bits: {message}")
        width, height = int(header[1]), int(header[2])
        check_size("VVC", (width, height), shape and (_coded(shape[0]), _coded(shape[1])))
        samples = np.frombuffer(made, np.uint8, offset=header.end())
        if len(samples) != width * height * 3 // 2:
            raise DecodeError("VVC file of several pictures: one was expected")
        luma, cb, cr = np.split(samples, [width * height, width * height * 5 // 4])
        half = (height // 2, width // 2)
        planes = [luma.reshape(height, width), cb.reshape(half), cr.reshape(half)]
        decoded = chroma.to_rgb(planes, PixelFormat.C420, ColorSpace.BT601, limited_range=False)
        return decoded if shape is None else decoded[: shape[0], : shape[1]]


def _coded(side: int) -> int:
    return max(8, side + side % 2)


def _find(name: str) -> Path | None:
    """The program, from its variable or from the PATH."""
    found = os.environ.get(name.upper()) or shutil.which(name)
    return Path(found) if found else None


def _run(name: str, data: bytes, kind: str, before: list[str], made: str, options: list[str]) -> tuple[bytes, str]:
    """Run a program on a file. Returns its output file and its last message; the output is empty if it fails."""
    program = _find(name)
    if program is None:
        raise LinksimError(f"VVC needs the program {name}: put it on the PATH, or its path into {name.upper()}")
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, f"a.{kind}"), Path(folder, f"b.{made}")
        source.write_bytes(data)
        command = [str(program), *before, str(source), "-o", str(output), *options]
        try:
            ran = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return b"", f"stopped after {SECONDS:g} s"
        except OSError as error:
            raise LinksimError(f"VVC: cannot run {program}: {error.strerror}") from error
        lines = (ran.stderr or ran.stdout).decode(errors="replace").strip().splitlines()
        said = one_line(lines[-1]) if lines else f"exit code {ran.returncode}"
        return (output.read_bytes() if ran.returncode == 0 and output.is_file() else b""), said

"""Rate, distortion and time of the source codecs at byte budgets, and their BD-rates against BPG.

    python benchmarks/source_codecs.py [FOLDER] [--budgets SIDE:BYTES,...] [--limit N]

Every image of the folder (the embedded photographs by default) is cropped to its central square and reduced to the
side of each budget. Fits: images whose smallest file is within the budget. PSNR: RGB, dB, mean over the images that
fit, so compare it only where the counts are equal. Encode: processor time of filling the budget; decode: of one
decoding; both medians over the images. BD-rate: bytes that a codec needs more than BPG for the same PSNR, in percent,
over the budgets of a side; the median over the images where both fit two budgets, and how many those are. VVC is
measured where its programs are found.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections import defaultdict
from pathlib import Path
from statistics import mean, median

import numpy as np
from PIL import Image as Pillow

from baselines.source.avif import AVIF
from baselines.source.base import SourceCodec
from baselines.source.bpg import BPG
from baselines.source.bpg_format import PixelFormat
from baselines.source.heic import HEIC
from baselines.source.jpeg import JPEG
from baselines.source.jpeg2000 import JPEG2000
from baselines.source.jxl import JPEGXL
from baselines.source.vvc import VVC
from baselines.source.webp import WebP
from linksim.data.images import SUFFIXES, read_image
from linksim.link import Image
from linksim.scoring.bjontegaard import Curve, bd_rate
from linksim.scoring.image_quality import psnr

PHOTOS = Path(__file__).parent.parent / "linksim" / "data" / "assets" / "photos"
CODECS: dict[str, SourceCodec] = {
    "jpeg": JPEG(),
    "jpeg2000": JPEG2000(),
    "webp": WebP(),
    "jxl": JPEGXL(),
    "avif": AVIF(),
    "heic": HEIC(),
    "bpg 4:2:0": BPG((PixelFormat.C420,)),
    "bpg 4:4:4": BPG((PixelFormat.C444,)),
    "bpg": BPG(),
}
if "absent" not in VVC().identity()["programs"].values():
    CODECS["vvc"] = VVC()
BUDGETS = "32:192,32:384,32:768,96:288,96:576,96:1152,512:8192,512:16384,512:32768"
Points = list[tuple[float, float]]
"""(bytes, PSNR in dB) of each image; NaN where no file fits."""


def cpu_ms() -> float:
    """Processor time of this process and of the programs that it ran."""
    times = os.times()
    return 1e3 * (time.process_time() + times.children_user + times.children_system)


def square(image: Image, side: int) -> Image:
    """The central square, reduced to a side."""
    short = min(image.shape[:2])
    top, left = ((size - short) // 2 for size in image.shape[:2])
    crop = Pillow.fromarray(image[top : top + short, left : left + short])
    return np.asarray(crop.resize((side, side), Pillow.Resampling.LANCZOS))


def row(codec: SourceCodec, images: list[Image], max_bytes: int) -> tuple[str, Points]:
    encode_ms, decode_ms, points = [], [], []
    for image in images:
        started = cpu_ms()
        file = codec.encode_to_budget(image, max_bytes)
        encode_ms.append(cpu_ms() - started)
        if file is None:
            points.append((math.nan, math.nan))
            continue
        started = cpu_ms()
        decoded = codec.decode(file, (image.shape[0], image.shape[1]))
        decode_ms.append(cpu_ms() - started)
        points.append((len(file), psnr(image, decoded)))
    sizes, quality = (
        zip(*[point for point in points if not math.isnan(point[0])], strict=True) if decode_ms else ((), ())
    )
    shown = f"{len(quality):>3}/{len(images):<3}"
    if not quality:
        return f"{shown}  {'':>7}  {'':>6}  {median(encode_ms):>9.1f}", points
    shown += f"  {mean(quality):>7.2f}  {mean(sizes):>6.0f}  {median(encode_ms):>9.1f}  {median(decode_ms):>9.1f}"
    return shown, points


def show_bd_rates(side: int, curves: dict[str, list[Points]]) -> None:
    """BD-rate of each codec, from its points at every budget of a side."""
    print(f"\n{side}x{side}, BD-rate against bpg")
    print(f"{'codec':<10}  {'images':>7}  {'BD-rate':>8}")
    arrays = {name: np.array(points).transpose(2, 1, 0) for name, points in curves.items()}
    for name, (sizes, quality) in arrays.items():
        rates = bd_rate(Curve(sizes, quality), Curve(*arrays["bpg"])).value
        known = rates[~np.isnan(rates)]
        shown = f"{np.median(known):>+7.1f}%" if known.size else ""
        print(f"{name:<10}  {known.size:>3}/{len(rates):<3}  {shown}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=PHOTOS)
    parser.add_argument("--budgets", default=BUDGETS, help="side:bytes, ...")
    parser.add_argument("--limit", type=int, help="take the first N images only")
    options = parser.parse_args()
    paths = sorted(path for path in options.folder.iterdir() if path.suffix.lower() in SUFFIXES)[: options.limit]
    budgets = defaultdict(list)
    for budget in options.budgets.split(","):
        side, max_bytes = map(int, budget.split(":"))
        budgets[side].append(max_bytes)
    for side, limits in budgets.items():
        images = [square(read_image(path), side) for path in paths]
        curves: dict[str, list[Points]] = defaultdict(list)
        for max_bytes in limits:
            print(f"\n{side}x{side}, {max_bytes} bytes ({8 * max_bytes / side**2:.3g} bpp), {len(images)} images")
            print(f"{'codec':<10}  {'fits':>7}  {'PSNR dB':>7}  {'bytes':>6}  {'encode ms':>9}  {'decode ms':>9}")
            for name, codec in CODECS.items():
                shown, points = row(codec, images, max_bytes)
                curves[name].append(points)
                print(f"{name:<10}  {shown}", flush=True)
        show_bd_rates(side, curves)


if __name__ == "__main__":
    main()

"""Rate, distortion and time of the source codecs at byte budgets.

    python benchmarks/source_codecs.py [FOLDER] [--budgets 96:288,96:576,512:8192,512:16384] [--limit N]

Every image of the folder (the embedded photographs by default) is cropped to its central square and reduced to the
side of each budget. Fits: images whose smallest file is within the budget. PSNR: RGB, dB, mean over the images that
fit, so compare it only where the counts are equal. Encode: processor time of filling the budget; decode: of one
decoding; both medians over the images.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import mean, median

import numpy as np
from PIL import Image as Pillow

from baselines.source.base import SourceCodec
from baselines.source.bpg import BPG
from baselines.source.bpg_format import PixelFormat
from baselines.source.jpeg import JPEG
from baselines.source.webp import WebP
from linksim.data.images import SUFFIXES, read_image
from linksim.link import Image
from linksim.scoring.image_quality import psnr

PHOTOS = Path(__file__).parent.parent / "linksim" / "data" / "assets" / "photos"
CODECS: dict[str, SourceCodec] = {
    "jpeg": JPEG(),
    "webp": WebP(),
    "bpg 4:2:0": BPG((PixelFormat.C420,)),
    "bpg 4:4:4": BPG((PixelFormat.C444,)),
    "bpg": BPG(),
}


def square(image: Image, side: int) -> Image:
    """The central square, reduced to a side."""
    short = min(image.shape[:2])
    top, left = ((size - short) // 2 for size in image.shape[:2])
    crop = Pillow.fromarray(image[top : top + short, left : left + short])
    return np.asarray(crop.resize((side, side), Pillow.Resampling.LANCZOS))


def row(codec: SourceCodec, images: list[Image], max_bytes: int) -> str:
    encode_ms, decode_ms, quality, sizes = [], [], [], []
    for image in images:
        started = time.process_time()
        file = codec.encode_to_budget(image, max_bytes)
        encode_ms.append(1e3 * (time.process_time() - started))
        if file is not None:
            started = time.process_time()
            decoded = codec.decode(file, (image.shape[0], image.shape[1]))
            decode_ms.append(1e3 * (time.process_time() - started))
            quality.append(psnr(image, decoded))
            sizes.append(len(file))
    fits = f"{len(quality):>3}/{len(images):<3}"
    if not quality:
        return f"{fits}  {'':>7}  {'':>6}  {median(encode_ms):>9.1f}"
    return f"{fits}  {mean(quality):>7.2f}  {mean(sizes):>6.0f}  {median(encode_ms):>9.1f}  {median(decode_ms):>9.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=PHOTOS)
    parser.add_argument("--budgets", default="96:288,96:576,512:8192,512:16384", help="side:bytes, ...")
    parser.add_argument("--limit", type=int, help="take the first N images only")
    options = parser.parse_args()
    paths = sorted(path for path in options.folder.iterdir() if path.suffix.lower() in SUFFIXES)[: options.limit]
    for side, max_bytes in (map(int, budget.split(":")) for budget in options.budgets.split(",")):
        images = [square(read_image(path), side) for path in paths]
        print(f"\n{side}x{side}, {max_bytes} bytes ({8 * max_bytes / side**2:.3g} bpp), {len(images)} images")
        print(f"{'codec':<10}  {'fits':>7}  {'PSNR dB':>7}  {'bytes':>6}  {'encode ms':>9}  {'decode ms':>9}")
        for name, codec in CODECS.items():
            print(f"{name:<10}  {row(codec, images, max_bytes)}", flush=True)


if __name__ == "__main__":
    main()

"""Store shipped checkpoints as exact differences from one another; the weights stay what they are, bit by bit.

    python tools/compress_checkpoints.py [--folder jscc/checkpoints]

Each checkpoint that is stored whole is stored as what differs from the one that it was fine-tuned from, if that is in
the folder, or else from the nearest one of its kind. Two are kept whole for others to start from. Prints the bytes of
each before and after.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from jscc import shipped
from jscc.card import Card
from jscc.checkpoint import DIFFERENCE, load_weights, parse_tensors, read_bytes, save_difference

WHOLE = ("deepjscc-0.5bpp-0to20dB", "deepjscc-analog")
FIRST = "base-0.25bpp-5dB"
"""Where everything of another bpp or SNR started."""


def base_of(name: str, card: Card, folder: Path) -> str:
    """Name of the checkpoint that this one is stored against; "" for none."""
    start = card.start.get("name", "")
    if name in WHOLE or card.architecture.kind == "bourtsoulatze":
        return ""
    if name == FIRST:
        return WHOLE[0]
    if start and (folder / f"{start}.safetensors").exists():
        return start
    pixels = f"deepjscc-{card.bpp:g}bpp-{card.snr_db[1]:g}dB"
    if name != pixels and (folder / f"{pixels}.safetensors").exists():
        return pixels
    return FIRST


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=shipped.FOLDER, help="folder of checkpoints")
    folder = parser.parse_args().folder
    total = 0
    for found in shipped.shipped(folder):
        name, path = found.path.stem, found.path
        before, base = path.stat().st_size, base_of(name, found.card, folder)
        if base and DIFFERENCE not in parse_tensors(path, read_bytes(path)):
            save_difference(path, load_weights(path), folder / f"{base}.safetensors")
        total += path.stat().st_size
        print(f"{name:<40} {base:<28} {before:>9} {path.stat().st_size:>9}", flush=True)
    print(f"{total} bytes in all")


if __name__ == "__main__":
    main()

"""Make training images for learned links: ``python tools/make_training_data.py --out FOLDER``.

``others.npy``: cut-outs of none of the ten classes on the backgrounds of stamps10/train, composed as stamps10 is;
``patches.npy``: patches of photographs from Debian packages, at several scales; ``composed.npy``: the first images of
stamps10/train, exactly as the embedded composer makes them, with ``composed-labels.npy``. All are uint8 (N, 96, 96, 3)
and can be memory-mapped; a count of 0 leaves one out. ``card.json`` says what they are made of, with hashes: the same
versions give the same hashes. Nothing that a test or validation split is made of is used, and without ``composed.npy``
no cut-out of any data set: a link trained so has seen none of the objects that the classifier is tested on.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from debian import Originals
from PIL import Image

from linksim.data import embedded
from linksim.data.compose import VERSION, Dice
from linksim.data.stamps10 import SIDE, Stamps10, compose

HERE = Path(__file__).parent
SCALES = (1.0, 1.4, 2.0, 2.8, 4.0)
"""Patches are cut after reducing by the least that a source allows, times one of these."""
PLAIN = 6.0
"""Standard deviation, in grey levels, of what counts as plain."""


def composed(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (count, 96, 96, 3) and labels (count,) of stamps10/train."""
    dataset = Stamps10("train")
    images, labels = np.empty((count, SIDE, SIDE, 3), np.uint8), np.empty(count, np.int64)
    for i in range(count):
        sample = dataset[i]
        assert sample.label is not None
        images[i], labels[i] = sample.image, sample.label
    return images, labels


def others(spec: dict[str, Any], originals: Originals, count: int) -> np.ndarray:
    """Images (count, 96, 96, 3) of the cut-outs under [others] in turn, on the backgrounds of stamps10/train."""
    taken = {cutout.name for cutout in embedded.cutouts()}
    stamps = [(f, s) for f, names in spec["others"].items() for s in names.split() if s.lower() not in taken]
    backgrounds = [b for b in embedded.backgrounds() if b.split == "train"]
    images = np.empty((count, SIDE, SIDE, 3), np.uint8)
    for i in range(count):
        folder, stamp = stamps[i % len(stamps)]
        dice = Dice("others", i)
        background = embedded.opened(backgrounds[dice.below(len(backgrounds))])
        cutout = opened_stamp(originals, f"{spec['cutouts']['source']}{folder}/{stamp}.png")
        images[i] = compose(cutout, background, dice, mirror=True)
    return images


@cache
def opened_stamp(originals: Originals, source: str) -> Image.Image:
    """A cut-out, colours premultiplied by alpha, cropped to its outline, its longer side at most 320 pixels."""
    image = originals.open(source).convert("RGBA")
    image = image.crop(image.getchannel("A").point(lambda a: 255 if a > 8 else 0).getbbox())
    image.thumbnail((320, 320), Image.Resampling.LANCZOS)
    return image.convert("RGBa")


def allowed_sources(spec: dict[str, Any], originals: Originals) -> list[tuple[str, float]]:
    """(source, least reduction) of every photograph that no test or validation split has seen."""
    held_out = {p.of for p in embedded.photos()} | {b.of for b in embedded.backgrounds() if b.split != "train"}
    files = {spec["originals"][name]["source"].replace("!", "/").rpartition("/")[2] for name in held_out}
    sources = []
    for place, rule in spec["patches"].items():
        for source in originals.list(*place.split(":", 1)):
            if not source.endswith((".jpg", ".webp")) or rule.get("except", "\0") in source:
                continue
            if source.replace("!", "/").rpartition("/")[2] not in files:
                sources.append((source, rule["reduce"]))
    return sources


def patches_of(image: Image.Image, reduce: float, dice: Dice) -> Iterator[np.ndarray]:
    """Random patches (96, 96, 3) of one photograph without end, from each scale at which it is large enough in turn."""
    scales = [s * reduce for s in SCALES if min(image.size) / (s * reduce) >= SIDE]
    sizes = [(int(image.width / s), int(image.height / s)) for s in scales]
    levels = [np.asarray(image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)) for size in sizes]
    for level in itertools.cycle(levels):
        top, left = (dice.below(side - SIDE + 1) for side in level.shape[:2])
        yield level[top : top + SIDE, left : left + SIDE]


def patches(sources: list[tuple[str, float]], originals: Originals, count: int) -> np.ndarray:
    """At most (count, 96, 96, 3): as many of each photograph, but none as plain as a clear sky, from which there is
    little to learn."""
    images, filled = np.empty((count, SIDE, SIDE, 3), np.uint8), 0
    for k, (source, reduce) in enumerate(sources):
        quota = (count - filled) // (len(sources) - k)
        candidates = patches_of(originals.open(source).convert("RGB"), reduce, Dice("patches", source))
        worthy = (patch for patch in itertools.islice(candidates, 2 * quota) if patch.std() > PLAIN)
        for patch in itertools.islice(worthy, quota):
            images[filled], filled = patch, filled + 1
    return images[:filled]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument(
        "--work", type=Path, default=Path("build/debian"), help="where packages are downloaded, unpacked"
    )
    parser.add_argument("--composed", type=int, default=20_000, help="how many images of stamps10/train")
    parser.add_argument("--others", type=int, default=20_000, help="how many composed images of other cut-outs")
    parser.add_argument("--patches", type=int, default=20_000, help="how many patches at most")
    options = parser.parse_args()
    spec = tomllib.loads((HERE / "assets.toml").read_text(encoding="utf-8"))
    originals = Originals(spec["packages"], options.work.resolve())
    sources = allowed_sources(spec, originals)
    images, labels = composed(options.composed)
    arrays = {
        "others": others(spec, originals, options.others),
        "patches": patches(sources, originals, options.patches),
        "composed": images,
        "composed-labels": labels,
    }
    arrays = {name: array for name, array in arrays.items() if len(array)}
    options.out.mkdir(parents=True, exist_ok=True)
    card: dict[str, Any] = {"assets": embedded.fingerprint(), "composer": VERSION}
    card |= {"photographs": [s for s, _ in sources], "others": spec["others"]}
    used = {source.partition(":")[0] for source in [*card["photographs"], spec["cutouts"]["source"]]}
    card["packages"] = {p["deb"]: p["version"] for name, p in spec["packages"].items() if name in used}
    for name, array in arrays.items():
        path = options.out / f"{name}.npy"
        np.save(path, array, allow_pickle=False)
        card[path.name] = {"shape": list(array.shape), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    (options.out / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

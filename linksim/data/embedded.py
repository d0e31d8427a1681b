"""The images that come with linksim: photographs, cut-outs with transparency, backgrounds, and labelled photographs.

``assets/manifest.json`` lists each with its split, original, author, licence and hash; ``assets/LICENSES.md`` is
the same for readers. ``tools/build_assets.py`` makes them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

ASSETS = Path(__file__).parent / "assets"
COMPOSED = ("photos", "backgrounds", "cutouts")
"""The kinds that photos, stamps10 and scenes are made of."""


@dataclass(frozen=True)
class Asset:
    """One embedded image. ``of``: the original it was cut from, shared by several views; ``split``: train, val or
    test, the number of the fold in things ('' for photographs); ``label``: its class in stamps10 or things and
    ``coco``: in COCO ('' where it has none); ``scenic``: a background with no object of a COCO class in view."""

    kind: str
    name: str
    file: str
    of: str
    split: str = ""
    label: str = ""
    coco: str = ""
    scenic: bool = False


@cache
def _manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((ASSETS / "manifest.json").read_text(encoding="utf-8"))
    return manifest


@cache
def fingerprint(kinds: tuple[str, ...] = COMPOSED) -> str:
    """SHA-256 of the hashes of all embedded images of some kinds: equal fingerprints, equal images."""
    hashes = [e["sha256"] for kind in kinds for e in _manifest()[kind]]
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def digest(*what: object, kinds: tuple[str, ...] = COMPOSED) -> str:
    """SHA-256 of what names an image made of embedded ones, and of all of those: see ``Dataset.digest``."""
    return hashlib.sha256(json.dumps([fingerprint(kinds), *what]).encode()).hexdigest()


@cache
def photos() -> tuple[Asset, ...]:
    return tuple(Asset("photo", e["name"], e["file"], e["of"]) for e in _manifest()["photos"])


@cache
def backgrounds() -> tuple[Asset, ...]:
    return tuple(
        Asset("background", e["name"], e["file"], e["of"], split=e["split"], scenic=e["scenic"])
        for e in _manifest()["backgrounds"]
    )


@cache
def cutouts() -> tuple[Asset, ...]:
    return tuple(
        Asset("cutout", e["name"], e["file"], e["of"], split=e["split"], label=e["class"], coco=e["coco"])
        for e in _manifest()["cutouts"]
    )


@cache
def things() -> tuple[Asset, ...]:
    return tuple(
        Asset("thing", e["name"], e["file"], e["of"], split=str(e["fold"]), label=e["class"])
        for e in _manifest()["things"]
    )


@cache
def opened(asset: Asset) -> Image.Image:
    """The decoded image, kept in memory: RGB, or for cut-outs "RGBa" (colours premultiplied by alpha)."""
    with Image.open(ASSETS / asset.file) as image:
        if asset.kind == "cutout":
            return image.convert("RGBA").convert("RGBa")
        return image.convert("RGB")

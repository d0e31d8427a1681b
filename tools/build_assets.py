"""Build the embedded images from Debian packages: ``python tools/build_assets.py [--check]``.

Needs no root, only ``apt-get download`` (after an ``apt-get update``) and ``dpkg -x``. What is taken, and how it is
cut, stands in ``assets.toml`` beside this file. With the Pillow named in the manifest, rebuilding gives the same bytes;
``--check`` rebuilds into a temporary folder and compares.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tempfile
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from debian import Originals
from PIL import Image, __version__, features

HERE = Path(__file__).parent
ASSETS = HERE.parent / "linksim" / "data" / "assets"
LICENCE_TEXT = """
# Licences of the embedded images

The images in this folder are not under the licence of linksim's code. Each is a reduced view of an original by someone
else and stays under that original's licence: see the table (from `manifest.json`, which also has every file's hash).
"Changed" in the sense of those licences means here: cropped, reduced, and for photographs also re-encoded.

- CC0-1.0: <https://creativecommons.org/publicdomain/zero/1.0/>
- CC-BY-4.0: <https://creativecommons.org/licenses/by/4.0/>
- CC-BY-SA-3.0: <https://creativecommons.org/licenses/by-sa/3.0/>
- CC-BY-SA-4.0: <https://creativecommons.org/licenses/by-sa/4.0/>
- GPL-2.0-or-later: `GPL-2.0.txt` beside this file; the source form of these images is the named Debian package's
"""
Spec = dict[str, Any]
Entry = dict[str, Any]


class Builder:
    """Writes reduced WebP files below ``out`` and remembers an entry of the manifest for each."""

    def __init__(self, spec: Spec, originals: Originals, out: Path):
        self.spec, self.originals, self.out = spec, originals, out

    def build(self) -> None:
        manifest: dict[str, Any] = {
            "built_with": f"Pillow {__version__}, libwebp {features.version('webp')}",
            "photos": [self._photo(name, **view) for name, view in self.spec["photos"]["view"].items()],
            "backgrounds": [
                self._background(name, split, **view)
                for split in ("train", "val", "test")
                for name, view in self.spec["backgrounds"][split].items()
            ],
            "cutouts": list(self._cutouts()),
            "things": list(self._things()),
        }
        text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
        (self.out / "manifest.json").write_text(text, encoding="utf-8")
        (self.out / "LICENSES.md").write_text(licences(manifest), encoding="utf-8")

    def _photo(self, name: str, **view: Any) -> Entry:
        original = self.spec["originals"][view["from"]]
        size = tuple(self.spec["photos"]["size"])
        size = size[::-1] if view.get("portrait") else size
        image = self.originals.open(original["source"]).convert("RGB")
        left, top, width = (
            fraction * side for fraction, side in zip(view["at"], (*image.size, image.width), strict=True)
        )
        box = (left, top, left + width, top + width * size[1] / size[0])
        if box[2] > image.width or box[3] > image.height:
            raise SystemExit(f"photo {name}: view {box} leaves the original of {image.size}")
        reduced = image.resize(size, Image.Resampling.LANCZOS, box=box)
        path = self._write(reduced, f"photos/{name}.webp", lossless=True, method=4)
        return {
            "name": name,
            **self._provenance(view["from"], original),
            "reduced_by": round(width / size[0], 2),
            **path,
        }

    def _background(self, name: str, split: str, **view: Any) -> Entry:
        key = view.get("from", name)
        original = self.spec["originals"][key]
        image = self.originals.open(original["source"]).convert("RGB")
        left, top, width, height = view.get("at", (0, 0, 1, 1))
        box = (left * image.width, top * image.height, (left + width) * image.width, (top + height) * image.height)
        scale = self.spec["backgrounds"]["short_side"] / min(box[2] - box[0], box[3] - box[1])
        if scale > 1:
            raise SystemExit(f"background {name}: view of {box} is smaller than what it is to be reduced to")
        size = (round((box[2] - box[0]) * scale), round((box[3] - box[1]) * scale))
        reduced = image.resize(size, Image.Resampling.LANCZOS, box=box)
        path = self._write(reduced, f"backgrounds/{name}.webp", quality=86, method=6)
        scenic = name in self.spec["backgrounds"]["scenic"]
        return {"name": name, "split": split, "scenic": scenic, **self._provenance(key, original), **path}

    def _cutouts(self) -> Any:
        coco = {stamp: label for label, stamps in self.spec["cutouts"]["coco"].items() for stamp in stamps}
        for label, splits in self.spec["cutouts"]["class"].items():
            for split, lines in splits.items():
                for folder, stamp in _listed(lines):
                    names = {"class": label, "coco": "bird" if label == "bird" else coco.get(stamp, "")}
                    yield {"name": stamp.lower(), "split": split, **names, **self._cutout(folder, stamp)}

    def _cutout(self, folder: str, stamp: str) -> Entry:
        spec = self.spec["cutouts"]
        source = f"{spec['source']}{folder}/{stamp}.png"
        image = self.originals.open(source).convert("RGBA")
        image = image.crop(image.getchannel("A").point(lambda a: 255 if a > 8 else 0).getbbox())
        scale = min(1.0, spec["long_side"] / max(image.size))
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        if size != image.size:
            image = image.resize(size, Image.Resampling.LANCZOS)
        path = self._write(image, f"cutouts/{stamp.lower()}.webp", quality=90, alpha_quality=100, method=6)
        origin = {"author": spec["author"], "licence": spec["licence"], **self.originals.describe(source)}
        return {"of": stamp.lower(), **origin, **path}

    def _things(self) -> Any:
        """Photographs of ``things``: a square of each, reduced, with the author and licence that its README gives."""
        spec, place = self.spec["things"], self.spec["things"]["source"]
        same = {name: group for group, names in spec["same"].items() for name in names}
        turns = dict.fromkeys(range(1, spec["folds"] + 1), 0)
        for label, chosen in spec["class"].items():
            folder = f"{place}images/{chosen['folder']}/"
            said = _attributions(self.originals.text(f"{folder}README"))
            sources = self.originals.list(*place.partition("!")[0].split(":", 1))
            stems = sorted(s.rpartition("/")[2].removesuffix(".webp") for s in sources if f"/{chosen['folder']}/" in s)
            names = [n for n in stems if fnmatch(n, chosen["names"]) and n not in chosen["except"] and n != "README"]
            folds: dict[str, int] = {}
            for name in names:
                of = same.get(name, name).lower()
                if of not in folds:  # to the fold with the fewest images so far
                    folds[of] = min(turns, key=lambda fold: (turns[fold], fold))
                turns[folds[of]] += 1
                origin = said[spec["readme"].get(name, name)] | self.originals.describe(f"{folder}{name}.webp")
                path = self._square(f"{folder}{name}.webp", f"things/{name.lower()}.webp", spec["at"].get(name, 0.5))
                yield {"name": name.lower(), "class": label, "fold": folds[of], "of": of, **origin, **path}

    def _square(self, source: str, file: str, at: float) -> Entry:
        """A square as wide as the shorter side, ``at`` of the way along the longer one."""
        image, side = self.originals.open(source).convert("RGB"), self.spec["things"]["side"]
        shorter = min(image.size)
        left, top = at * (image.width - shorter), at * (image.height - shorter)
        box = (left, top, left + shorter, top + shorter)
        reduced = image.resize((side, side), Image.Resampling.LANCZOS, box=box)
        return self._write(reduced, file, lossless=True, method=6, quality=100)

    def _provenance(self, key: str, original: Entry) -> Entry:
        origin = {"author": original["author"], "licence": original["licence"]}
        return {"of": key, **origin, **self.originals.describe(original["source"])}

    def _write(self, image: Image.Image, file: str, **options: Any) -> Entry:
        path = self.out / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise SystemExit(f"two entries write {file}")
        image.save(path, "WEBP", **options)
        return {"file": file, "size": list(image.size), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def licences(manifest: dict[str, Any]) -> str:
    """What the manifest says of authors and licences, one line per original."""
    lines = [
        LICENCE_TEXT.strip(),
        "",
        "| original | author | licence | package | used as |",
        "| --- | --- | --- | --- | --- |",
    ]
    rows: dict[tuple[str, ...], list[str]] = {}
    for kind in ("photos", "backgrounds", "cutouts", "things"):
        for e in manifest[kind]:
            cells = (e["original"].rpartition("/")[2], e["author"], e["licence"], e["package"])
            rows.setdefault(cells, []).append(e["file"])
    lines += [f"| {' | '.join(cells)} | {', '.join(files)} |" for cells, files in rows.items()]
    return "\n".join(lines) + "\n"


def _attributions(readme: str) -> dict[str, Entry]:
    """Author, licence and address of each file in one of GCompris's READMEs, by the file's name without its suffix."""
    said: dict[str, Entry] = {}
    for block in re.split(r"\n\s*\n", readme.strip()):
        head, _, files = block.partition("Files:")
        fields = dict(line.split(": ", 1) for line in head.strip().splitlines())
        licence = {"Public Domain": "public domain", "GPLv2+": "GPL-2.0-or-later"}.get(
            fields["License"], fields["License"]
        )
        origin = {"author": fields["Copyright"].strip(), "licence": licence, "source": fields["Source"].strip()}
        said |= {file.removesuffix(".webp"): origin for file in files.split()}
    return said


def _listed(lines: str) -> list[tuple[str, str]]:
    """(folder, name) of each word in "folder: name name ..." paragraphs; a line without a colon goes on."""
    listed, folder = [], ""
    for line in lines.splitlines():
        head, colon, rest = line.partition(":")
        folder, names = (head, rest) if colon else (folder, line)
        listed += [(folder, name) for name in names.split()]
    return listed


def _differences(built: Path, committed: Path) -> list[str]:
    def files(root: Path) -> dict[str, bytes]:
        return {
            str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.suffix in (".webp", ".json", ".md")
        }

    new, old = files(built), files(committed)
    return sorted(name for name in new.keys() | old.keys() if new.get(name) != old.get(name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--work", type=Path, default=Path("build/debian"), help="where packages are downloaded and unpacked"
    )
    parser.add_argument("--check", action="store_true", help="compare with what is embedded instead of writing")
    options = parser.parse_args()
    spec = tomllib.loads((HERE / "assets.toml").read_text(encoding="utf-8"))
    originals = Originals(spec["packages"], options.work.resolve())
    with tempfile.TemporaryDirectory() as folder:
        Builder(spec, originals, Path(folder)).build()
        if options.check:
            differences = _differences(Path(folder), ASSETS)
            print(f"{len(differences)} files differ: {', '.join(differences)}" if differences else "identical")
            sys.exit(bool(differences))
        for stale in ASSETS.rglob("*.webp"):
            stale.unlink()
        for path in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
            target = ASSETS / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())


if __name__ == "__main__":
    main()

"""The tools that make the embedded images and the training data, without a package to download."""

from __future__ import annotations

import importlib
import io
import itertools
import json
import struct
import tomllib
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from linksim.data import embedded
from linksim.data.compose import Dice

TOOLS = Path(__file__).parents[2] / "tools"
MANIFEST = json.loads((embedded.ASSETS / "manifest.json").read_text(encoding="utf-8"))
SPEC = tomllib.loads((TOOLS / "assets.toml").read_text(encoding="utf-8"))


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module


def qt_resources(files: dict[str, bytes], compressed: set[str]) -> bytes:
    """A Qt binary resource file, format 2: one folder "res" with these files in it."""
    names, name_at = b"", {}
    for name in ("res", *files):
        name_at[name] = len(names)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    data, data_at = b"", {}
    for name, content in files.items():
        data_at[name] = len(data)
        stored = struct.pack(">I", len(content)) + zlib.compress(content) if name in compressed else content
        data += struct.pack(">I", len(stored)) + stored
    tree = struct.pack(">IHIIQ", 0, 2, 1, 1, 0) + struct.pack(">IHIIQ", name_at["res"], 2, len(files), 2, 0)
    for name in files:
        tree += struct.pack(">IHHHIQ", name_at[name], int(name in compressed), 0, 0, data_at[name], 0)
    head = 20
    offsets = (head, head + len(tree), head + len(tree) + len(data))
    return b"qres" + struct.pack(">IIII", 2, *offsets) + tree + data + names


def png(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", (3, 2), colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_images_inside_qt_resources(tool: Any, tmp_path: Path) -> None:
    debian: ModuleType = tool("debian")
    folder = tmp_path / "pkg" / "usr"
    folder.mkdir(parents=True)
    blob = qt_resources({"a.png": png((1, 2, 3)), "b.png": png((4, 5, 6))}, compressed={"b.png"})
    (folder / "x.rcc").write_bytes(blob)
    packages = {"p": {"deb": "pkg", "version": "1", "sha256": "", "prefix": "usr/"}}
    originals = debian.Originals(packages, tmp_path)
    assert originals.list("p", "*.rcc") == ["p:x.rcc!res/a.png", "p:x.rcc!res/b.png"]
    assert originals.open("p:x.rcc!res/a.png").getpixel((0, 0)) == (1, 2, 3)
    assert originals.open("p:x.rcc!b.png").getpixel((0, 0)) == (4, 5, 6)
    assert originals.describe("p:x.rcc!b.png") == {"package": "pkg 1", "original": "usr/x.rcc!b.png"}
    with pytest.raises(SystemExit, match="0 members"):
        originals.open("p:x.rcc!c.png")


def test_package_of_another_content_is_refused(tool: Any, tmp_path: Path) -> None:
    package = tool("debian").Package("pkg", "1:2", "00", "usr/")
    (tmp_path / "pkg_1%3a2_all.deb").write_bytes(b"something else")
    with pytest.raises(SystemExit, match="SHA-256"):
        package.unpack(tmp_path)


def test_manifest_is_what_the_selection_says(tool: Any) -> None:
    listed = tool("build_assets")._listed
    chosen = {
        (name.lower(), split, label)
        for label, splits in SPEC["cutouts"]["class"].items()
        for split, lines in splits.items()
        for _, name in listed(lines)
    }
    assert chosen == {(e["name"], e["split"], e["class"]) for e in MANIFEST["cutouts"]}
    backgrounds = {(n, s) for s in ("train", "val", "test") for n in SPEC["backgrounds"][s]}
    assert backgrounds == {(e["name"], e["split"]) for e in MANIFEST["backgrounds"]}
    assert set(SPEC["photos"]["view"]) == {e["name"] for e in MANIFEST["photos"]}
    scenic = {e["name"] for e in MANIFEST["backgrounds"] if e["scenic"]}
    assert scenic == set(SPEC["backgrounds"]["scenic"])


def test_things_are_what_the_selection_says() -> None:
    left_out = {name.lower() for chosen in SPEC["things"]["class"].values() for name in chosen["except"]}
    assert not left_out & {e["name"] for e in MANIFEST["things"]}
    assert {e["class"] for e in MANIFEST["things"]} == set(SPEC["things"]["class"])
    groups = {name.lower(): of for of, names in SPEC["things"]["same"].items() for name in names}
    assert all(e["of"] == groups.get(e["name"], e["name"]) for e in MANIFEST["things"])
    assert {e["licence"] for e in MANIFEST["things"]} == {"public domain", "CC0-1.0"}


def test_authors_of_things_are_read_from_gcompris(tool: Any) -> None:
    readme = (
        "Copyright: Ann Ode\nSource: https://a.org/b: c\nLicense: Public Domain\nFiles:\na.webp\n\n\n"
        "Copyright: Bo\nSource: x\nLicense: GPLv2+\nFiles:\nb.webp\nc.webp\n"
    )
    said = tool("build_assets")._attributions(readme)
    assert said["a"] == {"author": "Ann Ode", "licence": "public domain", "source": "https://a.org/b: c"}
    assert said["b"] == said["c"] == {"author": "Bo", "licence": "GPL-2.0-or-later", "source": "x"}


def test_squares_of_things_lie_where_they_are_said_to(tool: Any, tmp_path: Path) -> None:
    class Stub:
        def open(self, source: str) -> Pillow.Image:
            return Pillow.linear_gradient("L").resize((200, 600)).convert("RGB")  # dark above, bright below

    builder = tool("build_assets").Builder(SPEC, Stub(), tmp_path)
    means = []
    for name, at in (("top", 0.0), ("middle", 0.5), ("bottom", 1.0)):
        assert builder._square("source", f"{name}.webp", at)["size"] == [96, 96]
        with Pillow.open(tmp_path / f"{name}.webp") as image:
            means.append(np.asarray(image).mean())
    assert means == pytest.approx([255 / 6, 255 / 2, 255 * 5 / 6], abs=1)


def test_licence_notice_is_made_from_the_manifest(tool: Any) -> None:
    text = (embedded.ASSETS / "LICENSES.md").read_text(encoding="utf-8")
    assert tool("build_assets").licences(MANIFEST) == text


def test_cutout_is_cropped_to_what_is_opaque_and_reduced(tool: Any, tmp_path: Path) -> None:
    class Stub:
        def open(self, source: str) -> Pillow.Image:
            canvas = Pillow.new("RGBA", (900, 500), (0, 0, 0, 0))
            canvas.paste((200, 10, 10, 255), (100, 100, 740, 420))
            return canvas

        def describe(self, source: str) -> dict[str, str]:
            return {}

    entry = tool("build_assets").Builder(SPEC, Stub(), tmp_path)._cutout("folder", "Stamp")
    assert entry["size"] == [320, 160]
    assert entry["file"] == "cutouts/stamp.webp"
    with Pillow.open(tmp_path / entry["file"]) as image:
        assert image.size == (320, 160)


def test_training_patches_leave_out_what_tests_are_made_of(tool: Any) -> None:
    held_out = {p.of for p in embedded.photos()} | {b.of for b in embedded.backgrounds() if b.split != "train"}
    everything = [o["source"] for o in SPEC["originals"].values()]

    class Stub:
        def list(self, package: str, pattern: str) -> list[str]:
            return everything

    sources = {s for s, _ in tool("make_training_data").allowed_sources(SPEC, Stub())}
    assert sources == {o["source"] for name, o in SPEC["originals"].items() if name not in held_out}


def test_patches_come_from_every_scale_and_are_repeatable(tool: Any) -> None:
    make = tool("make_training_data")
    image = Pillow.linear_gradient("L").resize((600, 420)).convert("RGB")
    first, again = (list(itertools.islice(make.patches_of(image, 2.0, Dice("p")), 6)) for _ in range(2))
    assert all(p.shape == (96, 96, 3) and np.array_equal(p, q) for p, q in zip(first, again, strict=True))
    rises = [float(p[-1].mean() - p[0].mean()) for p in first]
    assert rises[1] > 1.3 * rises[0]  # a gradient is steeper the more the image was reduced


def test_composed_training_images_are_the_embedded_ones(tool: Any) -> None:
    from linksim.data.stamps10 import Stamps10

    images, labels = tool("make_training_data").composed(12)
    sample = Stamps10("train")[11]
    assert np.array_equal(images[11], sample.image)
    assert labels[11] == sample.label == 1

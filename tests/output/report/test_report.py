"""What the page holds, without a browser."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign import Analog, Plasma, Warmth
from PIL import Image as Pillow
from reports import reported

from linksim.data.base import Objects, Sample
from linksim.engine.opened import Opened, open_experiment
from linksim.errors import LinksimError
from linksim.link import Budget, Image
from linksim.output import curve_tables, tables
from linksim.output.report.page import embedded, policy
from linksim.output.report.pictures import chosen
from linksim.output.report.rebuild import read_description
from linksim.scoring.metrics import METRICS, PSNR_CAP

VENDORED = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


def content(page: Path, name: str) -> Any:
    """What a data element of the page holds."""
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page.read_text(), re.S)
    assert found
    return json.loads(found[1])


def test_the_page_is_one_file_that_loads_nothing(page: Path) -> None:
    text = page.read_text()
    assert [path.name for path in page.parent.glob("*.html")] == ["report.html"]
    assert not re.findall(
        r"""(?:src|href|action|data)\s*=\s*["']|@import|url\(|fetch\(|XMLHttp|WebSocket|\bimport\b""", text
    )
    assert "{{" not in text
    assert len(text) < 1_000_000


def test_the_policy_allows_the_pages_own_scripts_and_nothing_else(page: Path) -> None:
    text = page.read_text()
    allowed = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', text)
    assert allowed
    rules = dict(rule.split(" ", 1) for rule in allowed[1].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    bodies = re.findall(r"<(script|style)>(.*?)</\1>", text, re.S)
    assert [name for name, _ in bodies] == ["style", "script", "script"]
    for name, body in bodies:
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in rules[f"{name}-src"]
    assert "unsafe" not in policy("", ["", ""])


def test_it_holds_the_summary_and_the_facts(page: Path, opened: Opened, folder: Path) -> None:
    data = content(page, "data")
    assert data["csv"] == (folder / "summary.csv").read_text()
    assert data["facts"] == tables.facts(opened, tables.read_summary(folder))
    assert data["methods"] == ["webp+capacity", "foreign:Analog"]
    assert data["budgets"] == ["bpp=0.5", "bpp=1"]
    assert data["snr_db"] == [0, 4, 8, 12, 16, 20]
    assert [metric["column"] for metric in data["metrics"]][:3] == ["acc", "agreement", "f1"]
    summary = tables.read_summary(folder)
    assert len(data["rows"]) == len(summary) == 24
    for row, line in zip(data["rows"], summary.to_dict("records"), strict=True):
        assert row["method"] == line["method"]
        assert row["psnr"] == line["psnr"]
        assert row["acc_lo"] == line["acc_lo"]


def test_it_holds_the_differences(page: Path, folder: Path, opened: Opened) -> None:
    found = content(page, "data")["differences"]
    change = tables.read_differences(folder)
    assert change is not None
    assert found["baseline"] == "foreign:Analog"
    assert [row["psnr"] for row in found["rows"]] == change["psnr"].tolist()
    assert "bler" not in found["rows"][0]  # an analog link has no blocks
    assert "differences" not in content(
        reported(folder, opened, differences=None, images=0, out=Path("plain.html")), "data"
    )


def test_it_holds_the_curves_in_one_number(page: Path, folder: Path, opened: Opened) -> None:
    found = content(page, "data")["curves"]
    curves = curve_tables.read(folder, opened.metrics)
    assert curves is not None
    assert found["notes"] == curve_tables.notes(curves)
    titles = [grid["title"] for grid in found["grids"]]
    assert titles[:2] == ["ACC versus SNR, against foreign:Analog", "ACC versus bpp, against foreign:Analog"]
    psnr = next(grid for grid in found["grids"] if grid["title"].startswith("PSNR (dB) versus SNR"))
    assert psnr["columns"][:3] == ["Method", "budget", "BD-SNR (dB)"]
    assert [row[:2] for row in psnr["rows"]] == [["webp+capacity", "bpp=0.5"], ["webp+capacity", "bpp=1"]]
    plain = reported(folder, opened, curves=None, images=0, out=folder / "plain.html")
    assert "curves" not in content(plain, "data")


def test_garbled_differences_are_a_line(tmp_path: Path) -> None:
    (tmp_path / "differences.csv").write_text("method,budget\na,bpp=1\n")
    with pytest.raises(LinksimError, match="lacks the columns channel, baseline, snr_db, n"):
        tables.read_differences(tmp_path)
    (tmp_path / "differences.csv").write_text("")
    with pytest.raises(LinksimError, match="cannot be read"):
        tables.read_differences(tmp_path)
    (tmp_path / "summarise.csv").write_text("method,budget\na,bpp=1\n")
    with pytest.raises(LinksimError, match="lacks the columns channel, snr_db, baseline"):
        curve_tables.read(tmp_path, METRICS)


def test_the_viewer_shows_what_was_measured(page: Path, opened: Opened) -> None:
    viewer, pictures = content(page, "data")["viewer"], content(page, "pictures")
    assert [item["key"] for item in viewer["items"]] == ["plasma0", "plasma2", "plasma3", "plasma5"]
    cliff = viewer["shown"]["awgn"]["bpp=0.5"]["webp+capacity"][1]
    assert [cell["ok"] for cell in cliff] == [False, False, False, True, True, True]
    assert len({cell["picture"] for cell in cliff}) == 2  # grey below, the decoded file above
    assert [cell["correct"] for cell in cliff] == [False, False, False, True, True, True]
    grey = decode(pictures[cliff[0]["picture"]])
    assert (grey == 128).all()
    original = decode(pictures[viewer["items"][1]["picture"]])
    np.testing.assert_array_equal(original, opened.dataset[2].image)
    analog = viewer["shown"]["awgn"]["bpp=0.5"]["foreign:Analog"][1]
    assert len({cell["picture"] for cell in analog}) == 6
    received = decode(pictures[analog[5]["picture"]])
    error = np.mean((received.astype(float) - original) ** 2)
    assert analog[5]["psnr"] == pytest.approx(10 * np.log10(255**2 / error), abs=0.01)


def decode(text: str) -> np.ndarray[Any, Any]:
    return np.asarray(Pillow.open(io.BytesIO(base64.b64decode(text))).convert("RGB"))


def test_a_page_without_pictures(opened: Opened, folder: Path, tmp_path: Path) -> None:
    page = reported(folder, opened, images=0, out=tmp_path / "plain.html", title="Figure 4 <draft>")
    assert "viewer" not in content(page, "data")
    assert "<h1>Figure 4 &lt;draft&gt;</h1>" in page.read_text()
    with pytest.raises(LinksimError, match="images -1"):
        reported(folder, opened, images=-1)


class Tricky(Plasma):
    """A data set whose names are no names."""

    classes = ("</script><script>document.title='x'</script>", "<img src=x onerror=alert(1)>")


class Tricks(Warmth):
    classes = Tricky.classes


def test_names_are_text_never_markup(finish: Callable[..., Path], tmp_path: Path) -> None:
    link = Analog()
    link.name = "<b>&'\"</script>"
    tricky = open_experiment((link,), Tricky(2), (10.0,), (Budget("bpp", 1),), task=Tricks())
    page = reported(finish(tricky, tmp_path), tricky, images=1, title=link.name)
    text = page.read_text()
    assert text.count("</script>") == 4
    assert "<img" not in text
    assert "<b>" not in text
    assert content(page, "data")["methods"] == [link.name]
    assert embedded("</script>\u2028") == '"\\u003c/script>\u2028"'


def test_exact_and_absent_values(finish: Callable[..., Path], tmp_path: Path) -> None:
    plain = open_experiment(("original", "foreign:Analog"), Plasma(2), (10.0,), (Budget("bpp", 1),), task="")
    data = content(reported(finish(plain, tmp_path), plain, images=1), "data")
    original, analog = data["rows"]
    assert original["psnr"] == pytest.approx(PSNR_CAP, abs=1e-4)
    assert any("arrive exactly" in fact and "original 2 of 2" in fact for fact in data["facts"])
    assert "acc" not in analog
    assert [metric["column"] for metric in data["metrics"]] == ["psnr", "ssim", "outage", "bpp", "cbr"]
    assert data["viewer"]["kind"] == ""
    assert data["viewer"]["shown"]["awgn"]["bpp=1"]["original"][0][0]["psnr"] is None


def test_a_folder_that_holds_no_run_is_named(tmp_path: Path, opened: Opened) -> None:
    with pytest.raises(LinksimError, match=r"experiment\.json"):
        read_description(tmp_path)
    with pytest.raises(LinksimError, match=r"summary\.csv"):
        reported(tmp_path, opened)
    assert not list(tmp_path.iterdir())


class Boxed(Plasma):
    """Two objects in each picture."""

    def __getitem__(self, index: int) -> Sample:
        boxes = np.array([[0, 0, 32, 32], [32, 0, 64, 16]], np.float32)
        return replace(super().__getitem__(index), objects=Objects(boxes, np.array([0, 1]), np.array([False, True])))


class Finder(Warmth):
    """Finds the first object, then something else at its place, then the second one, then nothing much."""

    kind = "detection"

    def predict(self, images: Sequence[Image]) -> list[Any]:
        found = [[0, 0, 32, 30, 0.9, 0], [0, 0, 32, 30, 0.8, 1], [32, 0, 64, 15, 0.5, 1], [0, 0, 9, 9, 0.1, 0]]
        return [np.array(found, np.float32) for _ in images]


def test_boxes_are_drawn_with_what_they_found(finish: Callable[..., Path], tmp_path: Path) -> None:
    boxed = open_experiment(("foreign:Analog",), Boxed(2), (10.0,), (Budget("bpp", 1),), task=Finder())
    viewer = content(reported(finish(boxed, tmp_path), boxed, images=1), "data")["viewer"]
    (item,) = viewer["items"]
    assert item["truth"] == [[0, 0, 0.5, 0.5, 0], [0.5, 0, 1, 0.25, 1]]
    boxes = viewer["shown"]["awgn"]["bpp=1"]["foreign:Analog"][0][0]["boxes"]
    assert boxes == item["boxes"]
    assert boxes[0] == [0, 0, 0.5, 0.4688, 0.9, 0, 1]
    assert [box[4:] for box in boxes] == [[0.9, 0, 1], [0.8, 1, 0], [0.5, 1, 1]]  # the weakest is not drawn


def test_the_command_writes_the_same_page(folder: Path, page: Path, tmp_path: Path, capsys: Any) -> None:
    from linksim.cli.report import report

    report(folder, images=4, out=tmp_path / "again.html", workers=1)
    assert capsys.readouterr().out == f"{tmp_path / 'again.html'}\n"
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_the_vendored_files_are_those_that_were_released() -> None:
    vendor = files("linksim.output.report") / "vendor"
    for name, sha256 in VENDORED.items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == sha256
    assert "(v1.6.32)" in (vendor / "uPlot.iife.min.js").read_text()
    assert "uPlot 1.6.32" in (vendor / "README.md").read_text()
    assert "MIT" in (vendor / "LICENSE.uPlot").read_text()


def test_colours_are_told_from_their_ground() -> None:
    """WCAG 2.2: contrast of 4.5 for text (1.4.3), 3 for curves and marks (1.4.11), in both colour schemes."""
    style = (files("linksim.output.report") / "assets" / "style.css").read_text()
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in style.split("@media")[:2])
    assert len(light) == len(dark) > 15
    for scheme in (light, dark):
        for ground in ("page", "panel"):
            for text in ("text", "muted", "accent", "right", "wrong"):
                assert contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground)
        for mark in [*(f"m{i}" for i in range(10)), "outage"]:
            assert contrast(scheme[mark], scheme["panel"]) >= 3, mark


def contrast(a: str, b: str) -> float:
    """WCAG's contrast ratio of two #rrggbb colours."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_as_many_images_as_are_quickly_sent_again() -> None:
    def of(data: Any = None, **fields: Any) -> Opened:
        return open_experiment(("bpg",), data or Plasma(20), **{"snr_db": (10.0,), "task": "none", **fields})

    small = of()
    assert chosen(small, None) == [0, 3, 5, 8, 11, 14, 16, 19]
    assert chosen(small, 2) == [0, 19]
    assert len(chosen(of("photos"), None)) == 4
    much = {"snr_db": np.arange(0, 20, 0.1)}
    assert len(chosen(of(**much), None)) == 4
    assert chosen(of(**much, budgets=[Budget("bpp", i) for i in range(1, 6)]), None) == []


def test_a_page_of_several_channels_holds_each(finish: Callable[[Opened, Path], Path], tmp_path: Path) -> None:
    opened = open_experiment(
        methods=("foreign:Analog",),
        dataset="foreign:Plasma",
        channel=("awgn", "rician-K=0dB"),
        snr_db=(5.0,),
        task="none",
    )
    data = content(reported(finish(opened, tmp_path), opened, images=1), "data")
    assert data["channels"] == ["awgn", "rician-K=0dB"]
    assert [row["channel"] for row in data["rows"]] == data["channels"]
    shown = [data["viewer"]["shown"][name]["bpp=0.25"]["foreign:Analog"][0][0] for name in data["channels"]]
    assert shown[0]["psnr"] != shown[1]["psnr"]

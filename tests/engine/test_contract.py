"""Links, channels, tasks and data sets that break their contract are named; what is sound finishes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign import (
    Analog,
    Blank,
    Fragile,
    Lofty,
    Mute,
    Painting,
    Plasma,
    Received,
    Retold,
    Scribbling,
    Silent,
    Unsure,
    Warmth,
    compare,
)

import linksim
from linksim.channels.awgn import AWGN
from linksim.comparison import run_comparison
from linksim.engine.contract import CheckedTask
from linksim.engine.opened import open_experiment
from linksim.engine.pools import Pool
from linksim.engine.replay import deliver
from linksim.errors import LinksimError
from linksim.link import Budget, Image, Reception
from linksim.scoring.image_quality import psnr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Loud", "average power of image 0 is 2 "),
        ("Greedy", "average power of image 0 is 1.44 "),
        ("Lost", "offsets must rise from 0"),
        ("Sick", "NaN or infinity"),
        ("Small", r"received image 0 must be \(64, 64, 3\) uint8, not \(63, 64, 3\)"),
        ("Broken", "receive failed with ZeroDivisionError: something is zero"),
        ("Leaving", r"receive failed with SystemExit: no \[31mlicence$"),
        ("Vague", "payload_bits must be 6 whole numbers of at least 0, not "),
        ("Forgetful", "side_info_bits must be 6 whole numbers of at least 0, not "),
        ("Empty", "reading what receive returned failed with TypeError: "),
    ],
)
def test_a_link_that_breaks_the_contract_is_named_and_the_others_finish(
    tmp_path: Path, name: str, message: str
) -> None:
    with pytest.warns(UserWarning, match=f"'foreign:{name}'.*{message}"):
        table = compare(tmp_path, f"foreign:{name}", "foreign:Analog")
    assert set(table["method"]) == {"foreign:Analog"}
    with pytest.raises(LinksimError, match=message):
        compare(tmp_path / "alone", f"foreign:{name}")


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (Silent(), "must predict 6 images, but gave 5 predictions"),
        (Mute(), "predict failed with TypeError"),
        (Unsure(), "a prediction must be a class index below 2, not nan"),
        (Lofty(), "a prediction must be a class index below 2, not 7"),
        (Fragile(), "predict failed with KeyError: 'a weight'"),
    ],
)
def test_a_task_that_breaks_the_contract_is_named(tmp_path: Path, task: Warmth, message: str) -> None:
    with pytest.raises(LinksimError, match=f"task 'warmth': {message}"):
        linksim.compare(["original"], Plasma(), [10], task=task, out=tmp_path)


class Nameless(Warmth):
    """A task of other classes than the data set's, whose names it keeps to itself."""

    classes = ()

    def predict(self, images: Sequence[Image]) -> list[int]:
        return [731] * len(images)


def test_a_class_that_the_data_set_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(LinksimError, match="task 'warmth': class 731 is not one of the data set's 2"):
        linksim.compare(["original"], Plasma(), [10], task=Nameless(), out=tmp_path)


class Bright(Analog):
    """Declares an outage and shows the picture all the same."""

    def receive(self, received: Any, noise_var: Any, header: Any) -> Reception:
        got = super().receive(received, noise_var, header)
        return Reception(got.images, np.zeros(len(got.images), bool))


def test_an_outage_is_grey_whatever_the_link_shows(tmp_path: Path) -> None:
    table = linksim.compare([Bright()], Plasma(1), [20.0], task="", out=tmp_path)
    grey = np.full((64, 64, 3), 128, np.uint8)
    assert (table["outage"].item(), table["psnr"].item()) == (1, pytest.approx(psnr(Plasma()[0].image, grey)))
    ((delivery,),) = deliver(
        open_experiment((Bright(),), Plasma(1), (20.0,), task=""), "Bright", Budget("bpp", 0.25), [0]
    )
    assert (delivery.image == grey).all()


def test_a_link_that_spends_more_than_its_budget_is_named_under_the_table(tmp_path: Path) -> None:
    linksim.compare([Analog(), "webp+capacity"], Plasma(), [20.0], bpp=0.5, task="", out=tmp_path)
    said = (tmp_path / "table.md").read_text()
    assert "Analog spends 1.5 bpp on average, more than the budget of 0.5" in said
    assert "capacity spends" not in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y, n: (y * np.complex64(np.nan), n), "its symbols hold NaN or infinity"),
        (lambda y, n: (y[1:], n), r"symbols must be \(36864,\) complex64, not \(36863,\) complex64"),
        (lambda y, n: (y.real.copy(), n), "symbols must be .* not .* float32"),
        (lambda y, n: (y, -n), "noise variances must be above 0, not -0.1"),
        (lambda y, n: (y, 0.1), "noise variances must be an array, not float"),
        (lambda y, n: y, "transmit must return symbols and noise variances, not "),
        (lambda y, n: 1 / 0, "transmit failed with ZeroDivisionError"),
    ],
)
def test_a_channel_that_breaks_the_contract_is_named(tmp_path: Path, change: Any, message: str) -> None:
    opened = open_experiment((Analog(),), Plasma(), (10.0,), channel=Received(change), task="")
    with pytest.raises(LinksimError, match=f"channel 'awgn': {message}"):
        run_comparison(opened, tmp_path, Pool(), figures=False)


def test_a_channel_cannot_change_what_is_sent_at_the_next_snr(tmp_path: Path) -> None:
    opened = open_experiment((Analog(),), Plasma(), (10.0, 20.0), channel=Scribbling(), task="")
    with pytest.raises(LinksimError, match=r"channel 'awgn': transmit failed with ValueError: .*read-only"):
        run_comparison(opened, tmp_path, Pool(), figures=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: 1 / 0, r"image 3 \(ZeroDivisionError"),
        (lambda s: None, r"image 3 \(must be a Sample whose key is text, not NoneType"),
        (lambda s: replace(s, key=3), r"image 3 \(must be a Sample whose key is text, not int"),
        (lambda s: replace(s, image=s.image / 255), r"image 3 \(must be \(H, W, 3\) uint8, not .* float64"),
        (lambda s: replace(s, image=s.image[:, :, 0]), r"image 3 \(must be .* not .64, 64. uint8"),
        (lambda s: replace(s, image=s.image[:0]), r"image 3 \(must be .* not .0, 64, 3. uint8"),
        (lambda s: replace(s, image=s.image.tolist()), r"image 3 \(must be .* not list"),
        (lambda s: replace(s, label=2), r"image 3 \(must have a class from 0 to 1 as its label, not 2"),
        (lambda s: replace(s, label=math.nan), r"image 3 \(must have a class from 0 to 1 as its label, not nan"),
        (
            lambda s: replace(s, sources="a photo"),
            r"image 3 \(must have a tuple of texts as its sources, not ",
        ),
        (lambda s: replace(s, sources=(7,)), r"image 3 \(must have a tuple of texts as its sources, not "),
        (lambda s: replace(s, label=None), "image 'plasma3' has no label, though others of its data set have"),
    ],
)
def test_a_data_set_that_breaks_the_contract_is_named_once(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(LinksimError, match=message):
        linksim.compare([Analog(), "original"], Retold(change), [10], task=Warmth(), out=tmp_path)


def test_neither_a_link_nor_a_task_can_change_what_it_is_compared_with(tmp_path: Path) -> None:
    honest = linksim.compare([Analog(), Blank()], Plasma(), [20], task=Warmth(), out=tmp_path / "a")
    painted = linksim.compare([Analog()], Plasma(), [20], task=Painting(), out=tmp_path / "b")
    lines = honest.set_index("method")
    assert lines.loc["Blank", "psnr"] < lines.loc["Analog", "psnr"] - 10
    assert painted["psnr"].item() == lines.loc["Analog", "psnr"]


class Unspeakable(Analog):
    """Its identity is not JSON."""

    def identity(self) -> dict[str, Any]:
        return {"self": self}


def test_what_cannot_identify_itself_is_named_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(LinksimError, match=r"method 'Unspeakable': its identity\(\) failed with TypeError"):
        linksim.compare([Unspeakable(), "original"], Plasma(), [10], task="", out=tmp_path)
    with pytest.raises(LinksimError, match=r"method 'foreign:Deadly': making it failed with TypeError: .*marker"):
        compare(tmp_path, "foreign:Deadly", "original")


class Interpreted(Warmth):
    """Fails as TorchScript does, which quotes code."""

    def predict(self, images: Sequence[Image]) -> list[int]:
        raise RuntimeError("Failed in the TorchScript interpreter.\n  code\n\nRuntimeError: sizes differ")


def test_what_all_methods_fail_for_is_said_once_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(LinksimError) as caught:
        linksim.compare(["original", "webp"], Plasma(), [10], task=Interpreted(), out=tmp_path)
    assert str(caught.value) == "task 'warmth': predict failed with RuntimeError: sizes differ"


class Finder(Warmth):
    """Finds a thing of a class it does not know, everywhere."""

    kind = "detection"

    def predict(self, images: Sequence[Image]) -> list[Any]:
        return [np.array([[0, 0, 9, 9, 0.5, 2]], np.float32) for _ in images]


def test_a_detector_needs_boxes_to_be_scored_by(tmp_path: Path) -> None:
    with pytest.raises(LinksimError, match="'plasma' has no boxes for task 'warmth'"):
        linksim.compare(["original"], Plasma(), [10], task=Finder(), out=tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_class_that_the_detector_does_not_have_is_named() -> None:
    with pytest.raises(LinksimError, match="its last column a class index below 2, not array"):
        CheckedTask(Finder()).predict([Plasma()[0].image])


class OverflowingChannel(AWGN):
    name = "overflowing"

    def transmit_one(self, symbols: Any, n0: float, stream: Any) -> Any:
        return symbols.astype(np.complex128) * 1e300, n0


@pytest.mark.filterwarnings("error")
def test_a_channel_whose_symbols_are_too_large_for_them_is_named(tmp_path: Path) -> None:
    opened = open_experiment((Analog(),), Plasma(), (10.0,), channel=OverflowingChannel(), task="")
    with pytest.raises(LinksimError, match="channel 'overflowing': its symbols hold NaN or infinity"):
        run_comparison(opened, tmp_path, Pool(), figures=False)

"""The grid and its identities."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from foreign import Analog, Plasma
from hypothesis import given
from hypothesis import strategies as st

import linksim
from linksim.engine.opened import open_experiment
from linksim.errors import LinksimError
from linksim.experiment import Experiment
from linksim.grid import check_snr, format_snr, parse_budgets, parse_snr
from linksim.link import Budget, Method


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("0:20", tuple(map(float, range(21)))),
        ("0:20:2", tuple(map(float, range(0, 21, 2)))),
        ("1,5,10", (1.0, 5.0, 10.0)),
        ("-2:0", (-2.0, -1.0, 0.0)),
        ("10:11:0.25", (10.0, 10.25, 10.5, 10.75, 11.0)),
        ("9:12:0.1,20", (*(round(9 + i / 10, 9) for i in range(31)), 20.0)),
        ("5,5,5", (5.0,)),
    ],
)
def test_snr_ranges_include_both_ends(text: str, points: tuple[float, ...]) -> None:
    assert parse_snr(text) == points


@pytest.mark.parametrize(
    "text", ["", "a", "5:1", "0:20:0", "0:20:-1", "1:2:3:4", "nan", "inf", "0:inf", "0:1e9", "200", "0:20:1e-9", ","]
)
def test_a_bad_snr_is_named(text: str) -> None:
    with pytest.raises(LinksimError, match=r"SNR|point"):
        parse_snr(text)


@pytest.mark.parametrize("points", ["0:20", ["warm"], [None], None])
def test_snr_points_that_are_no_numbers_are_named(points: object) -> None:
    with pytest.raises(LinksimError, match=r"SNR .*: must be numbers"):
        check_snr(points)  # type: ignore[arg-type]


@pytest.mark.parametrize("bpp", ["0.25.1", [None], "x"])
def test_budgets_that_are_no_numbers_are_named(bpp: object) -> None:
    with pytest.raises(LinksimError, match=r"bpp .*: must be numbers such as"):
        linksim.compare(["bpg"], "photos", bpp=bpp)  # type: ignore[arg-type]


def test_a_class_given_for_a_link_is_named() -> None:
    with pytest.raises(LinksimError, match=r"method <class '.*Analog'>: must be a name or a linksim.Link object"):
        open_experiment(("bpg", Analog))  # type: ignore[arg-type]


@given(st.text(max_size=20))
def test_no_snr_text_crashes(text: str) -> None:
    with contextlib.suppress(LinksimError):
        assert parse_snr(text)


@given(st.lists(st.integers(-20, 40), min_size=1, max_size=12, unique=True))
def test_a_formatted_snr_reads_back(points: list[int]) -> None:
    values = tuple(map(float, points))
    assert parse_snr(format_snr(values)) == values


def test_budgets() -> None:
    assert parse_budgets("bpp", "0.25,0.5") == (Budget("bpp", 0.25), Budget("bpp", 0.5))
    assert Budget("bpp", 0.25).of((96, 96, 3)) == 2304
    for bad in ("", "x", "0", "-1", "1e9", "nan"):
        with pytest.raises(LinksimError, match="bpp"):
            parse_budgets("bpp", bad)


@pytest.mark.parametrize(
    ("text", "head", "parts", "at", "path"),
    [
        ("bpg", "bpg", (), "", ""),
        ("webp+ldpc-1/2+qpsk", "webp", ("ldpc-1/2", "qpsk"), "", ""),
        ("bpg+alist:codes/a.alist+16qam", "bpg", ("alist:codes/a.alist", "16qam"), "", ""),
        ("sdjscc@5dB", "sdjscc", (), "5dB", ""),
        ("sdjscc:path/to.safetensors", "sdjscc", (), "", "path/to.safetensors"),
        ("my.links:Mine", "my.links:Mine", (), "", ""),
    ],
)
def test_method_grammar(text: str, head: str, parts: tuple[str, ...], at: str, path: str) -> None:
    method = Method.parse(text)
    assert (method.head, method.parts, method.at, method.path) == (head, parts, at, path)


@pytest.mark.parametrize("text", ["", "+", "bpg+", "+qpsk", "@5dB", ":x"])
def test_a_bad_method_is_named(text: str) -> None:
    with pytest.raises(LinksimError, match="method"):
        Method.parse(text)


def test_a_budget_is_said_exactly_and_once() -> None:
    third = Budget("cbr", 1 / 12)
    assert str(Budget("cbr", np.float64(float(third.value)))) == str(third)
    assert (str(Budget("bpp", 0.25)), parse_budgets("cbr", third.text)) == ("bpp=0.25", (third,))
    with pytest.raises(LinksimError, match=r"budget 'bpp=0\.25' is given twice"):
        Experiment(("bpg",), budgets=(Budget("bpp", 0.25), Budget("bpp", 0.25)))


def units(**changes: object) -> list[str]:
    fields: dict[str, object] = {"methods": (Analog(),), "dataset": Plasma(), "task": "", **changes}
    return [unit.id for unit in open_experiment(**fields).units()]  # type: ignore[arg-type]


def test_a_unit_is_named_by_all_that_determines_it() -> None:
    same = units()
    assert units() == same
    assert units(snr_db=(3.0,)) == same  # the SNRs are counted apart, so that a grid can grow
    for change in (
        {"seed": 1},
        {"trials": 2},
        {"channel": "rayleigh-fast"},
        {"budgets": (Budget("bpp", 0.5),)},
        {"over_budget": "nearest"},
    ):
        assert not set(units(**change)) & set(same), change


def test_units_do_not_depend_on_methods_and_cover_every_image_once() -> None:
    opened = open_experiment((Analog(), "original"), Plasma(150, (96, 96)), task="")
    images = [i for unit in opened.units() if unit.method == "original" for i in unit.images]
    assert images == list(range(150))
    assert [u.id for u in opened.units() if u.method != "original"] == units(dataset=Plasma(150, (96, 96)))


def test_the_command_of_an_experiment_says_what_differs_from_the_defaults() -> None:
    experiment = Experiment(("bpg", "webp"), "photos", (0.0, 1.0, 2.0), (Budget("cbr", 1 / 24),), limit=3, task="")
    assert experiment.command() == (
        "linksim compare --methods bpg,webp --snr 0:2 --dataset photos --cbr 1/24 --task none --limit 3"
    )


@pytest.mark.parametrize(
    "fields",
    [{"methods": ()}, {"methods": ("bpg", "bpg")}, {"limit": 0}, {"trials": 0}, {"snr_db": ()}, {"budgets": ()}],
)
def test_a_bad_experiment_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(LinksimError):
        Experiment(**{"methods": ("bpg",), **fields})  # type: ignore[arg-type]

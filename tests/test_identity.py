"""Identities: all that determines a result is in them, and nothing else."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from foreign import Analog, Plasma

from baselines.fec.wifi import WifiLDPC
from baselines.modulation import modulation
from baselines.separate import SeparateLink
from baselines.source.bpg import BPG
from baselines.source.bpg_format import PixelFormat
from jscc.methods import ALIASES
from linksim import registry
from linksim.identity import Identified, describe, digest, unknowns
from linksim.link import Budget, LinkOptions


class Part(Identified):
    version = 1

    def __init__(self, gain: Any = 1, *rest: Any, device: str = "cpu", **more: Any) -> None:
        self.gain = gain


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 2),
        (1.0, float("nan")),
        ("a", "b"),
        ((1, 2), (2, 1)),
        ({"a": 1}, {"a": 2}),
        (np.zeros(3), np.zeros(4)),
        (np.zeros(3), np.zeros(3, np.float32)),
        (torch.zeros(3), torch.ones(3)),
        (torch.zeros(3, dtype=torch.bfloat16), torch.ones(3, dtype=torch.bfloat16)),
        (torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)),
        (torch.nn.ReLU(), torch.nn.Sigmoid()),
        (Fraction(1, 3), Fraction(1, 2)),
        (PixelFormat.C420, PixelFormat.C444),
        (Budget("bpp", 0.25), Budget("bpp", 0.5)),
        (Part(1), Part(2)),
        (b"a", b"b"),
        (print, len),
        (Analog, Plasma),
        (Part(1).identity, Part(2).identity),
        (lambda x: x + 1, lambda x: x * 2),
        (lambda x, by=1: x + by, lambda x, by=2: x + by),
        ({1, 2}, {1, 3}),
        (LinkOptions(), LinkOptions(over_budget="nearest")),
    ],
)
def test_any_argument_tells_components_apart(one: Any, other: Any) -> None:
    assert Part(one).identity() != Part(other).identity()
    assert Part(one).identity() == Part(one).identity()
    assert Part(0, one).identity() != Part(0, other).identity()
    assert Part(name=one).identity() != Part(name=other).identity()


def test_equal_numbers_of_any_type_are_one() -> None:
    values = [3, np.int64(3), np.int8(3)]
    assert len({digest(Part(value).identity()) for value in values}) == 1
    assert Part(0.0).identity() == Part(-0.0).identity() == Part(np.float32(0)).identity()
    assert Part((1, 2)).identity() == Part([1, 2]).identity()


def test_a_file_counts_by_its_content(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    one.write_text("x")
    other.write_text("x")
    before = Part(one).identity()
    assert before == Part(other).identity()
    one.write_text("y")
    assert before != Part(one).identity()


def test_what_holds_itself_ends() -> None:
    thing = Part()
    loop: list[Any] = [thing.gain]
    loop.append(loop)
    assert digest(describe(loop))


def test_what_cannot_be_read_is_said() -> None:
    class Slots:
        __slots__ = ()

    assert list(unknowns(Part(Slots()).identity()))
    assert not list(unknowns(Part(1).identity()))


def written(folder: Path, name: str, text: str) -> ModuleType:
    """A module made of this text, under a name of its own."""
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


SOURCE = "from linksim.identity import Identified\nclass Mine(Identified):\n    pass\n"


def test_a_users_class_is_told_by_its_source_but_for_a_declared_version(tmp_path: Path) -> None:
    before = written(tmp_path, "before", SOURCE).Mine().identity()
    assert before == written(tmp_path, "moved", SOURCE).Mine().identity()  # a file can move
    assert before != written(tmp_path, "changed", SOURCE + "# other\n").Mine().identity()
    declared = SOURCE.replace("pass", "version = 2")
    one, two = written(tmp_path, "one", declared).Mine(), written(tmp_path, "two", declared + "# other\n").Mine()
    assert one.identity() == two.identity() == {"name": "Mine", "version": 2}


class Versioned(Analog):
    version = 2


@pytest.mark.parametrize("kind", [Analog, Versioned])
@pytest.mark.parametrize("kept", [lambda net: net, lambda net: [net], lambda net: {"a": (net.weight,)}])
def test_weights_that_a_users_link_keeps_in_an_attribute_count(kind: type[Analog], kept: Any) -> None:
    """A declared version stands for the source file, never for the weights."""
    one, other = kind(), kind()
    one.net, other.net = kept(torch.nn.Linear(2, 1)), kept(torch.nn.Linear(2, 1))  # type: ignore[attr-defined]
    assert one.identity() == one.identity() != other.identity()


CONSTRUCTED: dict[str, list[Any]] = {
    "SeparateLink": [
        SeparateLink(BPG(), WifiLDPC(), modulation("16qam"), Budget("bpp", 0.25)),
        SeparateLink(BPG((PixelFormat.C444,)), WifiLDPC(), modulation("16qam"), Budget("bpp", 0.25)),
        SeparateLink(BPG(), WifiLDPC(648), modulation("16qam"), Budget("bpp", 0.25)),
        SeparateLink(BPG(), WifiLDPC(rate="1/2"), modulation("16qam"), Budget("bpp", 0.25)),
        SeparateLink(BPG(), WifiLDPC(), modulation("qpsk"), Budget("bpp", 0.25)),
        SeparateLink(BPG(), WifiLDPC(), modulation("16qam"), Budget("bpp", 0.25), "nearest"),
        SeparateLink(BPG(), WifiLDPC(), modulation("16qam"), Budget("bpp", 0.25), demapper="maxlog"),
    ]
}


@pytest.mark.parametrize("name", CONSTRUCTED)
def test_every_argument_of_ours_counts(name: str) -> None:
    identities = [digest(thing.identity()) for thing in CONSTRUCTED[name]]
    assert len(set(identities)) == len(identities)


CHANNELS = (
    *("awgn", "rayleigh-block", "rayleigh-fast", "rician-K=5dB", "rician-K=5dB-fast", "rician-K=6dB"),
    *(
        "tdl-a-100ns",
        "tdl-c-100ns",
        "tdl-c-300ns",
        "tdl-c-300ns@30kmh",
        "tdl-c-300ns+pilots=2+ls",
        "tdl-c-300ns+clip=3dB",
    ),
)


def about(method: str) -> str:
    return registry.describe("linksim.links", method)


def test_all_registered_links_channels_and_codes_differ() -> None:
    methods = [m for m in registry.names("linksim.links") if m != "separate" and "none shipped" not in about(m)]
    methods += [f"{source}{part}" for source in ("jpeg", "webp", "bpg") for part in ("", "+capacity", "+adaptive")]
    found: dict[str, str] = {}
    for method in methods:
        budget = Budget("bpp", 0.5)
        name = digest(registry.link(method, LinkOptions(budget)).identity())
        if method not in ALIASES:
            assert name not in found, f"{method} and {found[name]}"
            found[name] = method
    assert len(found) > 10
    channels = [digest(registry.channel(name).identity()) for name in CHANNELS]
    assert len(set(channels)) == len(channels)
    codes = [digest(registry.code(spec).identity()) for spec in ("ldpc-1/2", "ldpc-3/4", "nr-ldpc-1/2", "nr-ldpc-2/3")]
    assert len(set(codes)) == len(codes)


def test_our_components_declare_a_name_and_a_version() -> None:
    for group in ("linksim.links", "linksim.sources", "linksim.fec"):
        for name in set(registry.names(group)) - {"separate"}:
            thing = registry.load(group, name)
            kind = thing if inspect.isclass(thing) else type(thing())
            assert kind.version != "" or "identity" in vars(kind), f"{group} {name}"

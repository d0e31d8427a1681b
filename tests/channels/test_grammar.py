"""Specs of channels: what they mean, what is refused and how."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from linksim import registry
from linksim.channels.amplifier import Clipping, Rapp
from linksim.channels.grammar import make_channel, presets
from linksim.channels.ofdm import OFDM
from linksim.channels.settings import OPTIONS
from linksim.cli.main import run
from linksim.errors import LinksimError

OWN = """
about: two taps
delays_ns: [0, 200]
powers_db: [0, -3]
k_db: 6
motion: 30kmh
subcarriers: 64
estimator: ls
clip: 4dB
"""


def test_a_spec_says_profile_motion_grid_and_receiver() -> None:
    channel = make_channel(
        "tdl-c-300ns@30kmh+pilots=3+comb=4+subcarriers=256+spacing=15kHz+ls+mmse+clip=3dB+carrier=2GHz"
    )
    assert isinstance(channel, OFDM)
    assert channel.multipath.doppler_hz == pytest.approx(30 / 3.6 * 2e9 / 299792458)
    assert channel.multipath.delays[-1] == pytest.approx(8.6523 * 300e-9)  # TR 38.901, table 7.7.2-3
    grid = channel.grid
    assert (grid.pilot_symbols, grid.comb, grid.subcarriers, grid.spacing_hz) == ((2, 7, 11), 4, 256, 15e3)
    assert (channel.estimator, channel.equaliser, channel.amplifier) == ("ls", "mmse", Clipping(3.0))
    assert make_channel("ofdm+rapp=6dB").amplifier == Rapp(6.0)  # type: ignore[attr-defined]
    assert make_channel("tdl-c300@100hz").multipath.doppler_hz == 100  # type: ignore[attr-defined]


def test_the_name_is_the_spec_and_capitals_do_not_matter() -> None:
    for spec in ("awgn", "rician-K=5dB-fast", "TDL-C-300ns@30kmh+LS"):
        assert registry.channel(spec).name == spec
    assert make_channel("TDL-C-300ns+LS").estimator == "ls"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("rayleigh", r"did you mean 'rayleigh-(fast|block)'.*tdl.*yang2021"),
        ("rician-K=5", "rayleigh-block, rayleigh-fast or rician"),
        ("rician", "rician-K=5dB"),
        ("awgn+ls", "'awgn' takes no options"),
        ("rayleigh-block+ls", "the form is"),
        ("tdl-c", "delay spread"),
        ("tdl-z-30ns", "unknown TDL profile 'z'; known: a, a10"),
        ("tdl-c300-100ns", "fixed delays"),
        ("cdl-c", "delay spread"),
        ("tdl_c_300ns", "unknown channel"),
        ("tdl-c-300ns+lss", "unknown channel option 'lss'.*did you mean 'ls'"),
        ("tdl-c-300ns+ls+lmmse", "second estimator"),
        ("tdl-c-300ns+pilots=5", "must be 0 to 4"),
        ("tdl-c-300ns+comb=two", "whole number"),
        ("tdl-c-300ns+clip=loud", "such as 3dB"),
        ("tdl-c-300ns+guards=3", "two numbers"),
        ("tdl-c-300ns@fast", "30kmh"),
        ("tdl-c-300ns+dc=maybe", "yes or no"),
        ("missing.yaml", "cannot be read"),
        ("no.such.module:Thing", "cannot import"),
    ],
)
def test_a_bad_spec_is_refused_in_a_line_that_says_what_is_allowed(spec: str, says: str) -> None:
    with pytest.raises(LinksimError, match=says) as caught:
        make_channel(spec)
    assert spec in str(caught.value) or spec.split("+")[0] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_holds_taps_and_the_options_of_specs() -> None:
    Path("own.yaml").write_text(OWN)
    channel = make_channel("own.yaml")
    assert isinstance(channel, OFDM)
    assert channel.multipath.k_factor == pytest.approx(10**0.6)
    assert channel.multipath.powers[1] / channel.multipath.powers[0] == pytest.approx(10**-0.3)
    assert channel.multipath.delays == pytest.approx((0, 200e-9))
    assert (channel.grid.subcarriers, channel.estimator, channel.amplifier) == (64, "ls", Clipping(4.0))
    Path("based.yaml").write_text("channel: tdl-a-100ns@3kmh+ls\npilots: 4\n")
    based = make_channel("based.yaml")
    assert isinstance(based, OFDM)
    assert (len(based.multipath.delays), based.estimator, len(based.grid.pilot_symbols)) == (23, "ls", 4)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("delays_ns: [0]\npowers_db: [0]\npilot: 2\n", "did you mean 'pilots'"),
        ("delays_ns: [0, 1]\npowers_db: [0]\n", "a tap must have one of each"),
        ("delays_ns: [0]\n", "lists of numbers"),
        ("delays_ns: far\npowers_db: [0]\n", "lists of numbers"),
        ("channel: tdl-a-30ns\ndelays_ns: [0]\npowers_db: [0]\n", "either channel, or"),
        ("pilots: 2\n", "either channel, or"),
        ("- 1\n", "must hold keys"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_bad_file_is_refused_by_name(text: str, says: str) -> None:
    Path("own.yaml").write_text(text)
    with pytest.raises(LinksimError, match=says) as caught:
        make_channel("own.yaml")
    assert "own.yaml" in str(caught.value)


def test_presets_are_names_that_take_options() -> None:
    """Those of the code of Yang, Bian and Kim: 64 subcarriers, a prefix of 16, six data symbols behind a pilot."""
    assert "yang2021" in presets()
    channel = make_channel("yang2021+lmmse+clip=1.58dB")
    assert isinstance(channel, OFDM)
    assert channel.uses(6 * 64) == 7 * (64 + 16)
    powers = np.array(channel.multipath.powers)
    assert powers[1:] / powers[:-1] == pytest.approx(np.exp(-1 / 4), rel=1e-4)
    assert channel.estimator == "lmmse"


def test_the_command_lists_every_channel_preset_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["channels"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name in (*registry.names("linksim.channels"), *presets(), *(option.form for option in OPTIONS.values())):
        assert name in shown

"""What a channel sends beside the data counts in the CBR."""

from __future__ import annotations

from typing import Any

import pytest
from foreign import Plasma

import linksim
from linksim.channels.awgn import AWGN
from linksim.channels.grammar import make_channel
from linksim.engine.opened import open_experiment
from linksim.engine.replay import deliver
from linksim.link import Budget


def cbr(channel: Any) -> float:
    table = linksim.compare(["foreign:Analog"], Plasma(), [10.0], task="", channel=channel, limit=1)
    return float(table["cbr"].iloc[0])


def test_pilots_prefix_and_guards_are_counted() -> None:
    plain = cbr("awgn")
    symbols = round(plain * Plasma()[0].image.size)
    for spec in ("ofdm", "tdl-a-30ns+pilots=4+comb=1"):
        assert cbr(spec) / plain == pytest.approx(make_channel(spec).uses(symbols) / symbols)


def test_side_information_is_counted() -> None:
    """Five channel uses a bit: BPSK with a code of rate 1/5."""

    def cost(method: str) -> float:
        return float(linksim.compare([method], Plasma(), [10.0], task="", limit=1)["cbr"].iloc[0])

    assert cost("foreign:Told") - cost("foreign:Analog") == pytest.approx(7 * 5 / Plasma()[0].image.size)


@pytest.mark.parametrize("uses", [lambda symbols: symbols - 1, lambda symbols: 1.5 * symbols])
def test_a_channel_that_counts_wrongly_is_named(uses: Any) -> None:
    channel = AWGN()
    channel.uses = uses  # type: ignore[method-assign]
    with pytest.raises(
        linksim.LinksimError, match=r"channel 'awgn': uses\(\d+\) must be a whole number of at least that"
    ):
        cbr(channel)


def test_a_budget_of_channel_uses_holds_over_every_channel_and_is_used() -> None:
    """Over OFDM all whole OFDM symbols of the budget, since the best file that fits is a few bytes smaller than it."""
    budget = Budget("cbr", 1 / 4)
    opened = open_experiment(
        "webp+ldpc-1/2+qpsk", "foreign:Plasma", [20.0], [budget], channel=["awgn", "ofdm", "yang2021+ls"], task="none"
    )
    image = opened.dataset[0].image
    spent = {}
    for name in opened.experiment.channels:
        ((delivery,),) = deliver(opened, "webp+ldpc-1/2+qpsk", budget, [0], channel=name)
        spent[name] = round(delivery.row["cbr"] * image.size)
        assert 0 < spent[name] <= image.size / 4
    assert spent["ofdm"] == make_channel("ofdm").uses(make_channel("ofdm").capacity(image.size // 4))

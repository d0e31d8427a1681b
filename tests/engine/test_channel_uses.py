"""What a channel sends beside the data counts in the CBR."""

from __future__ import annotations

from typing import Any

import pytest
from foreign import Plasma

import linksim
from linksim.channels.awgn import AWGN
from linksim.channels.grammar import make_channel


def cbr(channel: Any) -> float:
    table = linksim.compare(["foreign:Analog"], Plasma(), [10.0], task="", channel=channel, limit=1)
    return float(table["cbr"].iloc[0])


def test_pilots_prefix_and_guards_are_counted() -> None:
    plain = cbr("awgn")
    symbols = round(plain * Plasma()[0].image.size)
    for spec in ("ofdm", "tdl-a-30ns+pilots=4+comb=1"):
        assert cbr(spec) / plain == pytest.approx(make_channel(spec).uses(symbols) / symbols)


@pytest.mark.parametrize("uses", [lambda symbols: symbols - 1, lambda symbols: 1.5 * symbols])
def test_a_channel_that_counts_wrongly_is_named(uses: Any) -> None:
    channel = AWGN()
    channel.uses = uses  # type: ignore[method-assign]
    with pytest.raises(
        linksim.LinksimError, match=r"channel 'awgn': uses\(\d+\) must be a whole number of at least that"
    ):
        cbr(channel)

"""``linksim methods``: what may stand behind ``--methods``."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator

EXAMPLES = (
    "linksim methods",
    "linksim methods | grep adaptive",
)


def methods() -> None:
    """List links, codecs, channel codes and modulations.

    A method is a link, or CODEC[+CODE][+MODULATION]; CODEC alone means CODEC+ldpc-3/4+16qam.
    """
    width = shutil.get_terminal_size().columns
    for title, entries in _groups():
        print(title)
        for name, text in entries:
            print(textwrap.fill(text, width, initial_indent=f"  {name:<17} ", subsequent_indent=" " * 20))
        print()
    print("CODEC alone means CODEC+ldpc-3/4+16qam.")


def _groups() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Titles, and the names under them with what they are."""
    from baselines.modulation import DEMAPPERS, NAMES
    from linksim import registry

    for title, group in (
        ("Links", "linksim.links"),
        ("Source codecs: CODEC[+CODE][+MODULATION]", "linksim.sources"),
        ("Channel codes", "linksim.fec"),
    ):
        yield title, [(n, registry.describe(group, n)) for n in registry.names(group) if n != "separate"]
    yield (
        "Instead of code and modulation",
        [
            ("capacity", "As many bits as capacity lets through, error-free: at equal CBR over AWGN the upper bound."),
            ("adaptive", "The best 802.11n rate and modulation for each SNR."),
        ],
    )
    yield "Modulations and demappers", [(", ".join(NAMES), ""), (", ".join(DEMAPPERS), "")]
    yield "Your own", [("package.module:Class", "or an entry point of the group linksim.links")]

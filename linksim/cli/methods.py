"""``linksim methods``: what may stand behind ``--methods``."""

from __future__ import annotations


def methods() -> None:
    """List links, source codecs, channel codes and modulations."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from baselines.modulation import DEMAPPERS, NAMES
    from linksim import registry

    table = Table(box=None, pad_edge=False, show_header=False)
    for title, group in (
        ("Links", "linksim.links"),
        ("Source codecs: CODEC[+CODE][+MODULATION]", "linksim.sources"),
        ("Channel codes", "linksim.fec"),
    ):
        table.add_row(f"[bold]{title}[/]")
        for name in registry.names(group):
            if name != "separate":
                table.add_row(f"  {name}", escape(registry.describe(group, name)))
    table.add_row("[bold]Instead of code and modulation[/]")
    table.add_row(
        "  capacity",
        "as many bits as capacity lets through, error-free: at equal CBR over AWGN the upper bound",
    )
    table.add_row("  adaptive", "the best 802.11n rate and modulation for each SNR")
    table.add_row("[bold]Modulations[/]", ", ".join(NAMES))
    table.add_row("[bold]Demappers[/]", ", ".join(DEMAPPERS))
    table.add_row("[bold]Your own[/]", "package.module:Class, or an entry point of the group linksim.links")
    Console().print(table)
    print("CODEC alone means CODEC+ldpc-3/4+16qam.")

"""``linksim channels``: what may stand behind ``--channel``."""

from __future__ import annotations


def channels() -> None:
    """List channels, what may follow their names, and their options."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from linksim import registry
    from linksim.channels.grammar import contents, presets
    from linksim.channels.settings import OPTIONS

    sections = {
        "Channels": {name: registry.describe("linksim.channels", name) for name in registry.names("linksim.channels")},
        "As published": {name: contents(path).get("about", "") for name, path in presets().items()},
        "Motion, behind @": {"@30kmh, @8ms": "speed of the receiver", "@100hz": "the largest Doppler shift itself"},
        "Options of OFDM, each behind +": {option.form: option.about for option in OPTIONS.values()},
        "Your own": {
            "FILE.yaml": "taps and options in a file",
            "package.module:Class": "or an entry point of the group linksim.channels",
        },
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    for title, rows in sections.items():
        table.add_row(f"[bold]{title}[/]")
        for name, line in rows.items():
            table.add_row(f"  {escape(name)}", escape(line))
    Console().print(table)
    print("For example: tdl-c-300ns@30kmh+pilots=2+ls. What is shown for each option is its default.")

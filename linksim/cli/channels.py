"""``linksim channels``: what may stand behind ``--channel``."""

from __future__ import annotations

import shutil
import textwrap

EXAMPLES = (
    "linksim channels",
    "linksim compare --methods bpg,sdjscc --snr 0:20 --channel tdl-c-300ns@30kmh+ls",
)


def channels() -> None:
    """List channels and their options.

    A channel is NAME[@SPEED][+OPTION...], a YAML file, or package.module:Class.
    """
    from linksim import registry
    from linksim.channels.grammar import GROUP, contents, presets
    from linksim.channels.settings import OPTIONS

    sections = {
        "Channels": {name: registry.describe(GROUP, name) for name in registry.names(GROUP)},
        "As published": {name: contents(path).get("about", "") for name, path in presets().items()},
        "Motion, behind @": {"@30kmh, @8ms": "speed of the receiver", "@100hz": "the largest Doppler shift itself"},
        "Options of OFDM, each behind +; what is shown is the default": {o.form: o.about for o in OPTIONS.values()},
        "Your own": {
            "FILE.yaml": "taps and options in a file",
            "package.module:Class": f"or an entry point of the group {GROUP}",
        },
    }
    width = shutil.get_terminal_size().columns
    for title, rows in sections.items():
        print(title)
        for name, line in rows.items():
            print(textwrap.fill(line, width, initial_indent=f"  {name:<20} ", subsequent_indent=" " * 23))
        print()
    print("For example: tdl-c-300ns@30kmh+pilots=2+ls")

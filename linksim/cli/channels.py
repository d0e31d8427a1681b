"""``linksim channels``: what may stand behind ``--channel``."""

from __future__ import annotations

EXAMPLES = (
    "linksim channels",
    "linksim compare --methods bpg --channel tdl-c-300ns@30kmh+pilots=2+ls",
)


def channels() -> None:
    """List channels and their options.

    The default of each option is shown.
    """
    from linksim import registry
    from linksim.channels.grammar import contents, presets
    from linksim.channels.settings import OPTIONS
    from linksim.cli.listing import show

    show(
        {
            "Channels": {n: registry.describe("linksim.channels", n) for n in registry.names("linksim.channels")},
            "As published": {name: contents(path).get("about", "") for name, path in presets().items()},
            "Motion, behind @": {"@30kmh, @8ms": "speed of the receiver", "@100hz": "the largest Doppler shift itself"},
            "Options of OFDM, each behind +": {option.form: option.about for option in OPTIONS.values()},
            "Your own": {
                "FILE.yaml": "taps and options in a file",
                "package.module:Class": "or an entry point of the group linksim.channels",
            },
        }
    )
    print("For example: tdl-c-300ns@30kmh+pilots=2+ls")

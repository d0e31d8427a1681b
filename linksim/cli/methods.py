"""``linksim methods``: what may stand behind ``--methods``."""

from __future__ import annotations

EXAMPLES = (
    "linksim methods",
    "linksim methods | grep adaptive",
)


def methods() -> None:
    """List links, codecs, channel codes and modulations.

    A method is a link, or CODEC[+CODE][+MODULATION]; CODEC alone means CODEC+ldpc-3/4+16qam.
    """
    from baselines.modulation import DEMAPPERS, NAMES
    from linksim import registry
    from linksim.cli.listing import show

    def registered(group: str) -> dict[str, str]:
        return {name: registry.describe(group, name) for name in registry.names(group) if name != "separate"}

    show(
        {
            "Links": registered("linksim.links"),
            "Source codecs: CODEC[+CODE][+MODULATION]": registered("linksim.sources"),
            "Channel codes": registered("linksim.fec"),
            "Instead of code and modulation": {
                "capacity": "As many bits as the capacity, error-free: at equal CBR over AWGN the upper bound.",
                "adaptive": "The best 5G NR or 802.11n rate and modulation for each image, SNR and channel.",
                "adaptive-nr": "The same of 5G NR alone.",
                "adaptive-wifi": "The same of 802.11n alone.",
            },
            "Modulations": dict.fromkeys(NAMES, ""),
            "Demappers": dict.fromkeys(DEMAPPERS, ""),
            "Your own": {"package.module:Class": "or an entry point of the group linksim.links"},
        }
    )
    print("CODEC alone means CODEC+ldpc-3/4+16qam.")

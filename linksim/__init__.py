"""linksim: compare learned wireless image links with separate source and channel coding.

``linksim.compare`` runs a comparison; ``linksim.Link`` is what a method of your own subclasses, and
``linksim.TorchLink`` wraps a pair of torch networks. Everything is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jscc.torch_link import TorchLink
    from linksim.channels.base import Channel
    from linksim.comparison import compare, summarise
    from linksim.errors import LinksimError
    from linksim.link import Blocks, Budget, Link, LinkOptions, Method, Reception, Transmission
    from linksim.scoring.metrics import Metric

_HOMES = {
    "Channel": "linksim.channels.base",
    **dict.fromkeys(("compare", "summarise"), "linksim.comparison"),
    "LinksimError": "linksim.errors",
    "Metric": "linksim.scoring.metrics",
    "TorchLink": "jscc.torch_link",
    **dict.fromkeys(("Blocks", "Budget", "Link", "LinkOptions", "Method", "Reception", "Transmission"), "linksim.link"),
}
__all__ = [
    "Blocks",
    "Budget",
    "Channel",
    "Link",
    "LinkOptions",
    "LinksimError",
    "Method",
    "Metric",
    "Reception",
    "TorchLink",
    "Transmission",
    "compare",
    "summarise",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'linksim' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

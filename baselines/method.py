"""What a method string of separate links means: ``SOURCE[+FEC][+MODULATION][+DEMAPPER]``, parts in any order.

``bpg`` is ``bpg+ldpc-3/4+16qam``, the chain of Sun et al. (SD-JSCC). In place of code and modulation there may be
``capacity`` (an ideal code, the upper bound) or ``adaptive`` (the best scheme for each image, SNR and channel, of 5G NR
and 802.11n; ``adaptive-nr`` and ``adaptive-wifi`` of one of them).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from baselines.adaptive import AdaptiveLink
from baselines.capacity_link import CapacityLink
from baselines.modulation import DEMAPPERS, NAMES, modulation
from baselines.separate import SeparateLink
from baselines.source.base import SourceCodec
from linksim import registry
from linksim.errors import LinksimError, unknown
from linksim.link import Link, LinkOptions, Method

DEFAULT_CODE = "ldpc-3/4"
DEFAULT_MODULATION = "16qam"
STRATEGIES: dict[str, Callable[[SourceCodec, LinkOptions], Link]] = {
    "capacity": CapacityLink,
    "adaptive": AdaptiveLink,
    "adaptive-nr": partial(AdaptiveLink, family="nr-ldpc"),
    "adaptive-wifi": partial(AdaptiveLink, family="ldpc"),
}


def separate_link(method: Method, options: LinkOptions) -> Link:
    """The link of a method whose head is a source codec.

    Raises:
        LinksimError: a part is unknown, given twice, or follows a strategy.
    """
    if method.at or method.path:
        raise LinksimError(f"method {method.text!r}: a separate link takes '+' parts only")
    codec = registry.codec(method.head)
    if method.parts and method.parts[0] in STRATEGIES:
        if len(method.parts) > 1:
            raise LinksimError(f"method {method.text!r}: nothing may follow {method.parts[0]!r}")
        return STRATEGIES[method.parts[0]](codec, options)
    chosen = {"code": DEFAULT_CODE, "modulation": DEFAULT_MODULATION, "demapper": DEMAPPERS[0]}
    seen: set[str] = set()
    for part in method.parts:
        kind = _kind(part, method)
        if kind in seen:
            raise LinksimError(f"method {method.text!r}: {part!r} is a second {kind}")
        seen.add(kind)
        chosen[kind] = part
    code, qam = registry.code(chosen["code"]), modulation(chosen["modulation"])
    return SeparateLink(codec, code, qam, options.budget, options.over_budget, chosen["demapper"])


def _kind(part: str, method: Method) -> str:
    if part in NAMES:
        return "modulation"
    if part in DEMAPPERS:
        return "demapper"
    if registry.is_code(part):
        return "code"
    known = [*NAMES, *DEMAPPERS, *STRATEGIES, *registry.names("linksim.fec")]
    raise unknown(f"part of method {method.text!r}:", part, known)

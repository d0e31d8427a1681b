"""The learned methods by name: which network each has and which loss it is trained on by default."""

from __future__ import annotations

from dataclasses import dataclass

from jscc.losses import Loss
from jscc.networks import Architecture, elements_for
from linksim.errors import unknown


@dataclass(frozen=True)
class LearnedMethod:
    """network: a kind of ``networks.Architecture``; mapping: of its elements; loss: of stage 2."""

    loss: Loss
    network: str = "residual"
    mapping: str = "antipodal"

    def architecture(self, bpp: float) -> Architecture:
        """The network whose elements per pixel are exactly ``bpp``."""
        return Architecture(kind=self.network, elements=elements_for(bpp, self.network), mapping=self.mapping)


METHODS: dict[str, LearnedMethod] = {
    "deepjscc": LearnedMethod(Loss("pixel")),
    "deepjscc-analog": LearnedMethod(Loss("pixel"), "bourtsoulatze", "analog"),
    "sdjscc": LearnedMethod(Loss("classwise", pixel_weight=0.3)),
    "sdjscc-classwise": LearnedMethod(Loss("classwise", pixel_weight=0.3)),
    "sdjscc-paper": LearnedMethod(Loss("gsw")),
    "sdjscc-nogsw": LearnedMethod(Loss("features")),
}


def learned_method(name: str) -> LearnedMethod:
    if name not in METHODS:
        raise unknown("learned method", name, METHODS)
    return METHODS[name]

"""The learned methods by name: which network each has and which loss it is trained on by default."""

from __future__ import annotations

from dataclasses import dataclass

from jscc.architecture import Architecture, elements_for
from jscc.loss import Loss
from linksim.errors import unknown


@dataclass(frozen=True)
class LearnedMethod:
    """network: a kind of ``Architecture``; mapping: of its elements; loss: of stage 2."""

    loss: Loss
    network: str = "residual"
    mapping: str = "antipodal"

    def architecture(self, bpp: float) -> Architecture:
        """The network whose elements per pixel are exactly ``bpp``."""
        return Architecture(kind=self.network, elements=elements_for(bpp, self.network), mapping=self.mapping)


# τ is where the weights of stamps10's classifier differ and yet leave many maps their part (notebook 04):
# (Σ w)² / (K Σ w²) is 0.91 for absolute, 0.61 for predicted and 0.67 for per-image; at τ = 1 it is 1.00.
METHODS: dict[str, LearnedMethod] = {
    "deepjscc": LearnedMethod(Loss("pixel")),
    "deepjscc-analog": LearnedMethod(Loss("pixel", pixels="log"), "adaptive", "analog"),
    "deepjscc-bourtsoulatze": LearnedMethod(Loss("pixel"), "bourtsoulatze", "analog"),
    "sdjscc-paper": LearnedMethod(Loss("gsw")),
    "sdjscc-absolute": LearnedMethod(Loss("gsw", variant="absolute", tau=300.0, pixel_weight=0.3)),
    "sdjscc-predicted": LearnedMethod(Loss("gsw", variant="predicted", tau=3000.0, pixel_weight=0.3)),
    "sdjscc-per-image": LearnedMethod(Loss("gsw", variant="predicted", tau=300.0, per_image=True, pixel_weight=0.3)),
    "sdjscc-nogsw": LearnedMethod(Loss("features", pixel_weight=0.3)),
    "sdjscc-classwise": LearnedMethod(Loss("classwise", pixel_weight=0.3)),
    "sdjscc-kl": LearnedMethod(Loss("kl", pixel_weight=0.3)),
    "sdjscc-analog": LearnedMethod(Loss("classwise", pixel_weight=0.3, pixels="log", warps=True), "adaptive", "analog"),
}

ALIASES = {"sdjscc": "sdjscc-classwise", "sdjscc-verdict": "sdjscc-kl"}
"""``sdjscc`` weights features by gradients, as the paper does, but class by class before the classes are averaged
(``semantics.classwise_loss``): results of each form of the loss are in results/remedies.
``sdjscc-verdict`` is the former name of ``sdjscc-kl``."""


def resolve(name: str) -> str:
    """The method that a name stands for."""
    return ALIASES.get(name, name)


def learned_method(name: str) -> LearnedMethod:
    """The method of this name, or that it stands for."""
    if resolve(name) not in METHODS:
        raise unknown("learned method", name, {*METHODS, *ALIASES})
    return METHODS[resolve(name)]

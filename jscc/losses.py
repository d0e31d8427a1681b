"""Training objectives: how far a received image is from the original, in pixels and in what a task sees.

An ``Objective`` is a pixel term (eq. 5 of Sun et al., SD-JSCC) and a semantic term, each divided by its value for the
network that training starts from, so that their weights are shares and need no units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from jscc import semantics
from jscc.loss import PIXELS, Loss
from jscc.warps import random_warps, warp
from linksim.errors import LinksimError

Term = Callable[[Tensor, Tensor], Tensor]
"""A scalar from (received, original), float images (N, 3, H, W) in 0..255."""


def pixel_loss(received: Tensor, original: Tensor) -> Tensor:
    """Mean squared error with pixels in 0..1: eq. 5 divided by the number of values."""
    return (received - original).square().mean() / 255**2


def log_pixel_loss(received: Tensor, original: Tensor) -> Tensor:
    """Mean over the images of ln(1 + MSE / 10⁻⁴), pixels in 0..1: below 40 dB its gradient is that of the mean PSNR, so
    images that arrive well count as much as those that arrive badly, whatever the SNR and the rate."""
    return (((received - original) / 255).square().mean((1, 2, 3)) / 1e-4).log1p().mean()


PIXEL_TERMS: dict[str, Term] = dict(zip(PIXELS, (pixel_loss, log_pixel_loss), strict=True))


def semantic_term(loss: Loss, task: nn.Module, calibration: Sequence[Tensor]) -> Term:
    """The semantic term of ``loss`` as a function of images, its weights averaged over the calibration batches."""
    tap = semantics.FeatureTap(task, loss.layer)

    def features_of(received: Tensor, original: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            reference, _ = tap(original)
        return tap(received)[0].float(), reference.float()  # small differences are not taken in bfloat16

    if loss.semantic == "features":
        return lambda received, original: semantics.feature_loss(*features_of(received, original))
    if loss.semantic == "classwise":
        gradients = semantics.calibrate(lambda x: semantics.class_gradients(tap, x), calibration)
        return lambda received, original: semantics.classwise_loss(*features_of(received, original), gradients)
    if loss.semantic == "kl":
        return lambda received, original: kl_loss(task, received, original)
    if loss.per_image:

        def per_image(received: Tensor, original: Tensor) -> Tensor:
            weights = semantics.semantic_weights(semantics.importance(tap, original, loss.variant), loss.tau, loss.r)
            return semantics.semantic_loss(*features_of(received, original), weights)

        return per_image
    mean = semantics.calibrate(lambda x: semantics.importance(tap, x, loss.variant), calibration)
    weights = semantics.semantic_weights(mean, loss.tau, loss.r)
    return lambda received, original: semantics.semantic_loss(*features_of(received, original), weights)


def kl_loss(task: nn.Module, received: Tensor, original: Tensor) -> Tensor:
    """(1/B) Σ_b KL(T(x_b) ‖ T(x'_b)) between the task's softmax outputs, in nats, a scalar."""
    with torch.no_grad():
        wanted = torch.log_softmax(task(original).float(), 1)
    return divergence(wanted, torch.log_softmax(task(received).float(), 1)).mean()


def divergence(wanted: Tensor, got: Tensor) -> Tensor:
    """KL(wanted ‖ got) in nats of each image, (N,), from logarithms of probabilities (N, C)."""
    return (wanted.exp() * (wanted - got)).sum(1)


SMALLEST_SCALE = 1e-12


class Objective:
    """``objective(received, original)`` → scalar: Σ weight · term / (its value at the start of training)."""

    def __init__(self, loss: Loss, task: nn.Module | None, calibration: Sequence[Tensor]) -> None:
        self.loss = loss
        self.terms: dict[str, tuple[float, Term]] = {}
        if loss.semantic == "pixel" or loss.pixel_weight:
            self.terms["pixel"] = (1.0 if loss.semantic == "pixel" else loss.pixel_weight, PIXEL_TERMS[loss.pixels])
        if loss.semantic != "pixel":
            if task is None:
                raise LinksimError(f"loss {loss.semantic!r}: needs a task whose features it compares")
            self.terms["semantic"] = (1.0, semantic_term(loss, task, calibration))
        self.scales = dict.fromkeys(self.terms, 1.0)

    def scale_to(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Divide each term from now on by its mean over these (received, original) batches; ``LinksimError`` if it is
        as good as 0 there: it would have nothing to teach, and its rounding errors would outweigh all else."""
        sums, count = dict.fromkeys(self.terms, 0.0), 0
        with torch.no_grad():
            for received, original in pairs:
                for name, (_, term) in self.terms.items():
                    sums[name] += float(term(received, original))
                count += 1
        self.scales = {name: value / count for name, value in sums.items()}
        for name, scale in self.scales.items():
            if scale < SMALLEST_SCALE:
                raise LinksimError(f"the {name} term of the loss is {scale:.2g} before training: nothing to train on")

    def __call__(self, received: Tensor, original: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The objective of a batch; with a generator, as in training, the semantic term sees it warped if the loss
        says so."""
        seen = dict.fromkeys(self.terms, (received, original))
        if self.loss.warps and generator is not None and "semantic" in seen:
            warps = random_warps(len(original), generator, original.device)
            seen["semantic"] = warp(received, warps), warp(original, warps)
        values = [w * term(*seen[name]) / self.scales[name] for name, (w, term) in self.terms.items()]
        return torch.stack(values).sum()

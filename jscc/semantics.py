"""What matters to a downstream task: gradient-based semantic weights (GSW) of any torch network's feature maps.

    w_k^c = mean over positions of ∂y^c/∂f_k     (eq. 8 of Sun et al., SD-JSCC)
    w_k   = mean over the C outputs of w_k^c     (eq. 9)
    W'    = r · softmax(τ · W)                   (eq. 10)

The task is an ``nn.Module`` from images (N, 3, H, W) in 0..255 to logits (N, C), and the layer any of its modules by
name, whose output is (N, K, M, N') or (N, K). For a linear head on globally pooled features, w_k^c is the head's own
entry divided by the number of positions, whatever the image, and so eq. 9 is the mean row of the head. If the rows sum
to zero, as those of any softmax regression with an L2 penalty do, the logits' mean does not depend on the image at all:
every w_k is 0 at every layer, every weight of eq. 10 is r/K, and eq. 13 is the feature loss whatever τ is. The variants
``absolute`` and ``predicted`` do not cancel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from jscc.loss import DEFAULT_LAYER, VARIANTS
from linksim.errors import LinksimError, unknown


class FeatureTap:
    """A frozen task network with one layer's output tapped: ``features, logits = tap(images)``, both differentiable."""

    def __init__(self, module: nn.Module, layer: str = DEFAULT_LAYER) -> None:
        names = [name for name, _ in module.named_modules() if name]
        if layer not in names:
            raise unknown("task layer", layer, names)
        self.module, self.layer = module.eval().requires_grad_(False), layer

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        seen: list[Tensor] = []
        hook = self.module.get_submodule(self.layer).register_forward_hook(lambda _m, _i, out: seen.append(out))
        try:
            logits = self.module(images)
        finally:
            hook.remove()
        if len(seen) != 1 or not isinstance(seen[0], Tensor) or seen[0].ndim not in (2, 4):
            raise LinksimError(f"task layer {self.layer!r}: must give one (N, K) or (N, K, M, N) tensor per pass")
        return seen[0], logits


def pooled(maps: Tensor) -> Tensor:
    """Mean over the positions: (N, K, M, N') → (N, K); (N, K) stays."""
    return maps.flatten(2).mean(2) if maps.ndim == 4 else maps


def _watched(tap: FeatureTap, images: Tensor) -> tuple[Tensor, Tensor]:
    """Features and logits with a graph from the first to the second, though every weight is frozen."""
    return tap(images.detach().requires_grad_())


def class_gradients(tap: FeatureTap, images: Tensor) -> Tensor:
    """w_k^c of each image, (N, C, K) (eq. 8); y^c is the logit before any softmax."""
    features, logits = _watched(tap, images)
    rows = [torch.autograd.grad(logits[:, c].sum(), features, retain_graph=True)[0] for c in range(logits.shape[1])]
    return torch.stack([pooled(row) for row in rows], 1)


def paper_importance(tap: FeatureTap, images: Tensor) -> Tensor:
    """w_k of each image, (N, K): signed gradients averaged over all outputs (eq. 9); one backward pass."""
    features, logits = _watched(tap, images)
    return pooled(torch.autograd.grad(logits.mean(1).sum(), features)[0])


def absolute_importance(tap: FeatureTap, images: Tensor) -> Tensor:
    """Mean over the outputs of \\|w_k^c\\|, (N, K): a map that tells classes apart counts whatever its signs."""
    return class_gradients(tap, images).abs().mean(1)


def predicted_importance(tap: FeatureTap, images: Tensor) -> Tensor:
    """w_k^c of each image's own prediction c, (N, K), as in Grad-CAM (Selvaraju et al., 2017)."""
    features, logits = _watched(tap, images)
    return pooled(torch.autograd.grad(logits.max(1).values.sum(), features)[0])


IMPORTANCES: dict[str, Callable[[FeatureTap, Tensor], Tensor]] = dict(
    zip(VARIANTS, (paper_importance, absolute_importance, predicted_importance), strict=True)
)


def importance(tap: FeatureTap, images: Tensor, variant: str = "paper") -> Tensor:
    """W of each image, (N, K), by the variant's name."""
    if variant not in IMPORTANCES:
        raise unknown("GSW variant", variant, IMPORTANCES)
    with torch.enable_grad():
        return IMPORTANCES[variant](tap, images).detach().float()


def semantic_weights(importances: Tensor, tau: float, r: float | None = None) -> Tensor:
    """W' = r · softmax(τ · W) over the last axis (eq. 10). ``r`` is K by default, so that τ → 0 makes every weight 1.

    >>> semantic_weights(torch.tensor([0.0, 3.0]), tau=0.0)
    tensor([1., 1.])
    """
    if not 0 <= tau < float("inf"):
        raise LinksimError(f"temperature τ {tau}: must be a finite number, at least 0")
    return (importances.shape[-1] if r is None else r) * torch.softmax(tau * importances, -1)


def calibrate(statistic: Callable[[Tensor], Tensor], batches: Iterable[Tensor]) -> Tensor:
    """Mean over all images of a per-image statistic: the weights are found once, before training (Algorithm 1)."""
    total, count = None, 0
    for images in batches:
        values = statistic(images).detach()
        total = values.sum(0) if total is None else total + values.sum(0)
        count += len(values)
    if total is None:
        raise LinksimError("no images to calibrate the semantic weights on")
    return total / count


def semantic_loss(received: Tensor, original: Tensor, weights: Tensor) -> Tensor:
    """(1/B) Σ_b Σ_k w'_k ‖f'_k − f_k‖² (eq. 13), a scalar. Features (B, K, ...); weights (K,) or, per image, (B, K)."""
    squared = (received - original).square()
    distances = squared.flatten(2).sum(2) if squared.ndim > 2 else squared
    return (weights * distances).sum(1).mean()


def feature_loss(received: Tensor, original: Tensor) -> Tensor:
    """(1/B) Σ_b ‖F(x'_b) − F(x_b)‖² (eq. 6), a scalar: eq. 13 with every weight 1."""
    return (received - original).square().sum() / len(received)


def classwise_loss(received: Tensor, original: Tensor, gradients: Tensor) -> Tensor:
    """(1/B) Σ_b mean_c (Σ_k w_k^c (f'_k − f_k))² on pooled features, a scalar: the squared change of each output to
    first order, weighted by class *before* averaging over classes. gradients: w_k^c, (C, K)."""
    return ((pooled(received) - pooled(original)) @ gradients.T).square().mean(1).mean()

"""Gradients by hand on a network small enough to differentiate on paper."""

import pytest
import torch
from torch import nn

from jscc import semantics
from linksim.errors import LinksimError


class Squares(nn.Module):
    """f_k = a_k · x summed over colours at every position; y^c = Σ_k h_ck · mean(f_k²)

    so that ∂y^c/∂f_k = 2 h_ck f_k / (MN).
    """

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Conv2d(3, 2, 1, bias=False)
        self.maps.weight.data = torch.tensor([1.0, -2.0]).reshape(2, 1, 1, 1).expand(2, 3, 1, 1).clone()
        self.head = torch.tensor([[1.0, 2.0], [-3.0, 5.0], [0.5, 0.0]])

    def forward(self, x):
        return self.maps(x).square().mean((2, 3)) @ self.head.T


@pytest.fixture
def tap():
    return semantics.FeatureTap(Squares(), "maps")


IMAGES = torch.arange(2 * 3 * 2 * 2, dtype=torch.float32).reshape(2, 3, 2, 2)


def by_hand():
    """w_k^c: mean over the 4 positions of 2 h_ck f_k / 4."""
    features = torch.stack([IMAGES.sum(1), -2 * IMAGES.sum(1)], 1)
    per_map = features.mean((2, 3)) * 2 / 4
    return Squares().head[None] * per_map[:, None]


def test_class_gradients(tap):
    assert torch.allclose(semantics.class_gradients(tap, IMAGES), by_hand())


def test_paper_importance_averages_signed_gradients(tap):
    assert torch.allclose(semantics.importance(tap, IMAGES, "paper"), by_hand().mean(1))


def test_absolute_importance_averages_magnitudes(tap):
    assert torch.allclose(semantics.importance(tap, IMAGES, "absolute"), by_hand().abs().mean(1))


def test_predicted_importance_is_that_of_the_verdict(tap):
    best = Squares()(IMAGES).argmax(1)
    wanted = by_hand()[torch.arange(2), best]
    assert torch.allclose(semantics.importance(tap, IMAGES, "predicted"), wanted)


def test_a_linear_head_on_pooled_features_gives_its_own_mean_row():
    network = nn.Sequential(nn.Conv2d(3, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4))
    found = semantics.importance(semantics.FeatureTap(network, "0"), torch.randn(3, 3, 2, 2), "paper")
    assert torch.allclose(found, (network[3].weight.mean(0) / 4).expand(3, 5), atol=1e-7)


def test_eq_9_cancels_for_a_head_whose_rows_sum_to_zero():
    """Softmax regression with an L2 penalty has such a head (scikit-learn's is the witness): no τ tells maps apart."""
    from sklearn.linear_model import LogisticRegression

    network = nn.Sequential(nn.Conv2d(3, 5, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4))
    images = torch.randn(40, 3, 2, 2)
    features = network[:4](images).detach().numpy()
    fitted = LogisticRegression(C=0.1).fit(features, [0, 1, 2, 3] * 10)
    network[4].weight.data = torch.tensor(fitted.coef_, dtype=torch.float32)
    tap = semantics.FeatureTap(network, "0")
    paper, absolute = (semantics.importance(tap, images, v).mean(0) for v in ("paper", "absolute"))
    assert torch.allclose(semantics.semantic_weights(paper, 1000.0), torch.ones(5), atol=0.01)
    assert float(semantics.semantic_weights(absolute, 1000.0).max()) > 2


def test_softmax_weights_are_those_of_scipy():
    from scipy.special import softmax

    values = torch.tensor([0.1, -0.2, 0.05])
    assert semantics.semantic_weights(values, 20.0, r=7.0).tolist() == pytest.approx(7 * softmax(20 * values.numpy()))


def test_temperature_zero_is_the_loss_without_weights():
    torch.manual_seed(0)
    received, original = torch.randn(2, 3, 6, 4, 5)
    weights = semantics.semantic_weights(torch.randn(6), tau=0.0)
    weighted = semantics.semantic_loss(received, original, weights)
    assert float(weighted) == pytest.approx(float(semantics.feature_loss(received, original)), rel=1e-6)


def test_semantic_loss_term_by_term():
    received, original, weights = torch.randn(2, 3, 2, 2), torch.randn(2, 3, 2, 2), torch.tensor([1.0, 2.0, 0.5])
    total = 0.0
    for b in range(2):
        for k in range(3):
            total += weights[k].item() * (received[b, k] - original[b, k]).pow(2).sum().item()
    assert float(semantics.semantic_loss(received, original, weights)) == pytest.approx(total / 2, rel=1e-5)


def test_classwise_loss_is_the_change_of_a_linear_head_s_logits():
    head = nn.Linear(6, 4).requires_grad_(False)
    received, original = torch.randn(3, 6, 2, 2), torch.randn(3, 6, 2, 2)
    change = head(received.mean((2, 3))) - head(original.mean((2, 3)))
    got = semantics.classwise_loss(received, original, head.weight)
    assert float(got) == pytest.approx(float(change.square().mean(1).mean()), rel=1e-5)


def test_calibration_is_the_mean_over_all_images_whatever_the_batches():
    images = torch.randn(5, 4)
    mean = semantics.calibrate(lambda x: x, [images[:2], images[2:]])
    assert torch.allclose(mean, images.mean(0))


def test_errors_name_what_is_there():
    with pytest.raises(LinksimError, match=r"unknown task layer 'map'.*maps"):
        semantics.FeatureTap(Squares(), "map")
    with pytest.raises(LinksimError, match=r"absolute, paper, predicted"):
        semantics.importance(semantics.FeatureTap(Squares(), "maps"), IMAGES, "signed")
    with pytest.raises(LinksimError, match="no images"):
        semantics.calibrate(lambda x: x, [])
    with pytest.raises(LinksimError, match="-1"):
        semantics.semantic_weights(torch.zeros(2), -1.0)

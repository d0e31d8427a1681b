import numpy as np
import pytest
import torch
from torch import nn

from jscc.torch_link import TorchLink
from linksim import registry
from linksim.errors import LinksimError
from linksim.link import Budget, LinkOptions


def options(bpp, **more):
    return LinkOptions(budget=Budget("bpp", bpp), **more)


IMAGES = [np.random.default_rng(i).integers(0, 256, (16, 24, 3)).astype(np.uint8) for i in range(3)]


def receive(link, t, scale=1.0):
    return link.receive(t.symbols * np.complex64(scale), np.zeros(len(t.symbols), np.float32), t.header)


def test_the_example_runs_by_its_name():
    link = registry.link("examples.my_link:MyJSCC", options(0.25))
    t = link.send(IMAGES)
    assert t.payload_bits.tolist() == [18, 18, 18]
    assert np.mean(np.abs(t.symbols) ** 2) == pytest.approx(1, rel=1e-5)
    assert [i.shape for i in receive(link, t).images] == [(16, 24, 3)] * 3


def test_over_budget_is_an_outage_unless_the_nearest_will_do():
    tight = registry.link("examples.my_link:MyJSCC", options(0.04))
    t = tight.send(IMAGES)
    assert t.payload_bits.tolist() == [0, 0, 0]
    reception = receive(tight, t)
    assert not reception.ok.any()
    assert (reception.images[0] == 128).all()
    nearest = registry.link("examples.my_link:MyJSCC", options(0.04, over_budget="nearest"))
    assert nearest.send(IMAGES).payload_bits.tolist() == [18, 18, 18]


class Scaled(TorchLink):
    """Sends an image's own mean, real or complex, so that what arrives can be worked out by hand."""

    def __init__(self, is_complex=False, **more):
        super().__init__(**more)
        self.is_complex = is_complex
        self.seen = None

    def encode(self, images):
        means = images.mean((2, 3))
        return torch.complex(means, means) if self.is_complex else means

    def decode(self, latent, height, width):
        self.seen = latent
        return torch.zeros(len(latent), 3, height, width)


def test_an_odd_number_of_elements_leaves_half_a_symbol_unused():
    link = Scaled()
    t = link.send(IMAGES[:1])
    assert t.payload_bits.tolist() == [3]
    assert len(t.symbols) == 2
    assert t.symbols[1].imag == 0
    assert np.mean(np.abs(t.symbols) ** 2) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("is_complex", [False, True])
def test_the_decoder_gets_the_latent_at_the_power_it_expects(is_complex):
    link = Scaled(is_complex, latent_power=1.0)
    receive(link, link.send(IMAGES[:1]))
    means = torch.from_numpy(IMAGES[0].astype(np.float32).mean((0, 1)))
    got = link.seen[0].real if is_complex else link.seen[0]
    assert torch.allclose(got / got[0], means / means[0], rtol=1e-5)
    if is_complex:
        assert float(link.seen[0].abs().square().mean()) == pytest.approx(2.0, rel=1e-5)


def test_sides_are_padded_with_edge_pixels_and_cropped_again():
    class Seeing(nn.Module):
        def forward(self, x):
            Seeing.shape = x.shape
            return nn.functional.avg_pool2d(x, 4)

    link = TorchLink(Seeing(), nn.Upsample(scale_factor=4), stride=4)
    t = link.send([IMAGES[0][:13, :22]])
    assert Seeing.shape[-2:] == (16, 24)
    assert t.payload_bits.tolist() == [3 * 4 * 6]
    assert receive(link, t).images[0].shape == (13, 22, 3)


def test_impossible_settings_are_one_line():
    with pytest.raises(LinksimError, match="stride 0"):
        TorchLink(stride=0)
    with pytest.raises(LinksimError, match="latent power -1"):
        TorchLink(latent_power=-1)
    with pytest.raises(LinksimError, match="give an encoder"):
        TorchLink().send(IMAGES)

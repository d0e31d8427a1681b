import numpy as np
import pytest
import torch
from torch import nn

from jscc.torch_link import TorchLink
from linksim import registry
from linksim.errors import ContractError, LinksimError
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


class Telling(nn.Module):
    """Means of 8×8 blocks and back, with what it was told remembered."""

    def __init__(self, block):
        super().__init__()
        self.block, self.seen = block, None

    def forward(self, x, snr):
        self.seen = snr
        return self.block(x)


def telling(snr):
    down, up = nn.AvgPool2d(8), nn.Upsample(scale_factor=8)
    encoder = Telling(down) if snr in ("encoder", "encoder,decoder", "both") else down
    decoder = Telling(up) if snr in ("decoder", "encoder,decoder", "both") else up
    return TorchLink(encoder, decoder, stride=8, snr=snr)


@pytest.mark.parametrize("snr", ["", "encoder", "decoder", "encoder,decoder", "both"])
def test_each_side_is_told_the_snr_that_it_may_know(snr):
    link = telling(snr)
    assert link.knows_channel == (snr not in ("", "decoder"))
    t = link.send(IMAGES, **({"snr_db": 7.0} if link.knows_channel else {}))
    noise = np.repeat([0.1, 0.001, 0.5], np.diff(t.offsets)).astype(np.float32)
    noise[t.offsets[2]] = 5.0  # the symbols of the third image differ
    images = link.receive(t.symbols, noise, t.header).images
    assert [image.shape for image in images] == [(16, 24, 3)] * 3
    if link.knows_channel:
        assert link.encoder.seen.shape == (8, 1)
        assert set(link.encoder.seen.flatten().tolist()) == {7.0}
    if "decoder" in link.told:
        wanted = [10.0, 30.0, -10 * np.log10((8 * 0.5 + 5.0) / 9)]
        assert link.decoder.seen[:3, 0].tolist() == pytest.approx(wanted, abs=1e-4)


def test_a_decoder_is_told_a_finite_snr_where_there_is_no_noise():
    link = telling("decoder")
    receive(link, link.send(IMAGES))
    assert link.decoder.seen[0].item() == 100


def test_an_encoder_that_is_told_the_snr_does_not_send_without_it():
    with pytest.raises(LinksimError, match="send\\(images, snr_db="):
        telling("encoder").send(IMAGES)


class Two(nn.Module):
    def forward(self, x, level):
        return x


class Three(nn.Module):
    def forward(self, x, y, z):
        return x


@pytest.mark.parametrize(
    ("encoder", "decoder", "snr", "message"),
    [
        (nn.Identity(), nn.Identity(), "encoder", r"encoder's Identity.forward\(.*\).* takes no SNR: write forward"),
        (nn.Identity(), nn.Identity(), "decoder", r"the decoder's Identity.* or leave 'decoder' out of snr="),
        (Two(), nn.Identity(), "", "Two.forward.* takes two arguments: construct the link with snr='encoder'"),
        (nn.Identity(), Two(), "encoder", "encoder's Identity.* takes no SNR"),
        (Three(), nn.Identity(), "", "Three.forward.* cannot be called"),
        (nn.Identity(), nn.Identity(), "receiver", "snr='receiver': must be 'encoder', 'decoder'"),
    ],
)
def test_a_forward_that_cannot_be_called_is_refused_at_once(encoder, decoder, snr, message):
    with pytest.raises(LinksimError, match=message):
        TorchLink(encoder, decoder, snr=snr)


class Apply(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


LARGE = np.zeros((136, 128, 3), np.uint8)
"""Sent in batches of one."""


@pytest.mark.parametrize(
    ("function", "shown"),
    [
        (lambda x: x[0] if len(x) == 1 else x, r"\(3, 136, 128\) for 1 images"),
        (lambda x: x.flatten()[None], r"\(1, 104448\) for 2 images"),
        (lambda x: x.sum(), r"\(\) for 2 images"),
        (lambda x: (x, x), "a tuple for 2 images"),
    ],
)
def test_a_latent_that_loses_its_batch_axis_is_refused_by_its_shape(function, shown):
    with pytest.raises(ContractError, match=f"the encoder gives .*{shown}"):
        TorchLink(Apply(function), nn.Identity()).send([LARGE])


def test_a_latent_of_small_images_without_a_batch_axis_is_refused_too():
    with pytest.raises(ContractError, match=r"shape \(3, 16, 24\) for 8 images"):
        TorchLink(Apply(lambda x: x.mean(0)), nn.Identity()).send(IMAGES)


@pytest.mark.parametrize(
    ("decoder", "message"),
    [
        (Apply(lambda z: z[:, :1]), r"shape \(8, 1, 16, 24\); it must be at least \(8, 3, 16, 24\)"),
        (Apply(lambda z: z[:1]), r"shape \(1, 3, 16, 24\)"),
        (Apply(lambda z: z[..., :20]), r"shape \(8, 3, 16, 20\)"),
        (Apply(lambda z: z / 0), "not finite"),
        (Apply(lambda z: [z]), "a list, not a real tensor"),
    ],
)
def test_a_decoder_s_output_is_checked(decoder, message):
    link = TorchLink(nn.Identity(), decoder)
    with pytest.raises(ContractError, match=message):
        receive(link, link.send(IMAGES))


def test_an_encoder_that_gives_no_numbers_is_refused():
    with pytest.raises(ContractError, match="not finite"):
        TorchLink(Apply(lambda x: x / 0), nn.Identity()).send(IMAGES)


class Counting(Scaled):
    """Counts the latents that it decodes."""

    latents = 0

    def decode(self, latent, height, width, *told):
        self.latents += int(latent.ne(0).any(1).sum())  # a short batch is filled up with zeros
        return super().decode(latent, height, width)


def test_what_arrives_equal_is_decoded_once():
    link = Counting()
    t = link.send([IMAGES[0], IMAGES[0], IMAGES[1]])
    first, second = receive(link, t), receive(link, t)
    assert link.latents == 2
    assert all((a == b).all() for a, b in zip(first.images, second.images, strict=True))
    assert first.images[0] is not first.images[1]  # a caller may write into what it gets
    receive(link, t, scale=0.5)
    assert link.latents == 4


def test_what_a_decoder_is_told_counts_too():
    link = Counting(snr="decoder")
    t = link.send(IMAGES[:1])
    for noise_var in (0.1, 0.2, 0.2):
        link.receive(t.symbols, np.full(len(t.symbols), noise_var, np.float32), t.header)
    assert link.latents == 2


def test_a_network_that_was_trained_meanwhile_decodes_anew():
    link = Counting()
    for _ in range(2):
        receive(link, link.send(IMAGES))
    assert link.latents == 6

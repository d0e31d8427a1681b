import pytest
import torch

from jscc.quantizer import add_noise, normalise_power, quantize, symbols_of, to_elements
from linksim.errors import LinksimError


def test_threshold_is_a_half_and_belongs_to_zero():
    assert quantize(torch.tensor([0.0, 0.5, 0.5001, 1.0])).tolist() == [0, 0, 1, 1]


def test_gradient_is_passed_straight_through():
    e = torch.rand(7, requires_grad=True)
    weights = torch.arange(7.0)
    (quantize(e) * weights).sum().backward()
    assert torch.equal(e.grad, weights)


@pytest.mark.parametrize(("mapping", "values"), [("antipodal", {-1.0, 1.0}), ("unipolar", {0.0, 1.0})])
def test_bit_valued_mappings(mapping, values):
    latent = torch.randn(2, 3, 4, 5)
    elements = to_elements(latent, mapping)
    assert elements.shape == (2, 60)
    assert set(elements.unique().tolist()) == values
    assert torch.equal(elements > 0.5, latent.flatten(1) > 0)


def test_analog_elements_are_the_latent():
    latent = torch.randn(2, 3, 4, 5)
    assert torch.equal(to_elements(latent, "analog"), latent.flatten(1))


def test_unknown_mapping_names_the_known_ones():
    with pytest.raises(LinksimError, match=r"'ternary'.*antipodal, unipolar, analog"):
        to_elements(torch.zeros(1, 1, 1, 1), "ternary")


@pytest.mark.parametrize("length", [1, 2, 7, 64])
def test_every_image_has_unit_power_per_symbol_whatever_its_neighbours(length):
    rows = torch.randn(5, length) * torch.tensor([0.01, 1, 100, 3, 7])[:, None]
    power = normalise_power(rows).square().sum(1) / symbols_of(length)
    assert power.tolist() == pytest.approx([1.0] * 5, rel=1e-5)
    assert torch.equal(normalise_power(rows[2:3]), normalise_power(rows)[2:3])


def test_antipodal_elements_stay_constant_in_modulus():
    assert normalise_power(torch.tensor([[1.0, -1.0, -1.0, 1.0]])).abs().tolist() == [pytest.approx([0.5**0.5] * 4)]


def test_an_all_zero_row_still_has_unit_power():
    assert float(normalise_power(torch.zeros(1, 6)).square().sum()) == pytest.approx(3.0)


def test_noise_is_half_n0_per_element_at_each_image_s_own_snr():
    clean = torch.zeros(2, 200_000)
    noisy = add_noise(clean, torch.tensor([0.0, 10.0]), torch.Generator().manual_seed(1))
    assert noisy.var(1).tolist() == pytest.approx([0.5, 0.05], rel=0.01)

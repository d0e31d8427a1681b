import pytest
import torch

from jscc.quantizer import add_noise, demap, noise_var_of, normalise_power, quantize, symbols_of, to_elements
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


@pytest.mark.parametrize("snr_db", [0.0, 5.0, 12.0])
def test_a_soft_bit_is_the_mean_of_the_bit_given_what_arrived(snr_db):
    bits = 2.0 * torch.randint(2, (1, 400_000), generator=torch.Generator().manual_seed(1)) - 1
    received = add_noise(normalise_power(bits), torch.tensor([snr_db]), torch.Generator().manual_seed(2))
    soft = demap(received, noise_var_of(torch.tensor([snr_db])), "antipodal")[0]
    for low in (-1.0, -0.6, -0.2, 0.2, 0.6):
        near = (soft >= low) & (soft < low + 0.4)
        tolerance = 5 / max(int(near.sum()), 1) ** 0.5
        assert float(bits[0, near].mean()) == pytest.approx(float(soft[near].mean()), abs=tolerance)


def test_what_was_not_sent_is_an_erasure_and_a_channel_without_noise_gives_hard_bits():
    received = torch.tensor([0.0, 0.7, -0.7])
    assert demap(received, torch.tensor(0.0), "antipodal").tolist() == [0, 1, -1]
    assert demap(received, torch.tensor(0.1), "antipodal")[0] == 0


def test_an_encoder_still_learns_where_the_bits_are_certain():
    received = torch.tensor([0.7, -0.7], requires_grad=True)
    demap(received, torch.tensor(0.01), "antipodal").sum().backward()
    assert received.grad.tolist() == pytest.approx([2**0.5, 2**0.5])


@pytest.mark.parametrize("mapping", ["unipolar", "analog"])
def test_elements_without_a_fixed_amplitude_are_only_scaled(mapping):
    received = torch.tensor([0.5, -1.5])
    assert demap(received, torch.tensor(0.3), mapping).tolist() == pytest.approx([0.5 * 2**0.5, -1.5 * 2**0.5])

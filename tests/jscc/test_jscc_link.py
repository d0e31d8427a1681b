import numpy as np
import pytest
import torch

from jscc import shipped
from jscc.checkpoint import load_checkpoint, save_checkpoint
from jscc.link import JSCCLink
from jscc.quantizer import demap, symbols_of
from linksim.errors import LinksimError
from linksim.link import Budget, LinkOptions, Method


@pytest.fixture
def folder(make_checkpoint, tmp_path, monkeypatch):
    """A shelf of tiny checkpoints in place of the shipped ones."""
    make_checkpoint("deep-0.25-5", snr=(5, 5))
    make_checkpoint("deep-0.25-10", snr=(10, 10))
    make_checkpoint("deep-0.25-random", snr=(0, 20))
    make_checkpoint("deep-0.125-5", elements=8)
    make_checkpoint("sd-0.5-5", elements=32, method="sdjscc-classwise")
    make_checkpoint("deep-0.5-20", elements=32, snr=(20, 20))
    make_checkpoint("deep-0.5-random", elements=32, snr=(0, 20))
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    return tmp_path


def link(text, budget=0.25, kind="bpp", **more):
    return JSCCLink.from_method(Method.parse(text), LinkOptions(budget=Budget(kind, budget), **more))


def images_of(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (*size, 3)).astype(np.uint8) for size in sizes]


def round_trip(made, images, sigma=0.0, **send):
    t = made.send(images, **send)
    noise = np.random.default_rng(7).normal(size=(len(t.symbols), 2)) @ [1, 1j] * sigma
    received = (t.symbols + noise).astype(np.complex64)
    return t, made.receive(received, np.full(len(received), 2 * sigma**2, np.float32), t.header)


def chosen(text, *arguments, **more):
    return sorted(link(text, *arguments, **more).links)


def test_largest_bpp_within_the_budget_nearest_to_5_db(folder):
    assert chosen("deepjscc") == ["deep-0.25-5"]
    assert chosen("deepjscc@12dB") == ["deep-0.25-10"]
    assert chosen("deepjscc@-3") == ["deep-0.25-5"]
    assert chosen("deepjscc", 0.2) == ["deep-0.125-5"]
    assert chosen("deepjscc", 3.0) == chosen("deepjscc@10dB", 0.5) == ["deep-0.5-random"]
    assert chosen("deepjscc@15dB", 0.5) == chosen("deepjscc@20dB", 0.5) == ["deep-0.5-20"]
    assert chosen("deepjscc@match", 0.5) == ["deep-0.5-20", "deep-0.5-random"]
    assert chosen("sdjscc", 0.5) == chosen("sdjscc-classwise", 0.5) == ["sd-0.5-5"]
    assert chosen("deepjscc@match") == ["deep-0.25-10", "deep-0.25-5"]


def test_cbr_counts_two_elements_per_channel_use(folder):
    assert chosen("deepjscc", 1 / 24, "cbr") == ["deep-0.25-5"]
    assert chosen("deepjscc", 0.0416, "cbr") == ["deep-0.125-5"]


def test_notes_say_which_checkpoint_stands_in(folder):
    assert "deep-0.25-5: 0.25 bpp, trained at 5 dB with the pixel loss" in link("deepjscc").notes()[0]
    assert len(link("deepjscc").notes()) == 1
    assert "0.125 is the nearest below" in link("deepjscc", 0.2).notes()[1]


@pytest.mark.parametrize(
    ("text", "budget", "message"),
    [
        ("deepjscc", 0.1, r"at least 0.125 .*0.1; shipped bpp: 0.125, 0.25"),
        ("sdjscc-paper", 0.25, "no checkpoint for 'sdjscc-paper'"),
        ("deepjscc+qpsk", 0.25, "not '\\+'"),
        ("deepjscc@loud", 0.25, "'5dB', or 'match'"),
        ("deepjscc:weights.pt", 0.25, "must be a .safetensors file"),
        ("sdjscc:sd-0.5-5", 0.25, "0.5 elements per pixel, the budget allows 0.25"),
    ],
)
def test_requests_that_cannot_be_met_are_one_line(folder, text, budget, message):
    with pytest.raises(LinksimError, match=message):
        link(text, budget)


def test_an_explicit_checkpoint_by_path_or_shipped_name(folder):
    assert chosen("sdjscc:sd-0.5-5", 0.5) == ["sd-0.5-5"]
    assert chosen(f"deepjscc:{folder / 'deep-0.125-5.safetensors'}") == ["deep-0.125-5"]
    assert chosen("sdjscc:sd-0.5-5", 0.25, over_budget="nearest") == ["sd-0.5-5"]


@pytest.mark.parametrize("sigma", [0.0, 0.4])
def test_the_receiver_gets_what_the_network_decodes_from_the_soft_bits(folder, sigma):
    image = images_of((16, 24))[0]
    made = link("deepjscc")
    t = made.send([image])
    noise = np.random.default_rng(7).normal(size=(len(t.symbols), 2)) @ [1, 1j] * sigma
    received = (t.symbols + noise).astype(np.complex64)
    reception = made.receive(received, np.full(len(received), 2 * sigma**2, np.float32), t.header)
    network, _ = load_checkpoint(folder / "deep-0.25-5.safetensors")
    elements = torch.view_as_real(torch.from_numpy(received)).reshape(1, -1)
    soft = demap(elements, torch.tensor(2 * sigma**2), "antipodal")
    wanted = network.decode(soft, 16, 24).clamp(0, 255).round()[0].permute(1, 2, 0).numpy()
    assert np.abs(reception.images[0] - wanted).max() <= 1
    assert reception.ok.tolist() == [True]


def test_elements_of_a_noisier_symbol_are_trusted_less(folder):
    made = link("deepjscc")
    t = made.send(images_of((16, 24)))
    quiet, loud = (made.receive(t.symbols, np.full(len(t.symbols), n, np.float32), t.header) for n in (0.1, 3.0))
    assert not np.array_equal(quiet.images[0], loud.images[0])


def test_unit_power_per_image_and_every_element_counted(folder):
    images = images_of((16, 24), (96, 96), (8, 8))
    t, _ = round_trip(link("deepjscc"), images)
    assert t.payload_bits.tolist() == [0.25 * i.shape[0] * i.shape[1] for i in images]
    assert np.diff(t.offsets).tolist() == [symbols_of(n) for n in t.payload_bits]
    for a, b in zip(t.offsets[:-1], t.offsets[1:], strict=True):
        assert np.mean(np.abs(t.symbols[a:b]) ** 2) == pytest.approx(1, rel=1e-5)


def test_padding_is_paid_for_within_the_budget(folder):
    image = images_of((33, 41))
    whole = 16 * 5 * 6
    assert link("deepjscc", over_budget="nearest").send(image).payload_bits.tolist() == [whole]
    assert link("deepjscc", 10.0).send(image).payload_bits.tolist() == [2 * whole]  # of 0.5 elements per pixel
    t, reception = round_trip(link("deepjscc"), image)
    assert t.payload_bits.tolist() == [int(0.25 * 33 * 41)]
    assert reception.images[0].shape == (33, 41, 3)


def test_an_image_without_room_for_one_element_is_an_outage(folder):
    t, reception = round_trip(link("deepjscc"), images_of((1, 3), (16, 16)))
    assert t.payload_bits.tolist() == [0, 64]
    assert reception.ok.tolist() == [False, True]
    assert (reception.images[0] == 128).all()


def test_results_do_not_depend_on_neighbours_or_order(folder):
    sizes = [(24, 16), (16, 16), (24, 16), (136, 128)] * 3 + [(24, 16)] * 4
    images = images_of(*sizes)
    made = link("deepjscc")
    t, together = round_trip(made, images)
    for order in (range(len(images)), range(len(images) - 1, -1, -1)):
        for i in order:
            t1, alone = round_trip(made, [images[i]])
            assert t1.symbols.tobytes() == t.symbols[t.offsets[i] : t.offsets[i + 1]].tobytes()
            assert np.array_equal(alone.images[0], together.images[i])


def test_match_follows_the_channel_and_the_others_do_not_know_it(folder):
    made = link("deepjscc@match")
    assert made.knows_channel
    assert not link("deepjscc").knows_channel
    names = [made.send(images_of((16, 16)), snr_db=snr).header[0] for snr in (-5, 7, 8, 30)]
    assert names == ["deep-0.25-5", "deep-0.25-5", "deep-0.25-10", "deep-0.25-10"]


def test_a_method_s_line_tells_its_loss_and_what_is_shipped(folder):
    assert JSCCLink.about("deepjscc").startswith("pixel loss; shipped for 0.125 bpp at 5 dB, 0.25 bpp at 10 dB")
    assert JSCCLink.about("sdjscc").startswith("sdjscc-classwise: classwise loss and 0.3 × pixel loss; shipped for 0.5")
    assert JSCCLink.about("deepjscc-analog").endswith("none shipped")


def test_no_images_are_no_symbols(folder):
    t, reception = round_trip(link("deepjscc"), [])
    assert t.offsets.tolist() == [0]
    assert reception.images == []


def test_identity_holds_the_weights_hash(folder, make_checkpoint):
    before = link("deepjscc").identity()
    assert before["checkpoints"].keys() == {"deep-0.25-5"}
    assert len(before["checkpoints"]["deep-0.25-5"]) == 64


@pytest.mark.parametrize(("mapping", "kind"), [("unipolar", "residual"), ("analog", "bourtsoulatze")])
def test_other_mappings_have_unit_power_too(make_checkpoint, mapping, kind):
    path = make_checkpoint("other", elements=4, mapping=mapping, kind=kind)
    t, reception = round_trip(link(f"deepjscc:{path}"), images_of((16, 16), (32, 16)), sigma=0.1)
    for a, b in zip(t.offsets[:-1], t.offsets[1:], strict=True):
        assert np.mean(np.abs(t.symbols[a:b]) ** 2) == pytest.approx(1, rel=1e-5)
    assert reception.ok.all()


@pytest.fixture
def adaptive(make_checkpoint):
    """A tiny adaptive checkpoint whose layers do listen to what they are told."""
    path = make_checkpoint("adaptive", elements=16, snr=(0.0, 20.0), mapping="analog", kind="adaptive")
    network, card = load_checkpoint(path)
    for module in network.modules():
        if hasattr(module, "gain"):
            module.gain.weight.normal_(generator=torch.Generator().manual_seed(1))
    save_checkpoint(path, network, card)
    return path


@pytest.mark.parametrize(
    ("bpp", "channels"), [(0.25, 16), (0.26, 16), (0.24, 15), (0.125, 8), (2 / 64, 2), (0.2, 12), (3.0, 16)]
)
def test_an_adaptive_network_sends_the_channels_that_fit(adaptive, bpp, channels):
    made = link(f"deepjscc:{adaptive}", bpp)
    t = made.send(images_of((16, 24), (32, 16)), 5.0)
    assert t.payload_bits.tolist() == [channels * 6, channels * 8]
    for a, b in zip(t.offsets[:-1], t.offsets[1:], strict=True):
        assert np.mean(np.abs(t.symbols[a:b]) ** 2) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize(("snr", "told"), [(7.0, 7.0), (-9.0, 0.0), (40.0, 20.0)])
def test_the_link_of_an_adaptive_network_does_what_the_network_does(adaptive, snr, told):
    """Against the network called directly, told the SNR within its range and the 8 channels of 16 that are sent."""
    image = images_of((16, 24))[0]
    made = link(f"deepjscc:{adaptive}", 0.125)
    assert made.knows_channel
    t, reception = round_trip(made, [image], sigma=(10 ** (-snr / 10) / 2) ** 0.5, snr_db=snr)
    network, _ = load_checkpoint(adaptive)
    known = torch.tensor([told]), torch.tensor([8])
    wanted = network.encode(torch.from_numpy(image).permute(2, 0, 1)[None].float(), *known)[0]
    np.testing.assert_allclose(t.symbols.view(np.float32), wanted[:48], atol=1e-5)
    assert not wanted[48:].any()
    noise = np.random.default_rng(7).normal(size=(len(t.symbols), 2)) @ [1, 1j] * (10 ** (-snr / 10) / 2) ** 0.5
    received = torch.zeros(1, 96)
    received[0, :48] = torch.from_numpy((t.symbols + noise).astype(np.complex64).view(np.float32))
    elements = network.demap(received, torch.tensor(10 ** (-snr / 10)))
    shown = network.decode(elements, 16, 24, *known).clamp(0, 255).round()[0].permute(1, 2, 0).numpy()
    assert np.abs(reception.images[0] - shown).max() <= 1


def test_an_adaptive_network_s_least_rate_is_a_limit(adaptive):
    with pytest.raises(LinksimError, match=r"sends 0.03125 to 0.25 elements per pixel, the budget allows 0.02"):
        link(f"deepjscc:{adaptive}", 0.02)
    t = link(f"deepjscc:{adaptive}", 0.02, over_budget="nearest").send(images_of((16, 24)), 5.0)
    assert t.payload_bits.tolist() == [2 * 6]
    t, reception = round_trip(link(f"deepjscc:{adaptive}", 2 / 64), images_of((16, 24), (9, 9)), snr_db=5.0)
    assert t.payload_bits.tolist() == [2 * 6, 0]  # 9×9 pixels need four cells
    assert reception.ok.tolist() == [True, False]


def test_an_adaptive_checkpoint_serves_every_budget(folder, make_checkpoint):
    make_checkpoint("any", elements=32, snr=(0, 20), method="deepjscc-analog", mapping="analog", kind="adaptive")
    assert chosen("deepjscc-analog", 0.1) == chosen("deepjscc-analog", 0.5) == ["any"]
    assert "0.0625 to 0.5 bpp, trained at 0 to 20 dB" in link("deepjscc-analog", 0.1).notes()[0]
    assert "0.09375 is the nearest below" in link("deepjscc-analog", 0.1).notes()[1]
    with pytest.raises(LinksimError, match=r"at least 0.0625 elements per pixel, the budget allows 0.05"):
        link("deepjscc-analog", 0.05)

"""A checkpoint stored as its difference from another: exact where it must be, and one line where it cannot be."""

import lzma
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from jscc.checkpoint import load_checkpoint, load_weights, read_card, save_delta, weights_digest
from jscc.delta import Delta, pack, unpack
from linksim.errors import LinksimError


def random_delta(shape, seed, largest=32767):
    rng = np.random.default_rng(seed)
    levels = torch.from_numpy(rng.integers(-largest, largest + 1, shape))
    rows, columns = (torch.from_numpy(rng.integers(-90, -20, n).astype(np.int8)) for n in shape[:2])
    return Delta(levels, rows, columns)


@pytest.mark.parametrize("largest", [0, 1, 130, 32767])
def test_what_is_packed_comes_back(largest):
    deltas = {"b": random_delta((3, 2, 3, 3), 1, largest), "a": random_delta((5, 7, 1, 1), 2, largest)}
    back = unpack(pack(deltas), {name: d.levels.shape for name, d in deltas.items()})
    for name, delta in deltas.items():
        for key in ("levels", "rows", "columns"):
            assert torch.equal(getattr(back[name], key), getattr(delta, key))


def test_a_weight_is_restored_by_the_formula():
    delta, base = random_delta((4, 3, 2, 2), 3, largest=9), torch.randn(4, 3, 2, 2).half()
    step = 2 ** ((delta.rows.double()[:, None] + delta.columns.double()) / 4)
    wanted = base.double() + step[..., None, None] * delta.levels
    assert torch.allclose(delta.restored(base).double(), wanted, rtol=2**-10, atol=1e-7)


@pytest.fixture
def pair(make_checkpoint):
    """A base, another checkpoint stored against it, and the weights of that: levels, and the rest exactly."""
    base, path = make_checkpoint("base"), make_checkpoint("fine-tuned")
    state, weights = load_weights(path), load_weights(base)
    names = [name for name, t in state.items() if t.dim() == 4]
    deltas = {}
    for name in names:
        rows, columns = (torch.full((n,), -24, dtype=torch.int8) for n in state[name].shape[:2])
        step = 2.0**-12
        deltas[name] = Delta(((state[name].float() - weights[name].float()) / step).round().int(), rows, columns)
    exact = {name: t for name, t in state.items() if name not in names}
    save_delta(path, base, exact, deltas, read_card(path))
    return base, path, state


def test_a_difference_loads_as_a_network(pair):
    _, path, state = pair
    network, card = load_checkpoint(path)
    assert card.sha256 == weights_digest(load_weights(path))
    for name, tensor in network.state_dict().items():
        near = 0 if state[name].dim() != 4 else 2.0**-12
        assert (tensor - state[name].float()).abs().max() <= near


def test_a_difference_from_a_difference_loads(pair, tmp_path):
    _, path, state = pair
    third = tmp_path / "third.safetensors"
    exact = {name: t for name, t in state.items() if t.dim() != 4}
    zero = {name: random_delta(t.shape, 1, largest=0) for name, t in state.items() if t.dim() == 4}
    save_delta(third, path, exact, zero, read_card(path))
    assert weights_digest(load_weights(third)) == weights_digest(load_weights(path))


def said(path):
    with pytest.raises(LinksimError) as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_base_must_be_beside_it(pair, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for suffix in (".safetensors", ".json"):
        shutil.copy(pair[1].with_suffix(suffix), elsewhere)
    assert "base.safetensors" in said(elsewhere / pair[1].name)


def test_the_base_must_be_the_same(pair, make_checkpoint):
    base, path, _ = pair
    make_checkpoint("other").rename(base)
    assert "another base 'base'" in said(path)


@pytest.mark.parametrize("name", ["fine-tuned", "../base"])
def test_the_base_must_be_another_checkpoint_of_the_folder(pair, name):
    path = pair[1]
    save_file(load_file(path), path, {"base": name, "base_sha256": ""})
    assert "is not the name of another checkpoint" in said(path)


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {"levels": torch.zeros(3, dtype=torch.uint8)},
        {"levels": torch.zeros(3)},
        {"steps": torch.frombuffer(bytearray(lzma.compress(bytes(10**6))), dtype=torch.uint8)},
        {"steps": torch.frombuffer(bytearray(lzma.compress(b"")), dtype=torch.uint8)},
    ],
)
def test_a_damaged_difference_is_named(pair, tensors):
    path = pair[1]
    kept = load_file(path)
    if not tensors:
        del kept["levels"]
    digest = weights_digest(load_weights(pair[0]))
    save_file(kept | tensors, path, {"base": "base", "base_sha256": digest})
    assert "its difference from 'base' is damaged" in said(path)

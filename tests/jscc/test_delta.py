"""A checkpoint stored as its difference from another: the same bits, and one line where it cannot be restored."""

import lzma
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from jscc.checkpoint import load_checkpoint, load_weights, save_difference, weights_digest
from jscc.delta import difference, restored, shared
from linksim.errors import LinksimError

BITS = st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)), max_size=40)


def halves(bits):
    return torch.from_numpy(np.array(bits, np.uint16).view(np.int16)).view(torch.float16)


@given(BITS)
def test_every_bit_comes_back(pairs):
    """Of any numbers: infinite ones, NaN and both zeros too."""
    weights, base = ({"a": halves([pair[i] for pair in pairs])} for i in (0, 1))
    back = restored(difference(weights, base), base, ["a"])["a"]
    assert torch.equal(back.view(torch.int16), weights["a"].view(torch.int16))


def test_a_small_change_takes_few_bytes():
    base = {"a": torch.randn(30_000, generator=torch.Generator().manual_seed(1)).half()}
    near = {"a": (base["a"].float() * (1 + 2**-11)).half()}
    assert len(difference(near, base)) < 0.1 * 2 * 30_000
    assert len(difference(base, base)) < 300


@pytest.fixture
def pair(make_checkpoint):
    """A base, another checkpoint stored against it, and the weights of that."""
    base, path = make_checkpoint("base"), make_checkpoint("fine-tuned")
    weights = load_weights(path)
    save_difference(path, weights, base)
    return base, path, weights


def test_a_difference_loads_as_the_network(pair):
    _, path, weights = pair
    assert set(load_file(path)) == {"difference"}
    network, card = load_checkpoint(path)  # which compares the hash with the card's
    assert card.sha256 == weights_digest(weights)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, weights[name].float())


def test_a_difference_from_a_difference_loads(pair, tmp_path):
    _, path, weights = pair
    third = tmp_path / "third.safetensors"
    twice = {name: 2 * t for name, t in weights.items()}
    save_difference(third, twice, path)
    assert weights_digest(load_weights(third)) == weights_digest(twice)


def test_tensors_of_another_shape_are_kept(pair, tmp_path):
    base, _, weights = pair
    name = next(name for name, t in weights.items() if t.dim() == 4)
    weights[name] = weights[name][:-1].contiguous()
    assert name not in shared(weights, load_weights(base))
    save_difference(tmp_path / "other.safetensors", weights, base)
    assert weights_digest(load_weights(tmp_path / "other.safetensors")) == weights_digest(weights)


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
    "stored",
    [
        None,
        torch.zeros(3, dtype=torch.uint8),
        torch.zeros(3),
        torch.frombuffer(bytearray(lzma.compress(bytes(10**7))), dtype=torch.uint8),
        torch.frombuffer(bytearray(lzma.compress(b"")), dtype=torch.uint8),
    ],
)
def test_a_damaged_difference_is_named(pair, stored):
    base, path, _ = pair
    digest = weights_digest(load_weights(base))
    save_file({} if stored is None else {"difference": stored}, path, {"base": "base", "base_sha256": digest})
    assert "its difference from 'base' is damaged" in said(path)

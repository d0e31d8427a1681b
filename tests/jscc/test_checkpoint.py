"""Whatever lies in a checkpoint's two files, loading gives a network or one line."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jscc.card import read_card
from jscc.checkpoint import load_checkpoint
from linksim.errors import LinksimError


def load_or_say(path):
    try:
        load_checkpoint(path)
    except LinksimError as error:
        said = str(error)
    else:
        return ""
    assert "\n" not in said
    return said


@pytest.fixture
def checkpoint(make_checkpoint):
    return make_checkpoint("x")


def test_a_good_one_loads(checkpoint):
    assert load_or_say(checkpoint) == ""
    assert read_card(checkpoint).bpp == 0.25


HOSTILE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@HOSTILE
@given(st.data())
def test_damaged_weights(checkpoint, data):
    good = checkpoint.with_name("good.bin")
    if not good.exists():
        good.write_bytes(checkpoint.read_bytes())
    content = bytearray(good.read_bytes())
    cut = data.draw(st.integers(0, len(content)))
    header = data.draw(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4))
    for position, value in header:
        content[position] = value
    checkpoint.write_bytes(content if data.draw(st.booleans()) else content[:cut])
    load_or_say(checkpoint)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@HOSTILE
@given(st.data())
def test_damaged_cards(checkpoint, data):
    card = checkpoint.with_suffix(".json")
    good = checkpoint.with_name("good.json")
    if not good.exists():
        good.write_bytes(card.read_bytes())
    values = json.loads(good.read_text())
    where = data.draw(st.sampled_from([values, values["architecture"]]))
    where[data.draw(st.sampled_from(sorted(where)))] = data.draw(JSON)
    card.write_text(json.dumps(values))
    load_or_say(checkpoint)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "{}", "[" * 100_000, '{"architecture": 7}', "\0"])
def test_cards_that_are_none(checkpoint, text):
    checkpoint.with_suffix(".json").write_text(text)
    assert "x.json" in load_or_say(checkpoint)


def test_a_pickle_is_never_opened(checkpoint):
    import pickle

    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    checkpoint.write_bytes(pickle.dumps(Trap()))
    assert "not a safetensors file" in load_or_say(checkpoint)


def test_missing_files_are_named(checkpoint, tmp_path):
    assert "No such file" in load_or_say(tmp_path / "none.safetensors")
    checkpoint.unlink()
    assert "x.safetensors" in load_or_say(checkpoint)


def test_weights_of_another_architecture(checkpoint, make_checkpoint):
    other = make_checkpoint("other", elements=8)
    checkpoint.write_bytes(other.read_bytes())
    assert "not those of the architecture" in load_or_say(checkpoint)


def test_weights_must_match_the_card_s_hash(checkpoint):
    content = bytearray(checkpoint.read_bytes())
    content[-1] ^= 1
    checkpoint.write_bytes(content)
    assert "hash" in load_or_say(checkpoint)

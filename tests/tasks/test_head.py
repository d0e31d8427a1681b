"""Training a head on three easy classes, and using what was written."""

import json

import numpy as np
import pytest

from linksim.cli.train_task import train_task
from linksim.data.base import Dataset, Sample
from linksim.errors import LinksimError
from linksim.tasks import head as heads
from linksim.tasks.load import load_task


class Stripes(Dataset):
    """Horizontal, vertical or no stripes, in noise; every third image has the same source."""

    name = "stripes"
    classes = ("across", "down", "plain")
    seed = 1

    def __len__(self):
        return 18

    def __getitem__(self, index):
        random = np.random.default_rng([self.seed, index])
        image = random.integers(60, 120, (32, 32, 3), dtype=np.uint8)
        if index % 3 < 2:
            stripes = np.moveaxis(image, index % 3, 0)
            stripes[::4] += 100
        return Sample(image, f"{index}", index % 3, sources=(f"source-{index % 10}",))

    def identity(self):
        return {"dataset": self.name, "seed": self.seed}


class Validation(Stripes):
    seed = 2


class Unlabelled(Stripes):
    def __getitem__(self, index):
        return Sample(super().__getitem__(index).image, f"{index}")


class OtherClasses(Stripes):
    classes = ("a", "b", "c")


def train(path, **changes):
    known = {cls.__name__: cls for cls in (Stripes, Validation, Unlabelled, OtherClasses)}
    arguments = {"train": "Stripes", "val": "Validation", "test": "Validation", "images": 0, "size": 32}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("linksim.registry.dataset", lambda spec: known[spec]())
        return train_task(path, **arguments | {"name": "", "device": "cpu"} | changes)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("head") / "new" / "stripes.safetensors"
    assert train(path) == 0
    return path, json.loads(path.with_suffix(".json").read_text())


def test_the_card_says_how_it_was_made(trained):
    _, card = trained
    assert card["name"] == "stripes"
    assert card["classes"] == list(Stripes.classes)
    assert card["size"] == 32
    assert card["penalty"] in heads.PENALTIES
    assert card["train"] == {"images": 18, "data": {"dataset": "stripes", "seed": 1}}
    score = card["scores"]["Validation"]
    assert (score["images"], score["sources"]) == (18, 10)
    assert score["interval"][0] <= score["accuracy"] <= score["interval"][1]


def test_a_trained_head_judges_as_its_card_says(trained):
    path, card = trained
    task = load_task(str(path))
    samples = [Validation()[i] for i in range(18)]
    predictions = task.predict([sample.image for sample in samples])
    correct = np.mean([prediction == sample.label for prediction, sample in zip(predictions, samples, strict=True)])
    assert correct == pytest.approx(card["scores"]["Validation"]["accuracy"], abs=1e-4)
    assert correct >= 0.9
    assert task.classes == Stripes.classes


def random_examples(seed, labels):
    features = np.random.default_rng(seed).normal(size=(len(labels), 1280)).astype(np.float32)
    return heads.Examples(features, np.array(labels), np.arange(len(labels)))


def quiet(_line):
    pass


def test_the_validation_split_chooses_the_penalty():
    """On labels that have nothing to do with the features, the strongest penalty is best."""
    labels = np.random.default_rng(0).integers(0, 3, (2, 30))
    head = heads.fit(random_examples(1, labels[0]), random_examples(2, labels[1]), 3, quiet)
    assert head.penalty == max(heads.PENALTIES)


def test_a_head_for_two_classes_has_their_probabilities():
    features = np.random.default_rng(3).normal(size=(40, 4)).astype(np.float32)
    labels = (features @ [1, 2, 0, -1] > 0).astype(np.int64)
    examples = heads.Examples(features, labels, np.arange(40))
    head = heads.fit(examples, examples, 2, quiet)
    logits = features @ head.weight.T + head.bias
    probabilities = 1 / (1 + np.exp(logits[:, ::-1] - logits))
    assert head.correct(examples).mean() > 0.9
    assert -np.log(probabilities[np.arange(40), labels]).mean() == pytest.approx(head.log_loss, rel=1e-4)


def test_one_class_is_no_task():
    examples = heads.Examples(np.zeros((3, 4), np.float32), np.zeros(3, np.int64), np.arange(3))
    with pytest.raises(LinksimError, match="one class"):
        heads.fit(examples, examples, 1, quiet)


def test_a_class_without_training_images_is_an_error():
    examples = random_examples(1, [0, 1, 0, 1])
    with pytest.raises(LinksimError, match="2 of 3 classes"):
        heads.fit(examples, examples, 3, quiet)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": 50}, "--size 50"),
        ({"images": -1}, "--images -1"),
        ({"val": "OtherClasses"}, "'OtherClasses'"),
        ({"train": "Unlabelled"}, "no label"),
    ],
)
def test_what_cannot_be_learnt_is_said(tmp_path, changes, said):
    with pytest.raises(LinksimError, match=said):
        train(tmp_path / "head.safetensors", **changes)


def test_the_file_must_be_named_for_what_it_is(tmp_path):
    with pytest.raises(LinksimError, match="safetensors"):
        train(tmp_path / "head.pt")


def test_a_folder_that_cannot_be_written_to_is_said_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    monkeypatch.setattr(heads, "extract", None)
    with pytest.raises(LinksimError, match="cannot be written to"):
        train(tmp_path / "head.safetensors")


def test_a_head_without_its_card_is_named(tmp_path):
    head = heads.Head(np.zeros((3, 1280), np.float32), np.zeros(3, np.float32), 1.0, 1.0)
    heads.write(head, tmp_path / "head.safetensors", {"classes": ["a"]})
    with pytest.raises(LinksimError, match=r"head\.safetensors.*train-task"):
        load_task(str(tmp_path / "head.safetensors"))
    (tmp_path / "head.json").unlink()
    with pytest.raises(LinksimError, match=r"no such file.*head\.json"):
        load_task(str(tmp_path / "head.safetensors"))


@pytest.mark.parametrize("card", [b"\xff", b"[]", b"{", b'{"name": "a", "classes": 3, "size": 96}'])
def test_a_garbled_card_is_one_line(tmp_path, card):
    head = heads.Head(np.zeros((3, 1280), np.float32), np.zeros(3, np.float32), 1.0, 1.0)
    heads.write(head, tmp_path / "head.safetensors", {"classes": ["a", "b", "c"]})
    (tmp_path / "head.json").write_bytes(card)
    with pytest.raises(LinksimError, match=r"not what 'linksim train-task' writes: [^\n]+$"):
        load_task(str(tmp_path / "head.safetensors"))

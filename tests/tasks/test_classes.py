import numpy as np
import pytest

from linksim.errors import LinksimError
from linksim.tasks.base import Task
from linksim.tasks.classes import class_map, imagenet_synsets, match_labels, parse_names

IMAGE = np.zeros((4, 4, 3), np.uint8)
NUMBERS = tuple(sorted(str(i) for i in range(11)))
"""Class folders 0 to 10 in torchvision's order: 0, 1, 10, 2, ..."""


class Outputs(Task):
    """A task with a number of outputs, named or not."""

    name = "net"

    def __init__(self, count, classes=()):
        self.count, self.classes = count, tuple(classes)

    def predict(self, images):
        return [0] * len(images)

    def outputs(self, image):
        return self.count


def test_equal_names_map_onto_themselves():
    names = ("bird", "dining table", "tv")
    assert class_map(names, names).tolist() == [0, 1, 2]


def test_unknown_names_map_to_minus_one():
    assert class_map(("bird", "nose"), ("ear", "bird")).tolist() == [1, -1]


def test_spelling_does_not_matter():
    assert class_map(("Traffic_Light", "hot dog"), ("hot-dog", "traffic light")).tolist() == [1, 0]


def test_a_dataset_of_synsets_maps_onto_the_thousand_classes():
    synsets = imagenet_synsets()
    assert len(set(synsets)) == 1000
    shuffled = tuple(np.random.default_rng(0).permutation(synsets)[:10])
    mapped = class_map(synsets, shuffled)
    assert [synsets[i] for i in np.flatnonzero(mapped >= 0)] == sorted(shuffled)


def test_synsets_go_by_their_names_unless_two_share_one():
    mapped = class_map(imagenet_synsets(), ("giant panda", "crane", "Staffordshire bullterrier"))
    assert np.flatnonzero(mapped == 0).tolist() == [388]
    assert (mapped == 1).sum() == 0
    assert (mapped == 2).sum() == 1


def test_synonyms_between_commas_and_numbered_synsets_are_read():
    """As in synset_words.txt and imagenet1000_clsidx_to_labels.txt, the two common lists of ImageNet's names."""
    assert class_map(
        ("tench, Tinca tinca", "n01443537 goldfish, Carassius auratus"), ("goldfish", "tench")
    ).tolist() == [
        1,
        0,
    ]
    assert class_map(("tench, Tinca tinca", "goldfish, Carassius auratus"), ("n01443537", "n01440764")).tolist() == [
        1,
        0,
    ]


def test_equal_names_go_before_similar_ones():
    assert class_map(("Sofa", "couch"), ("couch", "sofa")).tolist() == [1, 0]
    assert class_map(("cat", "Cat"), ("Cat", "cat")).tolist() == [1, 0]
    assert class_map(("Couch",), ("Sofa", "COUCH")).tolist() == [1]


def test_a_name_that_fits_two_classes_is_refused():
    with pytest.raises(LinksimError, match="'CAT' fits the data set's classes 'cat' and 'Cat' alike"):
        class_map(("CAT", "dog"), ("cat", "Cat", "dog"))


def test_a_name_given_twice_is_refused_where_it_counts():
    """Lists of ImageNet's first names hold 'crane' twice: the bird and the machine."""
    assert class_map(("crane", "crane", "tench"), ("tench",)).tolist() == [-1, -1, 0]
    with pytest.raises(LinksimError, match="outputs 0 and 2 have the same name 'crane'"):
        class_map(("crane", "tench", "crane"), ("crane", "tench"))


def test_two_names_may_mean_one_class():
    assert class_map(("sofa", "couch"), ("couch",)).tolist() == [0, 0]


@pytest.mark.parametrize("outputs", [10, 12, 1000])
def test_without_names_the_counts_must_agree(outputs):
    with pytest.raises(LinksimError, match=f"'net' has {outputs} outputs.* 11 classes.*classes=FILE") as caught:
        match_labels(Outputs(outputs), NUMBERS, IMAGE)
    assert ("classes=imagenet" in str(caught.value)) == (outputs == 1000)


def test_names_must_be_as_many_as_outputs():
    with pytest.raises(LinksimError, match="has 10 outputs but names 11 classes"):
        match_labels(Outputs(10, NUMBERS), NUMBERS, IMAGE)


def test_without_names_the_order_is_said_where_it_could_be_another():
    (note,) = match_labels(Outputs(11), NUMBERS, IMAGE).notes
    assert "0, 1, 10, 2, 3, ... (torchvision's)" in note
    (note,) = match_labels(Outputs(11), [str(i) for i in range(11)], IMAGE).notes
    assert "0, 1, 2, 3, 4, ... (the data set's own)" in note
    (note,) = match_labels(Outputs(None), ("Zebra", "ape"), IMAGE).notes
    assert "torchvision's" in note
    assert match_labels(Outputs(2), ("ape", "zebra"), IMAGE).notes == ()
    assert match_labels(Outputs(1000), imagenet_synsets(), IMAGE).notes == ()


def test_names_in_another_order_and_case_are_matched():
    labels = match_labels(Outputs(3, ("Dog", "CAT", "hot_dog")), ("cat", "dog", "hot dog"), IMAGE)
    assert labels.index.tolist() == [1, 0, 2]
    assert labels.notes == ()


def test_a_permutation_of_the_names_is_undone():
    shuffled = np.random.default_rng(0).permutation(NUMBERS).tolist()
    labels = match_labels(Outputs(11, shuffled), NUMBERS, IMAGE)
    assert [NUMBERS[i] for i in labels.index] == shuffled
    assert labels.notes == ()


def test_classes_without_an_output_are_said():
    (note,) = match_labels(Outputs(2, ("cat", "dgo")), ("bird", "cat", "dog"), IMAGE).notes
    assert "no class for 2 of the data set's 3 (bird, dog)" in note


def test_a_task_that_shares_no_class_is_refused():
    with pytest.raises(LinksimError, match=r"none of the data set's classes \(0, 1, 10, 2, 3, ...\).*cat, dog"):
        match_labels(Outputs(2, ("cat", "dog")), NUMBERS, IMAGE)


def test_data_without_classes_needs_no_match():
    assert match_labels(Outputs(10), (), IMAGE).index is None


@pytest.mark.parametrize(
    "text",
    [
        "cat\nhot dog\n\n",
        "cat, hot dog",
        '["cat", "hot dog"]',
        "{0: 'cat', 1: 'hot dog'}",
        '{"1": "hot dog", "0": "cat"}',
        '{"hot dog": 1, "cat": 0}',
        "\ufeffcat\r\nhot dog",
    ],
)
def test_names_are_read_as_people_write_them(text):
    assert parse_names(text) == ("cat", "hot dog")


@pytest.mark.parametrize("text", ["[1, 2", "{0: 'a', 2: 'b'}", "{'a': 'b'}"])
def test_what_is_no_list_of_names_is_refused(text):
    with pytest.raises(LinksimError, match="class names"):
        parse_names(text)

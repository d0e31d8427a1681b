import numpy as np

from linksim.tasks.classes import class_map, imagenet_synsets


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

import numpy as np
import pytest
import skimage.data
import torch
from torch import nn

from linksim.errors import ContractError
from linksim.tasks.classes import class_map
from linksim.tasks.detection import COCO_CLASSES, MAX_DETECTIONS, TorchDetector, coco_detector, decode

VOC = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)


def maps(peaks, classes=3, rows=8, columns=8):
    """Heat of -9 but for {(class, y, x): logit}, and extents of 4 pixels on every side."""
    heat = torch.full((1, classes, rows, columns), -9.0)
    for place, logit in peaks.items():
        heat[(0, *place)] = logit
    return heat, torch.full((1, 4, rows, columns), 4.0)


def test_all_voc_classes_are_coco_classes():
    assert len(set(COCO_CLASSES)) == 80
    assert sorted(class_map(COCO_CLASSES, VOC))[-20:] == list(range(20))


def test_a_peak_becomes_a_box_in_the_images_own_pixels():
    heat, extents = maps({(2, 4, 3): 0.0})
    assert decode(heat, extents, (64, 16)).tolist() == [[4.0, 24.0, 8.0, 40.0, 0.5, 2.0]]


def test_only_the_highest_of_neighbours_counts_and_classes_do_not_compete():
    heat, extents = maps({(0, 2, 2): 2.0, (0, 2, 3): 1.0, (1, 2, 3): 3.0, (0, 2, 5): 1.5})
    found = decode(heat, extents, (32, 32))
    assert found[:, 5].tolist() == [1, 0, 0]
    assert np.all(np.diff(found[:, 4]) < 0)


def test_boxes_are_clipped_and_weak_peaks_left_out():
    heat, extents = maps({(0, 0, 0): 1.0, (1, 7, 7): -3.0})
    extents[:] = 100.0
    assert decode(heat, extents, (32, 32))[:, :4].tolist() == [[0, 0, 32, 32]]


def test_no_more_than_the_limit():
    heat, extents = maps({(c, 2 * y, 2 * x): 1.0 + c for c in range(3) for y in range(8) for x in range(8)}, 3, 16, 16)
    found = decode(heat, extents, (64, 64))
    assert len(found) == MAX_DETECTIONS
    assert found[:64, 5].tolist() == [2] * 64


def test_nothing_found_is_an_empty_array():
    assert decode(*maps({}), (32, 32)).shape == (0, 6)


def test_a_photo_has_the_same_prediction_alone_and_in_company():
    """scikit-image's astronaut in 3:2 format, and at half the size."""
    task = coco_detector()
    photo = skimage.data.astronaut()[:340]
    alone = task.predict([photo])[0]
    small = np.ascontiguousarray(photo[::2, ::2])
    together = task.predict([small, photo])
    assert np.array_equal(alone, together[1])
    for found, (height, width) in ((alone, (340, 512)), (together[0], (170, 256))):
        assert found.dtype == np.float32
        assert COCO_CLASSES[int(found[0, 5])] == "person"
        assert found[:, [0, 2]].max() <= width
        assert found[:, [1, 3]].max() <= height


class TwoBoxes(nn.Module):
    """In the manner of torchvision: asks for a list of images in 0..1, and does not sort."""

    def forward(self, images):
        assert images[0].max() <= 1
        height, width = images[0].shape[1:]
        boxes = torch.tensor([[0.0, 0.0, width, height], [1.0, 1.0, 2.0, 2.0]])
        return [{"boxes": boxes, "scores": torch.tensor([0.3, 0.8]), "labels": torch.tensor([1, 0])}]


def test_any_torch_detector_can_be_given():
    task = TorchDetector(TwoBoxes(), ("cat", "dog"), "mine")
    (found,) = task.predict([np.full((6, 9, 3), 255, np.uint8)])
    np.testing.assert_allclose(found, [[1, 1, 2, 2, 0.8, 0], [0, 0, 9, 6, 0.3, 1]])
    assert found.dtype == np.float32
    assert task.kind == "detection"


class Wrong(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, images):
        return self.output


@pytest.mark.parametrize("output", [None, [], [{"boxes": torch.zeros(1, 4)}], [{"boxes": 1, "scores": 2, "labels": 3}]])
def test_a_detector_that_breaks_the_contract_is_named(output):
    with pytest.raises(ContractError, match=r"'odd'.*boxes"):
        TorchDetector(Wrong(output), ("cat",), "odd").predict([np.zeros((4, 4, 3), np.uint8)])


def test_identity_names_the_weights():
    identity = coco_detector().identity()
    assert len(identity["arguments"]["network"]["weights"]) == 64

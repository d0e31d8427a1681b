"""The torch CenterNet against the original TensorFlow.js graph (``tools/centernet_oracle.cjs``)."""

import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch

from linksim.tasks.centernet import CenterNet, double
from linksim.tasks.detection import coco_detector, decode

ORACLE = json.loads((Path(__file__).parent / "centernet_tfjs.json").read_text())


@pytest.fixture(scope="module")
def astronaut():
    task = coco_detector()
    x = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        heat, extents = task.module(x)
    return task, heat, extents


def test_maps_equal_the_original_graph(astronaut):
    _, heat, extents = astronaut
    cells = [(32 * (i // 4) + 16, 32 * (i % 4) + 16) for i in range(16)]
    for ours, name, tolerance in ((heat, "heat", 1e-4), (extents, "extents", 0.01)):
        sampled = np.array([ours[0, :, y, x].numpy() for y, x in cells])
        np.testing.assert_allclose(sampled, ORACLE["exact"][name], rtol=0, atol=tolerance)


@pytest.mark.parametrize(("graph", "score", "pixels"), [("exact", 1e-5, 0.01), ("shipped", 2e-3, 0.5)])
def test_detections_equal_the_original_graph(astronaut, graph, score, pixels):
    """``shipped`` rounds the 1/6 of its activation to half precision; that moves boxes by less than half a pixel."""
    _, heat, extents = astronaut
    ours = decode(heat, extents, (512, 512))[:10]
    theirs = np.array(ORACLE[graph]["detections"])[: len(ours)]
    np.testing.assert_array_equal(ours[:, 5], theirs[:, 5])
    np.testing.assert_allclose(ours[:, 4], theirs[:, 4], rtol=0, atol=score)
    np.testing.assert_allclose(ours[:, :4], theirs[:, :4].clip(0, 512), rtol=0, atol=pixels)


def test_doubling_is_tensorflows_legacy_resize():
    """tf.compat.v1.image.resize_bilinear of [[0, 2], [4, 8]] to 4 x 4, as its documentation defines it: out(i) is
    in(i / 2), the last row and column repeated."""
    x = torch.tensor([[[[0.0, 2.0], [4.0, 8.0]]]])
    expected = [[0, 1, 2, 2], [2, 3.5, 5, 5], [4, 6, 8, 8], [4, 6, 8, 8]]
    assert double(x)[0, 0].tolist() == expected


def test_every_class_score_has_a_gradient_down_to_the_pixels():
    task = coco_detector()
    features = []
    task.module.get_submodule("network.attention").register_forward_hook(lambda _m, _x, y: features.append(y))
    x = torch.full((1, 3, 64, 96), 90.0).requires_grad_()
    task.class_scores(x)[0, 17].backward()
    assert features[0].shape == (1, 128, 128, 128)
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_the_network_takes_other_sizes():
    heat, extents = CenterNet().eval()(torch.zeros(2, 3, 96, 160))
    assert heat.shape == (2, 80, 24, 40)
    assert extents.shape == (2, 4, 24, 40)

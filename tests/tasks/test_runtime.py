"""ONNX graphs of the shipped networks against torch, torch's own exporter and the checker of the package ``onnx``."""

import copy
import io
import pickle
import warnings

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper, shape_inference
from torch import nn

from linksim import registry
from linksim.errors import LinksimError
from linksim.tasks import centernet, efficientnet
from linksim.tasks.classification import stamps10_classifier, to_tensors
from linksim.tasks.detection import coco_detector
from linksim.tasks.runtime import Compiled, graph, session


@pytest.fixture(scope="module")
def networks():
    """The shipped networks, each with an input of a small shape that is not square."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(1, 3, 64, 96, generator=generator)
    backbone, linear = efficientnet.pretrained()
    return {"classifier": (nn.Sequential(backbone, linear), x * 2 - 1), "detector": (centernet.pretrained(), x * 255)}


@pytest.mark.parametrize("name", ["classifier", "detector"])
def test_a_graph_is_valid_onnx(networks, name):
    network, x = networks[name]
    content, weights = graph(network, x.shape)
    model = onnx.load_from_string(content)
    for initializer in model.graph.initializer:
        if initializer.name in weights:
            initializer.CopyFrom(numpy_helper.from_array(weights[initializer.name], initializer.name))
    onnx.checker.check_model(shape_inference.infer_shapes(model, strict_mode=True), full_check=True)


@pytest.mark.parametrize("name", ["classifier", "detector"])
def test_outputs_equal_torch_and_those_of_its_exporter(networks, name):
    network, x = networks[name]
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch prefers another exporter, which needs a further package
        torch.onnx.export(network, (x,), file, dynamo=False, input_names=["x"])
    exported = session(file.getvalue()).run(None, {"x": x.numpy()})
    with torch.inference_mode():
        expected, ours = network(x), Compiled(network, x.shape)(x)
    expected = expected if isinstance(expected, tuple) else (expected,)
    assert len(ours) == len(expected) == len(exported)
    for a, b, c in zip(ours, expected, exported, strict=True):
        scale = max(1.0, float(b.abs().max()))
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * scale)
        np.testing.assert_allclose(a, c, rtol=0, atol=1e-5 * scale)


def test_predictions_on_test_images_are_those_of_torch():
    task, data = stamps10_classifier(), registry.dataset("stamps10/test")
    images = [data[i].image for i in range(0, 1000, 25)]
    with torch.inference_mode():
        torchs = [task.module(x) for x in to_tensors(images, "cpu")]
        ours = [task._scores(x) for x in to_tensors(images, "cpu")]
    torch.testing.assert_close(torch.cat(ours), torch.cat(torchs), rtol=0, atol=1e-4)
    assert task.predict(images) == [int(logits.argmax()) for logits in torchs]


def test_detections_on_a_test_image_are_those_of_torch():
    task, image = coco_detector(), registry.dataset("things")[0].image
    (ours,) = task.predict([image])
    task._network = task.module.network
    (torchs,) = task.predict([image])
    assert len(ours)
    np.testing.assert_allclose(ours, torchs, rtol=0, atol=0.01)


def test_results_do_not_depend_on_torchs_threads(networks):
    network, x = networks["classifier"]
    threads = torch.get_num_threads()
    found = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found += Compiled(network, x.shape)(x)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*found)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda task: pickle.loads(pickle.dumps(task))])
def test_a_copy_of_a_task_that_has_predicted_predicts_the_same(copied):
    task, image = stamps10_classifier(), np.full((96, 96, 3), 90, np.uint8)
    expected = task.predict([image])
    assert copied(task).predict([image]) == expected


@pytest.mark.parametrize("part", [nn.Tanh(), nn.Conv2d(3, 4, 1)])
def test_an_unknown_operation_is_named(part):
    with pytest.raises(LinksimError, match=r"ONNX graph of Sequential: no operator .*\[target=0\]"):
        graph(nn.Sequential(part), (1, 3, 4, 4))


def test_only_the_processor_has_onnx_runtime():
    assert stamps10_classifier("cpu")._network is not None
    assert stamps10_classifier("meta")._network is None
    assert stamps10_classifier().identity()["libraries"].keys() == {"torch", "onnxruntime"}

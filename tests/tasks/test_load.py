"""What ``--task`` may say; the same small network through TorchScript, ONNX, Keras and SavedModel."""

import sys
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from linksim.errors import LinksimError
from linksim.tasks.base import Task
from linksim.tasks.classification import Preprocess, TorchClassifier
from linksim.tasks.load import ModelInput, load_task

CLASSES = tuple("abcdefg")
QUERY = "size=24&mean=120,115,100&std=60"


class Small(nn.Module):
    """Three layers that every runtime has, with random weights."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.conv = nn.Conv2d(3, 16, 3, stride=2)
        self.linear = nn.Linear(16, len(CLASSES))
        nn.init.normal_(self.linear.weight, std=3.0)

    def forward(self, x):
        return self.linear(torch.relu(self.conv(x)).mean((2, 3)))


def photos(count=24):
    """Smooth random images of several sizes, bright and dark, so that predictions differ."""
    random = np.random.default_rng(5)
    shapes = [(20, 31, 3), (24, 24, 3), (40, 33, 3)]
    images = []
    for i in range(count):
        coarse = torch.from_numpy(random.uniform(0, 255, (1, 3, 4, 4)))
        fine = nn.functional.interpolate(coarse, shapes[i % 3][:2], mode="bicubic").clamp(0, 255)
        images.append(fine[0].permute(1, 2, 0).contiguous().to(torch.uint8).numpy())
    return images


@pytest.fixture(scope="module")
def small():
    network = Small().eval()
    preprocess = Preprocess(24, (120.0, 115.0, 100.0), 60.0)
    predictions = TorchClassifier(nn.Sequential(preprocess, network), CLASSES).predict(photos())
    assert len(set(predictions)) >= 3
    return network, predictions


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("\n".join(CLASSES) + "\n")
    return path


def torchscript(network, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch would rather have torch.export
        torch.jit.save(torch.jit.trace(network, torch.zeros(1, 3, 24, 24)), str(path))


def test_torchscript_file(small, names, tmp_path):
    network, predictions = small
    torchscript(network, tmp_path / "small.pt")
    task = load_task(f"{tmp_path / 'small.pt'}?{QUERY}&classes={names}")
    assert task.classes == CLASSES
    assert task.name == "small.pt"
    assert task.predict(photos()) == predictions
    assert task.identity() == load_task(f"{tmp_path / 'small.pt'}?{QUERY}&classes={names}").identity()
    assert task.identity() != load_task(f"{tmp_path / 'small.pt'}?size=32&classes={names}").identity()


def test_onnx_file(small, tmp_path):
    network, predictions = small
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(network, (torch.zeros(1, 3, 24, 24),), tmp_path / "small.onnx", dynamo=False)
    task = load_task(f"{tmp_path / 'small.onnx'}?{QUERY}")
    assert task.predict(photos()) == predictions
    assert task.classes == ()


@pytest.fixture(scope="module")
def keras_twin(small):
    keras = pytest.importorskip("tensorflow").keras
    network, _ = small
    twin = keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(len(CLASSES)),
        ]
    )
    conv, linear = network.conv, network.linear
    weights = [conv.weight.permute(2, 3, 1, 0), conv.bias, linear.weight.T, linear.bias]
    twin.set_weights([w.detach().numpy() for w in weights])
    return twin


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's, beside numpy 2
@pytest.mark.parametrize("form", ["small.keras", "saved_model"])
def test_keras_gives_the_predictions_of_torch(small, keras_twin, names, tmp_path, form):
    path = tmp_path / form
    keras_twin.save(path) if path.suffix else keras_twin.export(path, verbose=False)
    task = load_task(f"{path}?{QUERY}&classes={names}")
    assert task.predict(photos()) == small[1]
    assert task.classes == CLASSES
    assert task.identity()["arguments"]["digest"]


MODULE = """
import torch
from linksim.tasks.classification import TorchClassifier

class Net(torch.nn.Module):
    classes = ("r", "g", "b")
    def forward(self, x):
        return x.mean((2, 3))

def task(device):
    return TorchClassifier(Net(), ("r", "g", "b"), "named", device)

ready = Net()
number = 3
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "own_models.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_models", None)


@pytest.mark.parametrize(
    ("attribute", "name"), [("task", "named"), ("Net", "own_models:Net"), ("ready", "own_models:ready")]
)
def test_a_function_a_class_or_a_module_of_ones_own(own_module, attribute, name):
    task = load_task(f"own_models:{attribute}")
    blue = np.zeros((4, 4, 3), np.uint8)
    blue[..., 2] = 1
    assert task.predict([blue]) == [2]
    assert task.classes == ("r", "g", "b")
    assert task.name == name


def test_registered_names():
    task = load_task("detection")
    assert isinstance(task, Task)
    assert task.kind == "detection"


def test_an_input_without_size_is_left_as_it_is(small, tmp_path):
    class Size(nn.Module):
        def forward(self, x):
            return torch.stack((x[:, 0, 0, 0] * 0 + x.shape[2], x[:, 0, 0, 0] * 0 + x.shape[3]), 1)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(Size()), str(tmp_path / "size.ts"))
    assert load_task(str(tmp_path / "size.ts")).predict([np.zeros((5, 9, 3), np.uint8)] * 2) == [1, 1]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("clasify", "did you mean 'classify'"),
        ("nowhere.pt", "no such file: nowhere.pt"),
        ("own_models:number", "gives int"),
        ("own_models:nose", "has no 'nose'"),
    ],
)
def test_what_cannot_be_a_task_is_said_in_a_line(own_module, spec, said):
    with pytest.raises(LinksimError, match=said) as caught:
        load_task(spec)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["broken.pt", "broken.onnx", "broken.safetensors"])
def test_broken_files_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"nonsense")
    with pytest.raises(LinksimError, match="broken") as caught:
        load_task(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_broken_keras_file_is_named(tmp_path):
    pytest.importorskip("tensorflow")
    (tmp_path / "broken.keras").write_bytes(b"nonsense")
    with pytest.raises(LinksimError, match="broken"):
        load_task(str(tmp_path / "broken.keras"))


def test_pickles_are_refused(tmp_path):
    (tmp_path / "model.pth").write_bytes(b"")
    with pytest.raises(LinksimError, match="pickle"):
        load_task(str(tmp_path / "model.pth"))


@pytest.mark.parametrize(
    ("query", "said"),
    [("sise=3", "'sise=3': the keys are size"), ("size=big", "size=big"), ("classes=none.txt", "none.txt")],
)
def test_a_wrong_input_is_named(query, said):
    with pytest.raises(LinksimError, match=said):
        ModelInput.parse(query)


def test_a_missing_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    path = tmp_path / "model.keras"
    path.write_bytes(b"")
    with pytest.raises(LinksimError, match="pip install 'linksim-jscc"):
        load_task(str(path))

"""From what ``--task`` says to a task: a registered name, ``package.module:function``, or a model file.

    classify                                            a registered name
    mypackage.models:resnet                             a function (or class) that gives a Task or an nn.Module
    head.safetensors                                    a head that ``linksim train-task`` has written
    model.pt?size=224&mean=123.7,116.3,103.5&std=58.4   TorchScript (.pt, .ts)
    model.onnx?size=160&mean=127&std=128                ONNX
    model.keras?size=96&classes=names.txt               Keras, or a folder with a SavedModel (the extra ``tensorflow``)

After ``?`` comes the input that the model was trained on: ``size`` in pixels (square; without it images go in as they
are), ``mean`` and ``std`` in 0..255 per RGB channel or for all, so that it gets (x - mean) / std (default 0 and 1),
``crop``, the central share of the shorter side (default 1), and ``classes``, a text file with a class name a line
(without it the outputs are the data set's classes in its order). TorchScript and ONNX models take (1, 3, H, W), Keras
ones (1, H, W, 3); all give (1, classes) scores. Pickled models are refused: a pickle runs code when it is opened.
A TorchScript file or SavedModel is code, too, so use only those you trust.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linksim import plugins
from linksim.errors import LinksimError, failed
from linksim.tasks.base import Task


@dataclass(frozen=True)
class ModelInput:
    """What a model file wants to see; see the module's documentation."""

    size: int | None = None
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    crop: float = 1.0
    classes: tuple[str, ...] = ()

    @classmethod
    def parse(cls, query: str) -> ModelInput:
        """From ``key=value&key=value``.

        >>> ModelInput.parse("size=224&mean=127&std=128").mean
        (127.0,)
        """
        readers: dict[str, Callable[[str], Any]] = {
            "size": int,
            "mean": _numbers,
            "std": _numbers,
            "crop": float,
            "classes": _lines,
        }
        values = {}
        for part in filter(None, query.split("&")):
            key, _, text = part.partition("=")
            if key not in readers:
                raise LinksimError(f"model input {part!r}: the keys are {', '.join(readers)}")
            try:
                values[key] = readers[key](text)
            except ValueError as error:
                raise LinksimError(f"model input {part!r}: {error}") from error
        return cls(**values)


def load_task(spec: str, device: str = "cpu") -> Task:
    """The task that ``spec`` names. ``device`` goes to torch models; the others choose their own."""
    text, _, query = spec.partition("?")
    path = Path(text)
    reader = READERS.get("folder" if path.is_dir() else path.suffix)
    if reader is not None and (path.exists() or ":" not in text):
        if not path.exists():
            raise LinksimError(f"task {spec!r}: no such file: {path}")
        return reader(path, ModelInput.parse(query), device)
    if path.suffix in PICKLES and path.exists():
        raise LinksimError(f"task {spec!r}: a pickle; save it with torch.jit.save, as ONNX, or name its function")
    made = plugins.load("linksim.tasks", spec)
    return _as_task(spec, made if _is_model(made) else _call(made, device), device)


def _call(made: Any, device: str) -> Any:
    """What somebody's function gives; it gets the device if it asks for one."""
    if not callable(made):
        return made
    return made(device=device) if "device" in inspect.signature(made).parameters else made()


def _is_model(made: Any) -> bool:
    from torch import nn

    return isinstance(made, Task | nn.Module)


def _as_task(spec: str, made: Any, device: str) -> Task:
    from linksim.tasks.classification import TorchClassifier

    if not _is_model(made):
        raise LinksimError(
            f"task {spec!r}: must give a linksim Task or a torch module, but gives {type(made).__name__}"
        )
    return made if isinstance(made, Task) else TorchClassifier(made, getattr(made, "classes", ()), spec, device)


def _head(path: Path, model_input: ModelInput, device: str) -> Task:
    from linksim.tasks.classification import classifier_with_head

    if model_input != ModelInput():
        raise LinksimError(f"task {str(path)!r}: a head's input is on its card; leave out what follows '?'")
    return classifier_with_head(path, device)


def _torchscript(path: Path, model_input: ModelInput, device: str) -> Task:
    import torch
    from torch import nn

    from linksim.tasks.classification import TorchClassifier
    from linksim.tasks.digest import file_digest

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch prefers torch.export; these files exist
            module = torch.jit.load(path, map_location=device)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        raise LinksimError(f"task {str(path)!r}: not a TorchScript file (torch.jit.save): {reason}") from error
    network = nn.Sequential(preprocess(model_input), module)
    return TorchClassifier(network, model_input.classes, path.name, device, file_digest(path))


def _onnx(path: Path, model_input: ModelInput, device: str) -> Task:
    from linksim.tasks.onnx import OnnxClassifier

    return OnnxClassifier(path, preprocess(model_input), model_input.classes)


def _keras(path: Path, model_input: ModelInput, device: str) -> Task:
    from linksim.tasks.keras import load_keras

    return load_keras(path, preprocess(model_input), model_input.classes)


def preprocess(model_input: ModelInput) -> Any:
    """The ``Preprocess`` module of a model input."""
    from linksim.tasks.classification import Preprocess

    return Preprocess(model_input.size, model_input.mean, model_input.std, model_input.crop)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in text.split(","))


def _lines(text: str) -> tuple[str, ...]:
    try:
        return tuple(line.strip() for line in Path(text).read_text(encoding="utf-8").splitlines() if line.strip())
    except OSError as error:
        raise failed(f"class names: cannot read {text!r}", error) from error
    except UnicodeDecodeError as error:
        raise LinksimError(f"class names: {text!r} is not UTF-8 text, a name a line") from error


READERS: dict[str, Callable[[Path, ModelInput, str], Task]] = {
    ".safetensors": _head,
    ".pt": _torchscript,
    ".ts": _torchscript,
    ".onnx": _onnx,
    ".keras": _keras,
    "folder": _keras,
}
PICKLES = (".pth", ".pkl", ".pickle", ".bin")

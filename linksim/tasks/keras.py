"""Classifiers given as Keras or SavedModel files, run by TensorFlow (the extra ``tensorflow``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from linksim.errors import LinksimError, missing_extra
from linksim.tasks.classification import Classifier, Preprocess
from linksim.tasks.digest import file_digest

Scorer = Callable[[npt.NDArray[np.float32]], Any]


class KerasClassifier(Classifier):
    """A Keras model, or any function from float32 (1, H, W, 3) to scores (1, classes). It gets what ``preprocess``
    makes of the image, channels last. ``digest`` identifies its weights."""

    libraries = ("torch", "tensorflow")
    not_identifying = ("name", "model")

    def __init__(
        self, model: Scorer, preprocess: Preprocess, classes: Sequence[str] = (), name: str = "", digest: str = ""
    ) -> None:
        self.model, self.preprocess = model, preprocess
        self.classes = tuple(classes)
        self.name = name or type(model).__name__
        self.digest = digest

    def class_scores(self, x: Tensor) -> Tensor:
        """(N, classes) scores of float32 images (N, 3, H, W) in 0..255; no gradients."""
        return torch.from_numpy(np.array(self.model(self.preprocess(x).permute(0, 2, 3, 1).contiguous().numpy())))


def load_keras(path: Path, preprocess: Preprocess, classes: Sequence[str] = ()) -> KerasClassifier:
    """A ``.keras`` file, or a folder with a SavedModel that has the signature ``serving_default``."""
    try:
        import tensorflow
    except ImportError as error:
        raise missing_extra(f"task {str(path)!r}: a Keras model or SavedModel", "tensorflow") from error
    try:
        model = _saved_model(tensorflow, path) if path.is_dir() else tensorflow.keras.models.load_model(path)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().split("\n")[0]
        raise LinksimError(f"task {str(path)!r}: not a Keras file or SavedModel: {reason}") from error
    return KerasClassifier(model, preprocess, classes, path.name, file_digest(path))


def _saved_model(tensorflow: Any, path: Path) -> Scorer:
    loaded = tensorflow.saved_model.load(str(path))
    serve = loaded.signatures["serving_default"]
    (argument,) = serve.structured_input_signature[1]

    def scores(x: npt.NDArray[np.float32]) -> Any:
        # ``loaded`` is named here to keep its variables alive: a signature alone does not.
        assert loaded is not None
        (output,) = serve(**{argument: tensorflow.constant(x)}).values()
        return output

    return scores

"""Classifiers given as ONNX files, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from linksim.errors import LinksimError
from linksim.tasks.classification import Classifier, Preprocess
from linksim.tasks.runtime import session


class OnnxClassifier(Classifier):
    """A model file with one float32 input (1, 3, H, W), which gets what ``preprocess`` makes of the image; its first
    output is scores (1, classes). It runs on the processor, with as many threads as torch has."""

    libraries = ("torch", "onnxruntime")

    def __init__(self, path: Path, preprocess: Preprocess, classes: Sequence[str] = (), name: str = "") -> None:
        self.preprocess = preprocess
        self.classes = tuple(classes)
        self.name = name or path.name
        self.path = path
        self._session = _session(path)

    def class_scores(self, x: Tensor) -> Tensor:
        """(N, classes) scores of float32 images (N, 3, H, W) in 0..255; no gradients."""
        feed = {self._session.get_inputs()[0].name: self.preprocess(x).contiguous().numpy()}
        return torch.from_numpy(self._session.run(None, feed)[0])


def _session(path: Path) -> Any:
    try:
        return session(str(path), threads=torch.get_num_threads())
    except Exception as error:  # ONNX Runtime's exceptions have no common base but Exception
        reason = str(error).strip().split("\n")[0]
        raise LinksimError(f"task {str(path)!r}: not an ONNX model: {reason}") from error

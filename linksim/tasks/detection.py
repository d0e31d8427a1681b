"""Detection tasks: linksim's own CenterNet, and any torch detector with torchvision's interface.

uint8 image ─► Stretch to 512 × 512 ─► CenterNet ─► heat maps, extents ─► decode ─► boxes in the image's own pixels
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from linksim.errors import ContractError
from linksim.link import Image
from linksim.tasks import centernet
from linksim.tasks.base import Detections, Task
from linksim.tasks.classification import to_tensors
from linksim.tasks.runtime import Compiled

SIZE = 512
MAX_DETECTIONS = 100
"""Per image, as COCO's evaluation takes them."""
SCORE_THRESHOLD = 0.05
"""Low, since average precision wants the weak detections too: precision at every recall is what it averages."""

COCO_CLASSES = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light"),
    *("fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow"),
    *("elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee"),
    *("skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard"),
    *("tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple"),
    *("sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch"),
    *("potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard"),
    *("cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors"),
    *("teddy bear", "hair drier", "toothbrush"),
)


class Stretch(nn.Module):
    """(N, 3, H, W) to (N, 3, size, size), bilinear, anti-aliased where it shrinks; the aspect ratio is not kept,
    as in the program that the network comes from. Differentiable."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def extra_repr(self) -> str:
        return f"size={self.size}"

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2:] == (self.size, self.size):
            return x
        return F.interpolate(x, (self.size, self.size), mode="bilinear", align_corners=False, antialias=True)


class CenterNetDetector(Task):
    """CenterNet as a task. ``module`` maps float32 (N, 3, H, W) in 0..255 to (heat logits, extents), differentiably;
    its layers are ``network.backbone.blocks.0`` to ``.14``, ``network.attention`` (the last shared map) and so on.

    Images go in one at a time, for the reason given at ``Classifier``. On the processor ``predict`` runs in ONNX
    Runtime, which differs from ``module`` by rounding only.
    """

    kind = "detection"
    version, libraries, not_identifying = 2, ("torch", "onnxruntime"), ("name", "device")
    classes = COCO_CLASSES

    def __init__(self, network: centernet.CenterNet, name: str, device: str = "cpu") -> None:
        self._preprocess = Stretch(SIZE)
        self.module = nn.Sequential()
        self.module.add_module("preprocess", self._preprocess)
        self.module.add_module("network", network)
        self.module.to(device).eval().requires_grad_(False)
        self.name, self.device = name, device
        on_processor = torch.device(device).type == "cpu"
        self._network = Compiled(network, (1, 3, SIZE, SIZE)) if on_processor else network

    def predict(self, images: Sequence[Image]) -> list[Any]:
        """The ``Detections`` of each uint8 (H, W, 3) image."""
        predictions = []
        with torch.inference_mode():
            for image, x in zip(images, to_tensors(images, self.device), strict=True):
                heat, extents = self._network(self._preprocess(x))
                predictions.append(decode(heat, extents, image.shape))
        return predictions

    def class_scores(self, x: Tensor) -> Tensor:
        """(N, 80) logits of float32 images (N, 3, H, W) in 0..255: each class's highest peak. Differentiable."""
        heat, _ = self.module(x)
        return heat.amax((2, 3))


def decode(heat: Tensor, extents: Tensor, shape: Sequence[int]) -> Detections:
    """Detections of one image of this (H, W, ...) shape from its (1, classes, h, w) heat and (1, 4, h, w) extents.

    As the network was trained: a detection is a cell not exceeded by its eight neighbours in its class's map; no
    further suppression; the strongest ``MAX_DETECTIONS`` of all classes. Boxes are clipped to the image.
    """
    _, _, rows, columns = heat.shape
    heat = heat.contiguous(memory_format=torch.channels_last)  # which torch pools five times as fast
    peaks = (heat >= F.max_pool2d(heat, 3, 1, 1)) & (heat > math.log(SCORE_THRESHOLD / (1 - SCORE_THRESHOLD)))
    _, label, y, x = peaks.nonzero(as_tuple=True)
    logit, order = heat[0, label, y, x].sort(descending=True, stable=True)
    label, y, x = (index[order[:MAX_DETECTIONS]] for index in (label, y, x))
    left, top, right, bottom = extents[0, :, y, x]
    stride = centernet.STRIDE
    boxes = torch.stack((x * stride - left, y * stride - top, x * stride + right, y * stride + bottom), 1)
    height, width = shape[:2]
    scale = boxes.new_tensor((width / columns, height / rows) * 2) / stride
    limit = boxes.new_tensor((width, height) * 2)
    boxes = torch.minimum((boxes * scale).clamp_min(0), limit)
    return torch.column_stack((boxes, logit[:MAX_DETECTIONS].sigmoid(), label)).float().cpu().numpy()


class TorchDetector(Task):
    """A frozen ``module`` with torchvision's detection interface: it takes a list of float32 (3, H, W) images in 0..1
    and returns for each a dict of ``boxes`` (n, 4) in pixels x0, y0, x1, y1, ``scores`` (n,) and ``labels`` (n,).

    ``classes`` names the labels from 0 on; for torchvision's own models it is ``weights.meta["categories"]``, whose
    first entry is the background.
    """

    kind = "detection"
    version, libraries, not_identifying = 1, ("torch",), ("name", "device")

    def __init__(self, module: nn.Module, classes: Sequence[str], name: str = "", device: str = "cpu") -> None:
        self.module = module.to(device).eval().requires_grad_(False)
        self.classes = tuple(classes)
        self.name = name or type(module).__name__
        self.device = device

    def predict(self, images: Sequence[Image]) -> list[Any]:
        """The ``Detections`` of each uint8 (H, W, 3) image."""
        with torch.inference_mode():
            return [self._detections(self.module([x[0] / 255])) for x in to_tensors(images, self.device)]

    def _detections(self, output: Any) -> Detections:
        try:
            boxes, scores, labels = (output[0][part].cpu().numpy() for part in ("boxes", "scores", "labels"))
            detections = np.column_stack((boxes.reshape(-1, 4), scores, labels)).astype(np.float32)
        except (TypeError, KeyError, IndexError, AttributeError, ValueError) as error:
            wanted = "a list of one dict of the tensors boxes (n, 4), scores (n,) and labels (n,)"
            raise ContractError(f"task {self.name!r}: the detector must return {wanted} ({error!r})") from error
        return detections[np.argsort(-detections[:, 4], kind="stable")]


def coco_detector(device: str = "cpu") -> CenterNetDetector:
    """The embedded MobileNetV3-CenterNet with COCO's 80 classes."""
    return CenterNetDetector(centernet.pretrained(), "detection", device)

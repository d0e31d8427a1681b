"""Classification tasks: any torch network that gives logits, and the two that linksim brings.

    uint8 image ─► Preprocess (central square, resize, normalise) ─► network ─► logits ─► prediction = argmax

Everything between pixel values and logits is one ``nn.Module``, so that gradients of any class score with respect to
any named layer, or to the image, are autograd's business (see ``jscc.semantics``).
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from linksim.errors import ContractError, LinksimError, one_line
from linksim.link import Image
from linksim.tasks import efficientnet
from linksim.tasks.base import Task
from linksim.tasks.runtime import Compiled

IMAGENET_SIZE = 224
IMAGENET_CROP = 224 / 256
"""The share of the shorter side that EfficientNet's own evaluation keeps: 224 of 224 + 32 pixels."""


class Preprocess(nn.Module):
    """(N, 3, H, W) float32 of 0..255 to the network's (N, 3, size, size): central square of ``crop`` × the shorter
    side, bilinear resize (anti-aliased where it shrinks), (x - mean) / std. Differentiable. With ``size`` None the
    image is neither cropped nor resized."""

    mean: Tensor
    std: Tensor

    def __init__(
        self, size: int | None, mean: float | Sequence[float], std: float | Sequence[float], crop: float = 1.0
    ) -> None:
        super().__init__()
        if size is not None and size < 1:
            raise LinksimError(f"input size {size}: must be at least 1 pixel")
        if not 0 < crop <= 1:
            raise LinksimError(f"crop {crop}: must be above 0 and at most 1 (a share of the shorter side)")
        self.size, self.crop = size, crop
        for name, value in (("mean", mean), ("std", std)):
            channels = torch.as_tensor(value, dtype=torch.float32).flatten()
            if channels.numel() not in (1, 3) or (name == "std" and not bool((channels > 0).all())):
                raise LinksimError(f"{name} {value}: must be one number or three" + " above 0" * (name == "std"))
            self.register_buffer(name, channels.view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        if self.size is not None:
            x = self._resized(x, self.size)
        return (x - self.mean) / self.std

    def _resized(self, x: Tensor, size: int) -> Tensor:
        height, width = x.shape[-2:]
        side = max(1, round(min(height, width) * self.crop))
        top, left = (height - side) // 2, (width - side) // 2
        x = x[..., top : top + side, left : left + side]
        if side == size:
            return x
        return F.interpolate(x, (size, size), mode="bilinear", align_corners=False, antialias=True)

    def extra_repr(self) -> str:
        return f"size={self.size}, crop={self.crop}"


class PooledClassifier(nn.Module):
    """``head(backbone(preprocess(x)))``: logits (N, classes) of float32 images (N, 3, H, W) in 0..255.

    Layers are found by name as in any module: ``preprocess``, ``backbone.stem``, ``backbone.blocks.0`` to ``.15``,
    ``backbone.top`` (the last feature maps), ``backbone.pool``, ``head`` (the linear layer).
    """

    def __init__(self, preprocess: Preprocess, backbone: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.preprocess, self.backbone, self.head = preprocess, backbone, head

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(self.preprocess(x)))


class Classifier(Task):
    """What all classifiers share: the prediction is the class of the largest score.

    Images are classified one at a time: with a batch, the convolution library picks other kernels for other batch sizes
    and scores change in the last bits, so that a prediction could depend on its neighbours.
    """

    kind = "classification"
    device = "cpu"
    version, not_identifying = 1, ("name", "device")
    libraries: ClassVar[tuple[str, ...]] = ("torch",)

    @abstractmethod
    def class_scores(self, x: Tensor) -> Tensor:
        """(N, classes) logits, or anything that grows with them, of float32 images (N, 3, H, W) in 0..255."""

    def predict(self, images: Sequence[Image]) -> list[Any]:
        """The most likely class index of each uint8 (H, W, 3) image."""
        with torch.inference_mode():
            return [self._prediction(self._scores(x)) for x in to_tensors(images, self.device)]

    def _scores(self, x: Tensor) -> Any:
        """The scores that predictions come from; a runtime without gradients may give them."""
        return self.class_scores(x)

    def _prediction(self, scores: Any) -> int:
        if not isinstance(scores, Tensor):
            raise ContractError(
                f"task {self.name!r}: must give a tensor of scores, but gives {type(scores).__name__}; "
                "a detector goes into linksim.tasks.detection.TorchDetector"
            )
        if scores.ndim != 2 or scores.shape[0] != 1 or (self.classes and scores.shape[1] != len(self.classes)):
            wanted = f"(1, {len(self.classes) or 'classes'})"
            raise ContractError(f"task {self.name!r}: scores have shape {tuple(scores.shape)}, expected {wanted}")
        if not bool(torch.isfinite(scores).all()):
            raise ContractError(f"task {self.name!r}: scores are not finite")
        return int(scores.argmax())


class TorchClassifier(Classifier):
    """A frozen ``module`` that maps float32 images (N, 3, H, W) in 0..255 to logits (N, classes), differentiably.

    ``classes`` empty means the data set's own, in its order. ``digest`` identifies the weights where the module
    itself cannot (``module_digest``).
    """

    def __init__(
        self, module: nn.Module, classes: Sequence[str] = (), name: str = "", device: str = "cpu", digest: str = ""
    ) -> None:
        self.module = module.to(device).eval().requires_grad_(False)
        self.classes = tuple(classes)
        self.name = name or type(module).__name__
        self.device = device
        self.digest = digest

    def class_scores(self, x: Tensor) -> Tensor:
        """(N, classes) logits of float32 images (N, 3, H, W) in 0..255. Differentiable."""
        return self.module(x)


class PretrainedClassifier(TorchClassifier):
    """A ``PooledClassifier`` that predicts by ONNX Runtime if it is on the processor, and by torch elsewhere.

    ``class_scores`` and ``module`` are torch on any device. Their logits differ by rounding only, below 1e-4.
    """

    version, libraries = 2, ("torch", "onnxruntime")

    def __init__(self, module: PooledClassifier, classes: Sequence[str], name: str, device: str = "cpu") -> None:
        super().__init__(module, classes, name, device)
        self._preprocess, self._network = module.preprocess, None
        if torch.device(device).type == "cpu" and (size := module.preprocess.size) is not None:
            self._network = Compiled(nn.Sequential(module.backbone, module.head), (1, 3, size, size))

    def _scores(self, x: Tensor) -> Any:
        return self.class_scores(x) if self._network is None else self._network(self._preprocess(x))[0]


def to_tensors(images: Sequence[Image], device: str) -> Iterator[Tensor]:
    """Each uint8 (H, W, 3) image as float32 (1, 3, H, W) in 0..255, channels last in memory."""
    for image in images:
        yield torch.from_numpy(image).to(device).permute(2, 0, 1)[None].float()


def stamps10_classifier(device: str = "cpu") -> PretrainedClassifier:
    """EfficientNet-Lite0 features with a linear head for ``stamps10``, trained by ``linksim train-task``."""
    with as_file(files("linksim.tasks") / "weights") as folder:
        return classifier_with_head(folder / "stamps10_head.safetensors", device)


def classifier_with_head(path: Path, device: str = "cpu") -> PretrainedClassifier:
    """EfficientNet-Lite0 with the head in ``path`` (``weight`` (classes, 1280), ``bias``), as ``linksim train-task``
    writes it; the card beside it (``.json``) has its ``name``, ``classes`` and input ``size``."""
    try:
        card, head = json.loads(path.with_suffix(".json").read_text(encoding="utf-8")), load_file(path)
        linear = nn.Linear(efficientnet.FEATURES, len(card["classes"]))
        linear.load_state_dict({name: tensor.float() for name, tensor in head.items()})
        name, classes, size = card["name"], card["classes"], card["size"]
    except FileNotFoundError as error:
        raise LinksimError(f"classifier head: no such file: {error.filename or path}") from error
    except (ValueError, TypeError, KeyError, SafetensorError, RuntimeError) as error:
        why = one_line(error)
        raise LinksimError(f"classifier head {path}: not what 'linksim train-task' writes: {why}") from error
    backbone, _ = efficientnet.pretrained()
    preprocess = Preprocess(size, efficientnet.MEAN, efficientnet.STD)
    return PretrainedClassifier(PooledClassifier(preprocess, backbone, linear), classes, name, device)


def imagenet_classifier(device: str = "cpu") -> PretrainedClassifier:
    """EfficientNet-Lite0 with its own 1,000 classes at 224 pixels; ``classes`` are ImageNet's synset identifiers."""
    from linksim.tasks.classes import imagenet_synsets

    backbone, linear = efficientnet.pretrained()
    preprocess = Preprocess(IMAGENET_SIZE, efficientnet.MEAN, efficientnet.STD, IMAGENET_CROP)
    module = PooledClassifier(preprocess, backbone, linear)
    return PretrainedClassifier(module, imagenet_synsets(), "imagenet", device)

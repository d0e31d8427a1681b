"""What a prediction costs: milliseconds per image of the downstream tasks in each runtime, on one processor.

    python benchmarks/tasks.py [--compile]

Processor time is counted, not the clock's, so that other programs on the machine disturb it less. Each row is one
network on one already resized image at a time, as the tasks run; ``predict`` is the whole task from uint8 pixels to the
prediction, ``first`` that of the first image, for which the network is compiled, and ``memoised`` that of images seen
before. ``differs`` is the largest difference of the output to that of
a batch of eight: where it is not 0, a prediction could depend on its neighbours, hence no batches.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from linksim.tasks.classification import IMAGENET_SIZE, imagenet_classifier
from linksim.tasks.detection import SIZE, coco_detector
from linksim.tasks.memo import Memo
from linksim.tasks.runtime import Compiled

IMAGES = 8
Runtime = Callable[[Tensor], Any]


def milliseconds(function: Callable[[Any], Any], arguments: Sequence[Any], repeats: int = 5) -> float:
    """Per argument, the median of several rounds, after one that is not counted."""
    times = []
    for _ in range(repeats + 1):
        started = time.process_time()
        for argument in arguments:
            function(argument)
        times.append(time.process_time() - started)
    return 1e3 * statistics.median(times[1:]) / len(arguments)


def first(output: Any) -> Tensor:
    """A network's main output: logits, or heat maps."""
    return output[0] if isinstance(output, list | tuple) else output


def unfolded(network: nn.Module) -> nn.Module | None:
    """The published EfficientNet-Lite0 with its batch norms, if its package is installed and this is that network."""
    from linksim.tasks import efficientnet

    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        return None
    if not any(isinstance(part, efficientnet.EfficientNetLite0) for part in network.children()):
        return None
    published = EfficientNet.from_name("efficientnet-lite0")
    published.load_state_dict(torch.load(efficientnet.weights_path(), weights_only=True))
    return published.eval()


def runtimes(network: nn.Module, example: Tensor, compiled: bool) -> dict[str, Runtime]:
    """The network in every runtime that is installed."""
    found: dict[str, Runtime] = {"torch": network}
    if (published := unfolded(network)) is not None:
        found["torch, batch norms not folded"] = published
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(network, example)
        found["torch.jit.freeze"] = torch.jit.freeze(traced)
        found["torch.jit.optimize_for_inference"] = torch.jit.optimize_for_inference(traced)
    found["ONNX Runtime"] = onnx_runtime(network)
    if compiled:
        found["torch.compile"] = torch.compile(network)
    return found


def onnx_runtime(network: nn.Module) -> Runtime:
    """The network in ONNX Runtime, compiled for each shape that it sees."""
    compiled: dict[torch.Size, Compiled] = {}
    return lambda x: compiled.setdefault(x.shape, Compiled(network, x.shape))(x)


def report(title: str, network: nn.Module, size: int, compiled: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    batch = torch.rand(IMAGES, 3, size, size, generator=generator)
    batch = (batch * 2 - 1 if size != SIZE else batch * 255).contiguous(memory_format=torch.channels_last)
    single = [batch[i : i + 1].contiguous(memory_format=torch.channels_last) for i in range(IMAGES)]
    print(f"\n{title}, {size} x {size}\n{'runtime':34} {'ms/image':>9} {'ms in a batch of 8':>19} {'differs':>9}")
    with torch.inference_mode():
        for name, run in runtimes(network, single[0], compiled).items():
            alone = milliseconds(run, single)
            together = milliseconds(run, [batch]) / IMAGES
            differs = (torch.cat([first(run(x)) for x in single]) - first(run(batch))).abs().max().item()
            print(f"{name:34} {alone:9.1f} {together:19.1f} {differs:9.1e}", flush=True)


def whole(title: str, task: Any, shape: tuple[int, int, int]) -> None:
    random = np.random.default_rng(0)
    images = [[random.integers(0, 256, shape, dtype=np.uint8)] for _ in range(IMAGES)]
    memo = Memo(task)
    started = time.process_time()
    task.predict(images[0])
    first_one = 1e3 * (time.process_time() - started)
    fresh, known = milliseconds(task.predict, images), milliseconds(memo.predict, images)
    size = f"{shape[0]} x {shape[1]} pixels"
    print(
        f"{title}, predict of {size}: {fresh:.1f} ms; first: {first_one:.0f} ms; memoised: {known:.3f} ms", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compile", action="store_true", help="torch.compile too (a minute each)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread")
    classifier, detector = imagenet_classifier(), coco_detector()
    network = nn.Sequential(classifier.module.backbone, classifier.module.head).eval()
    for size in (96, 160, IMAGENET_SIZE):
        report("classification", network, size, arguments.compile and size == 160)
    report("detection", detector.module.network, SIZE, arguments.compile)
    print()
    whole("classification (ImageNet)", classifier, (96, 96, 3))
    whole("detection", detector, (384, 384, 3))


if __name__ == "__main__":
    main()

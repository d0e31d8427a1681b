"""How fast the learned link runs: images per second, and its share of the machine's matrix-product rate.

    python benchmarks/jscc.py [--width 96] [--size 96] [--threads 1]

The rate of reference is that of float32 matrix products of 1024×1024, measured here and now with the same number of
threads; a network's multiplications and additions are counted from its layers' shapes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from jscc.losses import pixel_loss
from jscc.networks import JSCC, Architecture, channels_last
from jscc.torch_link import BATCH


def seconds(function: Callable[[], object], repeats: int = 7) -> float:
    """The fastest of several calls, after one that is not counted."""
    function()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times)


def matmul_rate() -> float:
    """float32 operations per second (a multiplication and an addition are two) of a 1024×1024 matrix product."""
    a, b = torch.rand(1024, 1024), torch.rand(1024, 1024)
    return 2 * 1024**3 / seconds(lambda: a @ b)


def operations(network: nn.Module, run: Callable[[], object]) -> int:
    """Multiplications and additions in the convolutions of one call."""
    total = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d):
            total += 2 * output.numel() * module.weight[0].numel()

    hooks = [m.register_forward_hook(count) for m in network.modules()]
    run()
    for hook in hooks:
        hook.remove()
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rate = matmul_rate()
    network = channels_last(JSCC(Architecture(width=args.width))).eval()
    parameters = sum(p.numel() for p in network.parameters())
    print(f"{parameters} parameters, {args.threads} thread(s), matrix products {rate / 1e9:.1f} GFLOP/s")
    images = (torch.rand(BATCH, 3, args.size, args.size) * 255).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        elements = network.encode(images)
        report("encode", network, lambda: network.encode(images), rate)
        report("decode", network, lambda: network.decode(elements, args.size, args.size), rate)
    adam = torch.optim.Adam(network.train().parameters(), 1e-9)

    def step() -> None:
        loss = pixel_loss(network(images, torch.tensor([5.0])), images)
        adam.zero_grad()
        loss.backward()
        adam.step()

    report("training step (backward counted as two forward)", network, step, rate, passes=3)


def report(name: str, network: nn.Module, run: Callable[[], object], rate: float, passes: int = 1) -> None:
    work, took = passes * operations(network, run), seconds(run)
    share = work / took / rate
    print(
        f"{name}: {BATCH / took:.1f} images/s, {work / took / 1e9:.1f} GFLOP/s, {share:.0%} of the matrix-product rate"
    )


if __name__ == "__main__":
    main()

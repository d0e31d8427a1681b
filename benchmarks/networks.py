"""How fast the learned link runs: images per second, and its share of the machine's matrix-product rate.

    python benchmarks/networks.py [--width 96] [--size 96] [--threads 1] [--runs 5]

The rate of reference is that of float32 matrix products of 1024×1024, measured here and now with the same number of
threads, in turns with the network; its multiplications and additions are counted from its layers' shapes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from timing import medians
from torch import Tensor, nn

from jscc.architecture import Architecture
from jscc.losses import pixel_loss
from jscc.networks import JSCC, channels_last
from jscc.torch_link import BATCH

PRODUCT = "matrix product"
STEP = "training step (backward counted as two forward)"


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
    """Time the network beside matrix products."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    network = channels_last(JSCC(Architecture(width=args.width))).eval()
    images = (torch.rand(BATCH, 3, args.size, args.size) * 255).contiguous(memory_format=torch.channels_last)
    adam = torch.optim.Adam(network.parameters(), 1e-9)
    a, b = torch.rand(1024, 1024), torch.rand(1024, 1024)
    with torch.inference_mode():
        elements = network.encode(images)

    def step() -> None:
        loss = pixel_loss(network(images, torch.tensor([5.0])), images)
        adam.zero_grad()
        loss.backward()
        adam.step()

    inference = torch.inference_mode()
    works: dict[str, Callable[[], object]] = {
        PRODUCT: lambda: a @ b,
        "encode": inference(lambda: network.encode(images)),
        "decode": inference(lambda: network.decode(elements, args.size, args.size)),
        STEP: step,
    }
    forward = {name: operations(network, work) for name, work in works.items()}
    counted = forward | {PRODUCT: 2 * 1024**3, STEP: 3 * forward[STEP]}
    seconds = medians(works, args.runs, time.process_time if args.threads == 1 else time.perf_counter)
    rates = {name: counted[name] / took for name, took in seconds.items()}
    parameters = sum(p.numel() for p in network.parameters())
    print(f"{parameters} parameters, {args.threads} thread(s), matrix products {rates[PRODUCT] / 1e9:.1f} GFLOP/s")
    for name in list(works)[1:]:
        share = rates[name] / rates[PRODUCT]
        print(f"{name}: {BATCH / seconds[name]:.1f} images/s, {rates[name] / 1e9:.1f} GFLOP/s, {share:.0%} of that")


if __name__ == "__main__":
    main()

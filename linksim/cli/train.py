"""``linksim train``: train a learned link, or fine-tune one."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linksim.cli.device import check_device
from linksim.errors import LinksimError

if TYPE_CHECKING:
    from jscc.training import Progress, Run


def train(
    method: Annotated[str, typer.Argument(help="deepjscc, deepjscc-analog, sdjscc, sdjscc-nogsw, sdjscc-paper ...")],
    out: Annotated[Path, typer.Option(help="Folder of the run; a second call goes on from it.")],
    bpp: Annotated[float, typer.Option(help="Elements per pixel, a multiple of 1/64 (analog: 1/16).")] = 0.25,
    snr: Annotated[str, typer.Option(help="Training Es/N0 in dB: 5, or 0:20 for a random one per image.")] = "5",
    start: Annotated[
        Path | None, typer.Option(help="Checkpoint to fine-tune (stage 2); without it training starts anew (stage 1).")
    ] = None,
    preset: Annotated[
        str, typer.Option(help="Recipe: cpu (for two processor cores) or paper (the paper's own).")
    ] = "cpu",
    data: Annotated[str, typer.Option(help="Data set, or folder with *.npy images, to train on.")] = "stamps10/train",
    val: Annotated[str, typer.Option(help="Data set to validate on.")] = "stamps10/val",
    val_images: Annotated[int, typer.Option(help="How many of its images.")] = 128,
    task: Annotated[str, typer.Option(help="Downstream task; none to do without (deepjscc only).")] = "classify",
    loss: Annotated[str, typer.Option(help="pixel, features, gsw, classwise or verdict; empty: the method's.")] = "",
    layer: Annotated[str, typer.Option(help="The task's layer whose features are compared.")] = "",
    variant: Annotated[str, typer.Option(help="Weights of the gsw loss: paper, absolute or predicted.")] = "",
    tau: Annotated[float | None, typer.Option(help="Temperature of the gsw weights (eq. 10).")] = None,
    r: Annotated[float | None, typer.Option(help="Scale of the gsw weights (eq. 10); default: their number.")] = None,
    per_image: Annotated[
        bool | None, typer.Option(help="gsw weights of each image, not of the calibration set; default: the method's.")
    ] = None,
    pixel_weight: Annotated[float | None, typer.Option(help="Share of the pixel loss beside the semantic one.")] = None,
    mapping: Annotated[str, typer.Option(help="antipodal, unipolar or analog; empty: the method's.")] = "",
    steps: Annotated[int | None, typer.Option(help="Steps, instead of the preset's.")] = None,
    batch: Annotated[int | None, typer.Option(help="Images per step, instead of the preset's.")] = None,
    crop: Annotated[int | None, typer.Option(help="Pixels each way, instead of the preset's.")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate, instead of the preset's.")] = None,
    warmup: Annotated[int | None, typer.Option(help="Steps of linear warm-up, instead of the preset's.")] = None,
    validate_every: Annotated[int | None, typer.Option(help="Steps between validations, each of which saves.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of weights, batches and noise.")] = 0,
    threads: Annotated[int, typer.Option(help="Processor threads of torch; 0: its own choice.")] = 0,
    device: Annotated[str, typer.Option(help="Where to train: cpu, cuda, cuda:1, mps.")] = "cpu",
    amp: Annotated[bool | None, typer.Option(help="Multiply in bfloat16; default: on CUDA.")] = None,
    compiled: Annotated[bool | None, typer.Option("--compile/--no-compile", help="Default: on CUDA.")] = None,
) -> int:
    """Train a learned link: stage 1 on pixels, or with --start stage 2 on the method's loss."""
    import torch

    from jscc.methods import resolve
    from jscc.presets import recipe
    from jscc.training import Run

    check_device(device)
    if threads:
        torch.set_num_threads(threads)
    cuda = device.startswith("cuda")
    changed = {"steps": steps, "batch": batch, "crop": crop, "lr": lr, "warmup": warmup}
    wanted_loss = {"semantic": loss, "layer": layer, "variant": variant, "tau": tau, "r": r}
    run = Run(
        method=resolve(method),
        architecture=_architecture(method, bpp, mapping),
        snr_db=_snr_range(snr),
        loss=_loss(method, start is not None, wanted_loss | {"pixel_weight": pixel_weight, "per_image": per_image}),
        recipe=_replace(recipe(preset, "tune" if start else "base"), changed | {"validate_every": validate_every}),
        seed=seed,
        start=start,
        amp=cuda if amp is None else amp,
    )
    _run(run, out, data, (val, val_images), task, device, cuda if compiled is None else compiled)
    return 0


def _replace(defaults: Any, changes: dict[str, Any]) -> Any:
    """A frozen dataclass with those fields replaced that were given (not None or empty; zero is given)."""
    return dataclasses.replace(defaults, **{k: v for k, v in changes.items() if v is not None and v != ""})


def _architecture(method: str, bpp: float, mapping: str) -> Any:
    from jscc.methods import learned_method

    return _replace(learned_method(method).architecture(bpp), {"mapping": mapping})


def _loss(method: str, tuning: bool, changes: dict[str, Any]) -> Any:
    """Stage 1 is on pixels whatever the method, unless a loss is asked for."""
    from jscc.losses import Loss
    from jscc.methods import learned_method

    default = learned_method(method).loss if tuning or changes["semantic"] else Loss("pixel")
    return _replace(default, changes)


def _snr_range(text: str) -> tuple[float, float]:
    try:
        low, _, high = text.partition(":")
        return float(low), float(high or low)
    except ValueError:
        raise LinksimError(f"--snr {text!r}: must be one number of dB, or LOW:HIGH") from None


def _run(run: Run, out: Path, data: str, val: tuple[str, int], task: str, device: str, compiled: bool) -> None:
    from jscc.data import TrainingImages
    from jscc.training import Trainer
    from jscc.validation import ValidationSet
    from linksim import registry

    folder = Path(data)
    arrays = folder.is_dir() and any(folder.glob("*.npy"))
    images = TrainingImages.from_folder(folder) if arrays else TrainingImages.from_dataset(registry.dataset(data))
    teacher = None if task == "none" else registry.task(task, device)
    module = getattr(teacher, "module", None)
    if teacher is not None and module is None:
        raise LinksimError(f"task {task!r}: has no torch module to take gradients through")
    trainer = Trainer(
        run,
        images,
        ValidationSet.from_dataset(registry.dataset(val[0]), val[1], module),
        out,
        device=device,
        task_facts={} if teacher is None else teacher.identity(),
        command=shlex.join(["linksim", *sys.argv[1:]]),
        compiled=compiled,
    )
    card = trainer.train(_print)
    print(f"{trainer.checkpoint}: " + ", ".join(f"{k} {v:.4g}" for k, v in card.metrics.items()))


def _print(progress: Progress) -> None:
    """One line on standard error per report."""
    metrics = "".join(f", {name} {value:.4g}" for name, value in progress.metrics.items())
    line = f"step {progress.step} of {progress.steps}, loss {progress.loss:.4g}{metrics}"
    print(f"{line}, {progress.eta_seconds / 60:.1f} min left", file=sys.stderr, flush=True)
    if progress.warning:
        print(f"warning: {progress.warning}", file=sys.stderr, flush=True)

"""``linksim train``: train a learned link, or fine-tune one."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linksim.cli.command import check_range, keeping, listed, one_of, option, registered, some_of
from linksim.cli.device import check_device
from linksim.cli.options import EXECUTION, RESULTS, Device, ratio
from linksim.errors import LinksimError

if TYPE_CHECKING:
    from jscc.training import Progress, Run


EXAMPLES = (
    "linksim train deepjscc --bpp 1/4 --snr 5 --out runs/base",
    "linksim train sdjscc --start runs/base/checkpoint.safetensors --out runs/tuned",
    "linksim train deepjscc --snr 0:20 --preset paper --device cuda --out runs/gpu",
)
NETWORK, IMAGES, OBJECTIVE, OPTIMISATION = "Network and channel", "Images", "Loss", "Optimisation"


def train(
    method: Annotated[
        str,
        typer.Argument(
            help="Learned method: {names}.",
            **one_of("learned method", listed("jscc.methods:METHODS", "jscc.methods:ALIASES")),
        ),
    ],
    out: Annotated[Path, option(RESULTS, "Folder of the run; the same command resumes.")],
    bpp: Annotated[str, option(NETWORK, "Elements per pixel, a multiple of 1/64 (analog: 1/16).")] = "0.25",
    mapping: Annotated[
        str | None,
        option(
            NETWORK,
            "Values of an element: {names}.",
            default="the method's",
            **one_of("mapping", listed("jscc.architecture:MAPPINGS")),
        ),
    ] = None,
    snr: Annotated[str, option(NETWORK, "Training Es/N0 in dB: 5, or 0:20 for a random one per image.")] = "5",
    data: Annotated[str, option(IMAGES, "Data set, or folder with *.npy images, to train on.")] = "stamps10/train",
    val: Annotated[str, option(IMAGES, "Data set to validate on.")] = "stamps10/val",
    val_images: Annotated[int, option(IMAGES, "Number of validation images.")] = 128,
    crop: Annotated[int | None, option(IMAGES, "Pixels each way of a training image.", default="the preset's")] = None,
    loss: Annotated[
        str | None,
        option(
            OBJECTIVE,
            "Loss: {names}.",
            default="pixel; with --start the method's",
            **one_of("loss", listed("jscc.loss:TERMS")),
        ),
    ] = None,
    pixel_weight: Annotated[
        float | None, option(OBJECTIVE, "Weight of the pixel loss beside the semantic one.", default="the method's")
    ] = None,
    task: Annotated[
        str,
        option(
            OBJECTIVE,
            "Downstream task: {names}, package.module:function or a model file; none for the pixel loss.",
            **some_of(registered("linksim.tasks")),
        ),
    ] = "classify",
    layer: Annotated[
        str | None, option(OBJECTIVE, "Layer of the task whose features are compared.", default="the method's")
    ] = None,
    variant: Annotated[
        str | None,
        option(
            OBJECTIVE,
            "Weights of the gsw loss: {names}.",
            default="the method's",
            **one_of("GSW variant", listed("jscc.loss:VARIANTS")),
        ),
    ] = None,
    tau: Annotated[
        float | None, option(OBJECTIVE, "Temperature of the gsw weights (eq. 10).", default="the method's")
    ] = None,
    r: Annotated[float | None, option(OBJECTIVE, "Scale of the gsw weights (eq. 10).", default="their number")] = None,
    per_image: Annotated[
        bool | None,
        option(
            OBJECTIVE,
            "Weights of the gsw loss from each image, or from the calibration set.",
            "--per-image/--no-per-image",
            default="the method's",
        ),
    ] = None,
    preset: Annotated[
        str,
        option(
            OPTIMISATION,
            "Settings: {names}; cpu suits two processor cores.",
            **one_of("preset", listed("jscc.presets:PRESETS")),
        ),
    ] = "cpu",
    start: Annotated[
        Path | None, option(OPTIMISATION, "Checkpoint to fine-tune.", default="train from scratch")
    ] = None,
    steps: Annotated[int | None, option(OPTIMISATION, "Number of steps.", default="the preset's")] = None,
    batch: Annotated[int | None, option(OPTIMISATION, "Images per step.", default="the preset's")] = None,
    lr: Annotated[float | None, option(OPTIMISATION, "Peak learning rate.", default="the preset's")] = None,
    warmup: Annotated[int | None, option(OPTIMISATION, "Steps of linear warm-up.", default="the preset's")] = None,
    validate_every: Annotated[
        int | None, option(OPTIMISATION, "Steps between validations; each saves the state.", default="the preset's")
    ] = None,
    seed: Annotated[int, option(OPTIMISATION, "Seed of weights, batches and noise.")] = 0,
    device: Device = "cpu",
    threads: Annotated[int, option(EXECUTION, "Processor threads of torch; 0 for its own choice.")] = 0,
    amp: Annotated[bool | None, option(EXECUTION, "Multiply in bfloat16.", "--amp/--no-amp", default="on CUDA")] = None,
    compiled: Annotated[
        bool | None, option(EXECUTION, "Compile the network.", "--compile/--no-compile", default="on CUDA")
    ] = None,
) -> int:
    """Train a learned link, or fine-tune one.

    Without --start, stage 1 trains a network on pixels. With it, stage 2 fine-tunes a checkpoint on the method's loss.
    """
    import torch

    from jscc.methods import resolve
    from jscc.presets import recipe
    from jscc.training import Run

    check_device(device)
    check_range("--threads", threads, 0, 1024)
    check_range("--seed", seed, 0, 2**63 - 1)
    if threads:
        torch.set_num_threads(threads)
    cuda = device.startswith("cuda")
    changed = {"steps": steps, "batch": batch, "crop": crop, "lr": lr, "warmup": warmup}
    wanted_loss = {"semantic": loss, "layer": layer, "variant": variant, "tau": tau, "r": r}
    run = Run(
        method=resolve(method),
        architecture=_architecture(method, ratio("--bpp", bpp), mapping),
        snr_db=_snr_range(snr),
        loss=_loss(method, start is not None, wanted_loss | {"pixel_weight": pixel_weight, "per_image": per_image}),
        recipe=_replace(recipe(preset, "tune" if start else "base"), changed | {"validate_every": validate_every}),
        seed=seed,
        start=start,
        amp=cuda if amp is None else amp,
    )
    with keeping(lambda: _kept(out)):
        _run(run, out, data, (val, val_images), task, device, cuda if compiled is None else compiled)
    return 0


def _kept(out: Path) -> str:
    """What a run that is stopped leaves in its folder."""
    if (out / "state.safetensors").exists():
        return f"the state of the last validation is in {out}; the same command resumes from it"
    return "there was no validation yet, so nothing is kept; --validate-every sets their distance"


def _replace(defaults: Any, changes: dict[str, Any]) -> Any:
    """A frozen dataclass with those fields replaced that were given (not None; zero is given)."""
    return dataclasses.replace(defaults, **{k: v for k, v in changes.items() if v is not None})


def _architecture(method: str, bpp: float, mapping: str | None) -> Any:
    from jscc.methods import learned_method

    return _replace(learned_method(method).architecture(bpp), {"mapping": mapping})


def _loss(method: str, tuning: bool, changes: dict[str, Any]) -> Any:
    """Stage 1 is on pixels whatever the method, unless a loss is asked for."""
    from jscc.loss import Loss
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

"""Train the checkpoints that come with the package: the plan as data, most valuable first.

    python tools/train_shipped.py --data FOLDER --runs runs/shipped [--only NAME ...] [--list | --dry-run | --export]
    python tools/train_shipped.py --data FOLDER --runs runs/device --plan device --device cuda

What is finished is skipped and what was interrupted is resumed, so the plan can be continued on any later day, and by
several processes at once, each with its own ``--only``. FOLDER holds the training images (``*.npy``, uint8
(N, 96, 96, 3)); it comes from ``tools/make_training_data.py --out FOLDER``, and for the shipped checkpoints was
``runs/training``. Without ``--data`` the embedded ``stamps10/train`` is composed. The validation split of stamps10
decides everything; the test split is never opened. ``--plan device`` is for a GPU: longer stages of larger batches.
``--dry-run`` times a few steps of each stage here and prints how long all will take; ``--export`` ships the best
network of a run that is not finished.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from jscc import shipped
from jscc.data import TrainingImages
from jscc.loss import Loss
from jscc.methods import METHODS, resolve
from jscc.presets import PRESETS, Recipe
from jscc.training import Progress, Run, Trainer
from jscc.validation import ValidationSet
from linksim import registry

BASE, TUNE = PRESETS["cpu"]["base"], PRESETS["cpu"]["tune"]
ADAPT = replace(BASE, steps=3000, lr=5e-4, warmup=50)
SHORT = replace(TUNE, steps=250, validate_every=125)
VAL_IMAGES = 256
WARM, TIMED = 5, 20
"""Steps of a dry run before those that are timed, and those."""
PIXEL, ABSOLUTE = Loss("pixel"), METHODS["sdjscc-absolute"].loss
LOG = Loss("pixel", pixels="log")


@dataclass(frozen=True)
class Planned:
    """One checkpoint: what it is called, the method it serves ('base' serves none, others start from it), and how."""

    name: str
    method: str
    bpp: float
    snr_db: tuple[float, float]
    loss: Loss
    recipe: Recipe
    start: str = ""

    def run(self, runs: Path) -> Run:
        kind = METHODS.get(self.method, METHODS["deepjscc"])
        start = _checkpoint(runs, self.start) if self.start else None
        return Run(self.method, kind.architecture(self.bpp), self.snr_db, self.loss, self.recipe, start=start, amp=True)


def tuned(
    method: str, bpp: float, snr: float, start: str, recipe: Recipe = SHORT, loss: Loss | None = None, suffix: str = ""
) -> Planned:
    """Stage 2 of a method: those that are compared have the same data and the same number of steps."""
    name = f"{method}-{bpp:g}bpp-{snr:g}dB{suffix}"
    return Planned(name, method + suffix, bpp, (snr, snr), loss or METHODS[method].loss, recipe, start)


START, FIRST, WIDE = "start-0.5bpp-0to20dB", "base-0.25bpp-5dB", "deepjscc-0.5bpp-0to20dB"
SD = resolve("sdjscc")
LONG = replace(BASE, steps=20_000, decay=False, validate_every=5_000)
ANALOG, SEMANTIC = "deepjscc-analog", "sdjscc-analog"
STEADY = replace(BASE, steps=400_000, crop=96, lr=5e-4, warmup=200, decay=False, ema=0.999, validate_every=1_000)
TUNE_ANALOG = replace(TUNE, steps=3_000, lr=3e-4, ema=0.998, validate_every=500)
WHOLE = replace(BASE, steps=10_000, crop=96, warmup=50, validate_every=2_000)
PLAN: tuple[Planned, ...] = (
    # the two bases that all else starts from: crops at a constant rate first, then whole images while the rate falls
    Planned(START, "base", 0.5, (0, 20), PIXEL, LONG),
    Planned(WIDE, "deepjscc", 0.5, (0, 20), PIXEL, WHOLE, START),
    Planned(FIRST, "base", 0.25, (5, 5), PIXEL, WHOLE, START),
    # fig4, table 2 and results/remedies: everything at 0.25 bpp and 5 dB
    *(tuned(name, 0.25, 5, FIRST, TUNE) for name in ("deepjscc", SD, "sdjscc-kl", "sdjscc-nogsw")),
    # eq. 13 alone: at the others' learning rate it ends at a constant image; this one is nearer to the paper's 1e-5
    tuned("sdjscc-paper", 0.25, 5, FIRST, replace(TUNE, lr=3e-5)),
    # fig8: several training SNRs at 0.5 bpp, from the base over random SNR
    *(tuned(SD, 0.5, snr, WIDE) for snr in (5, 20, 10, 0)),
    # fig6 and table 1: several bpp at 20 dB, with and without GSW
    tuned("sdjscc-nogsw", 0.5, 20, WIDE),
    *(
        planned
        for bpp in (0.25, 0.125)
        for planned in (
            Planned(f"base-{bpp:g}bpp-20dB", "base", bpp, (20, 20), PIXEL, ADAPT, FIRST),
            tuned(SD, bpp, 20, f"base-{bpp:g}bpp-20dB"),
            tuned("sdjscc-nogsw", bpp, 20, f"base-{bpp:g}bpp-20dB"),
            tuned("deepjscc", bpp, 20, f"base-{bpp:g}bpp-20dB"),
        )
    ),
    # fig7 and results/weights: weights that do not cancel, at 0.5 bpp over a good channel
    *(
        tuned("sdjscc-absolute", 0.5, 20, WIDE, loss=replace(ABSOLUTE, tau=tau), suffix=f"-tau{tau:g}")
        for tau in (1.0, 1000.0, 10000.0)
    ),
    *(tuned(name, 0.5, 20, WIDE) for name in ("deepjscc", "sdjscc-absolute", "sdjscc-predicted", "sdjscc-per-image")),
    # the network that most papers compare with
    Planned(
        "deepjscc-bourtsoulatze-0.25bpp-5dB", "deepjscc-bourtsoulatze", 0.25, (5, 5), PIXEL, replace(BASE, steps=4000)
    ),
    # one analog network for all SNRs and rates: a constant learning rate and averaged weights, so it may be stopped
    # and exported at any step
    Planned(ANALOG, "deepjscc-analog", 1.0, (-2, 22), LOG, STEADY, FIRST),
    Planned(SEMANTIC, SEMANTIC, 1.0, (-2, 22), METHODS[SEMANTIC].loss, TUNE_ANALOG, ANALOG),
)

MANY = Recipe(steps=400_000, batch=32, crop=96, lr=1e-3, warmup=1_000, ema=0.999, validate_every=5_000)
FINE = Recipe(steps=30_000, batch=32, crop=96, lr=2e-4, warmup=100, ema=0.999, validate_every=1_000)
DEVICE_PLAN: tuple[Planned, ...] = (
    Planned(ANALOG, "deepjscc-analog", 1.0, (-2, 22), LOG, MANY),
    Planned(SEMANTIC, SEMANTIC, 1.0, (-2, 22), METHODS[SEMANTIC].loss, FINE, ANALOG),
    Planned(FIRST, "base", 0.25, (5, 5), PIXEL, MANY),
    *(tuned(name, 0.25, 5, FIRST, FINE) for name in ("deepjscc", SD, "sdjscc-kl", "sdjscc-nogsw")),
)
PLANS = {"cpu": PLAN, "device": DEVICE_PLAN}


def _checkpoint(runs: Path, name: str) -> Path:
    """A finished checkpoint: in the folder of its run, or else shipped."""
    path = runs / name / f"{name}.safetensors"
    return path if path.exists() else shipped.FOLDER / f"{name}.safetensors"


def is_needed(planned: Planned, runs: Path, plan: tuple[Planned, ...]) -> bool:
    """Whether it is still to be trained: begun and unfinished, or neither run nor shipped. A run on a device replaces
    what is shipped; of the other plan, a base is not needed once all that starts from it is there."""
    folder = runs / planned.name
    if (folder / f"{planned.name}.safetensors").exists():
        return False
    if plan is DEVICE_PLAN or (folder / "state.safetensors").exists():
        return True
    if _checkpoint(runs, planned.name).exists():
        return False
    return planned.method != "base" or any(p.start == planned.name and is_needed(p, runs, plan) for p in plan)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of training images; default: the embedded stamps10/train")
    parser.add_argument("--runs", type=Path, default=Path("runs/shipped"), help="folder of the runs")
    parser.add_argument("--only", nargs="*", help="names of planned checkpoints; default: all, in order")
    parser.add_argument("--val-images", type=int, default=VAL_IMAGES, help="images of stamps10/val")
    parser.add_argument("--threads", type=int, default=1, help="processor threads")
    parser.add_argument("--plan", choices=PLANS, default="cpu", help="which stages")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--list", action="store_true", help="show the plan and what is to be done")
    parser.add_argument(
        "--dry-run", action="store_true", help="time a few steps of each stage and print what all takes"
    )
    parser.add_argument("--export", action="store_true", help="ship the best networks of unfinished runs")
    args = parser.parse_args()
    plan = PLANS[args.plan]
    todo = [p for p in plan if not args.only or p.name in args.only]
    if args.list:
        for planned in todo:
            print("    " if is_needed(planned, args.runs, plan) else "done", planned.name)
        return
    torch.set_num_threads(args.threads)
    task: Any = registry.task("classify", args.device)
    data = TrainingImages.from_folder(args.data) if args.data else None
    data = data or TrainingImages.from_dataset(registry.dataset("stamps10/train"))
    validation = ValidationSet.from_dataset(registry.dataset("stamps10/val"), args.val_images, task.module)
    total = 0.0
    for planned in todo:
        if not is_needed(planned, args.runs, plan):
            continue

        def trainer_in(
            runs: Path, run: Run, name: str = planned.name, command: str = command_of(planned, args)
        ) -> Trainer:
            return Trainer(
                run,
                data,
                validation,
                runs / name,
                device=args.device,
                compiled=args.device != "cpu",
                task_facts=task.identity(),
                command=command,
            )

        if args.dry_run:
            total += estimate(planned, args.runs, trainer_in)
        elif args.export:
            trainer = trainer_in(args.runs, planned.run(args.runs))
            print(planned.name, trainer.export(shipped.FOLDER / trainer.checkpoint.name).metrics)
        else:
            train(planned, trainer_in(args.runs, planned.run(args.runs)))
    if args.dry_run:
        print(f"all: {total / 3600:.1f} h")


def estimate(planned: Planned, runs: Path, trainer_in: Callable[[Path, Run], Trainer]) -> float:
    """Seconds that a stage will take, from ``TIMED`` steps and one validation, printed. A start that is not trained yet
    is left out: it does not change the time."""
    run = planned.run(runs)
    if run.start is not None and not run.start.exists():
        run = replace(run, start=None)
    with tempfile.TemporaryDirectory() as folder:
        timed = {}
        for steps in (WARM, WARM + TIMED):
            brief = replace(run, recipe=replace(run.recipe, steps=steps, warmup=0, validate_every=steps))
            trainer = trainer_in(Path(folder) / str(steps), brief)
            validated = -time.monotonic()
            trainer.objective.scale_to(trainer.starting_pairs())
            validated += time.monotonic()
            timed[steps] = -time.monotonic()
            trainer.train()
            timed[steps] += time.monotonic()
    step = (timed[WARM + TIMED] - timed[WARM]) / TIMED
    seconds = planned.recipe.steps * step + planned.recipe.steps / planned.recipe.validate_every * validated
    print(f"{planned.name}: {planned.recipe.steps} steps of {step:.3g} s: {seconds / 3600:.1f} h", flush=True)
    return seconds


def command_of(planned: Planned, args: argparse.Namespace) -> str:
    """The command that trains this checkpoint alone, with the options that determine its weights."""
    words = ["python", "tools/train_shipped.py"]
    words += ["--plan", args.plan, "--device", args.device] if args.plan != "cpu" else []
    words += ["--data", str(args.data)] if args.data else []
    words += ["--val-images", str(args.val_images)] if args.val_images != VAL_IMAGES else []
    return shlex.join([*words, "--only", planned.name])


def train(planned: Planned, trainer: Trainer) -> None:
    """Train one planned checkpoint and put it, with its card, among the shipped ones; of the bases only the first."""
    card = trainer.train(lambda progress: _print(planned.name, progress))
    if planned.method != "base" or planned.name == FIRST:
        for path in (trainer.checkpoint, trainer.checkpoint.with_suffix(".json")):
            shutil.copy(path, shipped.FOLDER / path.name)
    print(f"{planned.name}: {card.metrics}", flush=True)


def _print(name: str, progress: Progress) -> None:
    metrics = "".join(f" {key}={value:.4g}" for key, value in progress.metrics.items())
    clock = datetime.now().strftime("%H:%M:%S")
    line = f"{clock} {name} {progress.step}/{progress.steps} loss={progress.loss:.4g}{metrics}"
    print(f"{line} {progress.eta_seconds / 60:.1f} min left {progress.warning}", flush=True)


if __name__ == "__main__":
    main()

"""Training a learned link, one stage at a time (Algorithm 1 of Sun et al., SD-JSCC, without its step 1).

    batch of the step ─► JSCC over AWGN at the training SNR ─► objective ─► Adam; now and then validate and save

Everything random in a step comes from (seed, step), and the state is saved at every validation, so a run that was
interrupted ends bit for bit where it would have ended (on the same machine, with the same number of threads).
"""

from __future__ import annotations

import copy
import itertools
import json
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jscc.architecture import Architecture
from jscc.card import Card
from jscc.checkpoint import load_checkpoint, save_checkpoint
from jscc.data import TrainingImages, batch_of, to_batch
from jscc.logs import TrainingLog
from jscc.loss import Loss
from jscc.losses import Objective
from jscc.networks import JSCC, channels_last
from jscc.presets import Recipe
from jscc.state import Best, load_state, save_state
from jscc.validation import Point, ValidationSet, idle_share, received_pairs, validate
from linksim.errors import LinksimError

CALIBRATION_IMAGES = 64
IDLE_LIMIT = 0.5
AHEAD = 8
"""Batches that are made ahead."""
ADAPTIVE_SNRS = (0.0, 5.0, 10.0, 20.0)
"""Es/N0 in dB at which a network for many SNRs is validated."""


@dataclass(frozen=True)
class Run:
    """Everything that determines one stage of training, data aside.

    snr_db: (low, high) of the training Es/N0 in dB, drawn uniformly for each image; equal for a fixed one.
    start: the checkpoint (NAME.safetensors) to go on from; its bpp may differ (``adapt``). amp: whether the
    networks, the task's too, multiply in bfloat16, which is faster where the processor has it (AVX-512).
    """

    method: str
    architecture: Architecture
    snr_db: tuple[float, float]
    loss: Loss
    recipe: Recipe
    seed: int = 0
    start: Path | None = None
    amp: bool = False

    def __post_init__(self) -> None:
        low, high = self.snr_db
        if not -30 <= low <= high <= 60:
            raise LinksimError(f"training SNR {low:g}:{high:g} dB: must rise within -30..60 dB")

    @property
    def points(self) -> tuple[Point, ...]:
        """Where the run is validated: the middle of its SNRs; for the adaptive network the SNRs and rates of papers."""
        arch, (low, high) = self.architecture, self.snr_db
        if not arch.is_adaptive:
            return (Point((low + high) / 2),)
        snrs = [snr for snr in ADAPTIVE_SNRS if low <= snr <= high] or [(low + high) / 2]
        few, some = arch.fewest, max(1, arch.elements // 4)
        return (*(Point(snr, some) for snr in snrs), Point(snrs[-1], few), Point(snrs[-1], arch.elements))


@dataclass(frozen=True)
class Progress:
    """One report: steps done and in all, recent loss, seconds left, validation metrics (empty between validations)
    and a warning if the encoder looks dead."""

    step: int
    steps: int
    loss: float
    eta_seconds: float
    metrics: dict[str, float]
    warning: str = ""


def adapt(network: JSCC, arch: Architecture) -> JSCC:
    """The network with another number of elements per cell: tensors of equal shape are copied, those at the latent
    keep the channels both have and new channels start from their random initial values.

    An adaptive network may start from a residual one: what only it has starts from its initial values, and the norm of
    the residual one's latent goes into the convolution before it.
    """
    source_kind = (network.arch.kind, network.arch.mapping)
    widens = network.arch.kind == "residual" and arch.is_adaptive
    if source_kind != (arch.kind, arch.mapping) and not widens:
        raise LinksimError(f"cannot start a {arch.kind}/{arch.mapping} network from a {network.arch.kind} one")
    adapted = JSCC(arch)
    target = adapted.state_dict()
    for name, source in (_as_adaptive(network) if widens else network.state_dict()).items():
        if name not in target or source.ndim != target[name].ndim:
            raise LinksimError(f"cannot start from this checkpoint: {name} has no counterpart in {arch}")
        common = tuple(slice(0, min(a, b)) for a, b in zip(source.shape, target[name].shape, strict=True))
        target[name][common] = source[common]
    return adapted.requires_grad_(True)


def _as_adaptive(network: JSCC) -> dict[str, Tensor]:
    """A residual network's tensors by the names of an adaptive one, the latent's norm folded into its convolution."""
    state = {name.replace("coder.", "coder.layers.", 1): t.clone() for name, t in network.state_dict().items()}
    mean, var = state.pop("encoder.layers.7.mean"), state.pop("encoder.layers.7.var")
    state["encoder.layers.6.bias"] = (state["encoder.layers.6.bias"] - mean) / (var + 1e-5).sqrt()
    state["encoder.layers.6.weight"] /= (var + 1e-5).sqrt()[:, None, None, None]
    return state


def step_generator(seed: int, step: int, device: str = "cpu") -> torch.Generator:
    """The random stream of one step: training SNRs, channels, noise, warps. Each kind of device has its own."""
    state = np.random.SeedSequence([seed, step, 1]).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state >> 1))


class Trainer:
    """One run in one folder. ``train`` returns the finished checkpoint's card; an interrupted folder is resumed.

    The folder holds ``state.safetensors`` (to resume), ``log.csv``, and at the end ``NAME.safetensors`` and
    ``NAME.json``, where NAME is the folder's own.
    """

    def __init__(
        self,
        run: Run,
        data: TrainingImages,
        validation: ValidationSet,
        folder: Path,
        device: str = "cpu",
        compiled: bool = False,
        task_facts: dict[str, Any] | None = None,
        command: str = "",
    ) -> None:
        self.run, self.data, self.validation, self.folder = run, data, validation, folder
        self.device = device
        self.task_facts, self.command = task_facts or {}, command
        self.network, self.start_facts, self.earlier_steps = self._initial_network()
        self.average = copy.deepcopy(self.network) if run.recipe.ema else self.network
        self.forward = torch.compile(self.network) if compiled else self.network
        self.adam = torch.optim.Adam(self.network.parameters(), run.recipe.lr, fused="cuda" in device)
        self.objective = Objective(run.loss, validation.task, self._calibration())
        self.best: Best | None = None

    @property
    def checkpoint(self) -> Path:
        return self.folder / f"{self.folder.name}.safetensors"

    def train(self, report: Callable[[Progress], None] = lambda _: None) -> Card:
        """Run to the last step (from the saved state, if there is one) and write the best network."""
        self.folder.mkdir(parents=True, exist_ok=True)
        first = self._resume()
        log = TrainingLog(self.folder, first)
        recipe, started = self.run.recipe, time.monotonic()
        losses: list[Tensor] = []
        for step, images in batches_of(self.data, self.run, range(first, recipe.steps), pinned="cuda" in self.device):
            losses.append(self._step(step, images))
            done = step + 1
            eta = (time.monotonic() - started) / (done - first) * (recipe.steps - done)
            if done % recipe.validate_every == 0 or done == recipe.steps:
                loss = _mean(losses, done)
                metrics, warning = self._validate(done)
                named = {"idle_channels" if k == "idle" else f"val_{k}": v for k, v in metrics.items()}
                log.add(done, {"lr": recipe.lr_at(step), "loss": loss} | named)
                self._save(done)
                report(Progress(done, recipe.steps, loss, eta, metrics, warning))
                losses = []
            elif done % 50 == 0:
                report(Progress(done, recipe.steps, _mean(losses[-50:], done), eta, {}))
        return self._finish(self.checkpoint, recipe.steps)

    def export(self, path: Path) -> Card:
        """Write the best network of an unfinished run as a checkpoint; the run can be resumed all the same."""
        done = self._resume()
        if self.best is None:
            raise LinksimError(f"{self.folder}: no validated network to export yet")
        return self._finish(path, done)

    def _initial_network(self) -> tuple[JSCC, dict[str, Any], int]:
        torch.manual_seed(self.run.seed)
        if self.run.start is None:
            network, facts, steps = JSCC(self.run.architecture), {}, 0
        else:
            loaded, card = load_checkpoint(self.run.start)
            network = adapt(loaded, self.run.architecture)
            facts, steps = {"name": self.run.start.stem, "sha256": card.sha256}, card.steps
        return channels_last(network.to(self.device)), facts, steps

    def _calibration(self) -> list[Tensor]:
        """Training images on which semantic weights are averaged (Algorithm 1, step 2)."""
        images = [
            self.data.images[i] for i in np.linspace(0, len(self.data.images) - 1, CALIBRATION_IMAGES).astype(int)
        ]
        shape = images[0].shape
        equal = [image for image in images if image.shape == shape]
        return [to_batch(equal[i : i + 8], self.device) for i in range(0, len(equal), 8)]

    def _identity(self) -> dict[str, Any]:
        run = asdict(self.run) | {"start": self.start_facts, "snr_db": list(self.run.snr_db)}
        predicted = {"validation": self.validation.digest, "task": self.task_facts}
        identity: dict[str, Any] = json.loads(json.dumps(run | {"data": self.data.digest} | predicted))
        return identity

    def starting_pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
        """(received, original) validation batches of the network as it is, at every point of the run."""
        for point in self.run.points:
            yield from received_pairs(self.network, self.validation, point, self.device)

    def _resume(self) -> int:
        """Steps already done. A fresh run measures the scale of its objective here, at the starting network."""
        state = self.folder / "state.safetensors"
        if not state.exists():
            self.objective.scale_to(self.starting_pairs())
            return 0
        facts, self.best = load_state(state, self.network, self.average, self.adam)
        if facts.get("run") != self._identity():
            raise LinksimError(f"{self.folder}: holds another run (other settings or data); give a new folder")
        self.objective.scales = facts["scales"]
        return int(facts["step"])

    def _step(self, step: int, images: Tensor) -> Tensor:
        """One step of Adam on uint8 images (N, H, W, 3); returns the loss without waiting for it."""
        recipe, run = self.run.recipe, self.run
        for group in self.adam.param_groups:
            group["lr"] = recipe.lr_at(step)
        batch = images.to(self.device, non_blocking=True).permute(0, 3, 1, 2).float()
        generator = step_generator(run.seed, step, self.device)
        low, high = run.snr_db
        snr = low + (high - low) * torch.rand(len(batch), generator=generator, device=self.device)
        channels = self._channels(len(batch), generator)
        self.network.train()
        with torch.autocast(self.device.partition(":")[0], torch.bfloat16, enabled=run.amp):
            loss = self.objective(self.forward(batch, snr, generator, channels).float(), batch, generator)
        self.adam.zero_grad()
        loss.backward()
        if recipe.clip:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        self.adam.step()
        self._average(step)
        return loss.detach()

    def _channels(self, images: int, generator: torch.Generator) -> Tensor | None:
        """How many latent channels of each image are sent: log-uniform over what the adaptive network may send."""
        arch = self.run.architecture
        if not arch.is_adaptive:
            return None
        low, high = math.log2(arch.fewest), math.log2(arch.elements)
        drawn = 2 ** (low + (high - low) * torch.rand(images, generator=generator, device=self.device))
        return drawn.round().long()

    def _average(self, step: int) -> None:
        """Move the averaged weights towards the present ones; faster at first, as they start from no training."""
        if self.average is self.network:
            return
        decay = min(self.run.recipe.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), 1 - decay)
            for kept, latest in zip(self.average.buffers(), self.network.buffers(), strict=True):
                kept.copy_(latest)

    def _validate(self, done: int) -> tuple[dict[str, float], str]:
        """Metrics at this step, the best network kept, and a warning if the encoder has died. With a semantic loss the
        best is that of the least divergence of the task's outputs, which the accuracy on few objects hardly follows."""
        metrics = validate(self.average, self.validation, self.run.points, self.objective, self.device)
        warning = ""
        if self.run.architecture.mapping != "analog":
            metrics["idle"] = idle_share(self.network, to_batch(self.validation.images[:16], self.device))
            if metrics["idle"] > IDLE_LIMIT:
                warning = (
                    f"{metrics['idle']:.0%} of the latent is constant: the encoder has died; warm up longer or lower lr"
                )
        decides = "kl" if self.run.loss.semantic != "pixel" else "loss"
        if self.best is None or metrics[decides] < self.best.metrics[decides]:
            weights = {name: t.detach().cpu().clone() for name, t in self.average.state_dict().items()}
            self.best = Best(metrics, done, weights)
        return metrics, warning

    def _save(self, step: int) -> None:
        facts = {"run": self._identity(), "scales": self.objective.scales, "step": step}
        save_state(self.folder / "state.safetensors", self.network, self.average, self.adam, self.best, facts)

    def _finish(self, path: Path, steps: int) -> Card:
        assert self.best is not None  # the last step always validates
        run = self.run
        network = JSCC(run.architecture)
        network.load_state_dict(self.best.weights)
        card = Card(
            method=run.method,
            architecture=run.architecture,
            snr_db=run.snr_db,
            loss=run.loss.as_dict(),
            recipe=run.recipe.as_dict() | {"amp": run.amp},
            steps=self.earlier_steps + steps,
            seed=run.seed,
            data={"name": self.data.name, "sha256": self.data.digest, "images": len(self.data.images)},
            task=self.task_facts,
            metrics={f"val_{name}": value for name, value in self.best.metrics.items()}
            | {"val_images": len(self.validation.images), "best_step": self.best.step},
            command=self.command,
            start=self.start_facts,
        )
        return save_checkpoint(path, network, card)


def batches_of(
    data: TrainingImages, run: Run, steps: Sequence[int], pinned: bool = False
) -> Iterator[tuple[int, Tensor]]:
    """(step, uint8 images (N, crop, crop, 3)) of each step, a few made ahead by threads while the network computes."""

    def made(step: int) -> Tensor:
        crops = batch_of(data, step, seed=run.seed, size=run.recipe.batch, crop=run.recipe.crop)
        batch = torch.from_numpy(np.stack(crops))
        return batch.pin_memory() if pinned else batch

    with ThreadPoolExecutor(AHEAD // 2) as pool:
        waiting = deque((step, pool.submit(made, step)) for step in steps[:AHEAD])
        for later in itertools.chain(steps[AHEAD:], [None] * AHEAD):
            if not waiting:
                return
            step, batch = waiting.popleft()
            if later is not None:
                waiting.append((later, pool.submit(made, later)))
            yield step, batch.result()


def _mean(losses: Sequence[Tensor], done: int) -> float:
    """Mean of the recent losses; ``LinksimError`` if one is not a finite number."""
    value = float(torch.stack(list(losses)).mean())
    if not np.isfinite(value):
        raise LinksimError(f"training diverged by step {done}: the loss is {value}; lower the learning rate")
    return value

import csv
import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from jscc.architecture import Architecture
from jscc.checkpoint import load_checkpoint
from jscc.data import TrainingImages, batch_of
from jscc.loss import Loss
from jscc.losses import Objective, log_pixel_loss
from jscc.networks import JSCC
from jscc.presets import Recipe
from jscc.training import Run, Trainer, adapt, batches_of
from jscc.validation import Point, ValidationSet, received_pairs, validate
from linksim.data.base import Sample
from linksim.errors import LinksimError

TINY = Architecture(width=8, blocks=1, elements=16)
RECIPE = Recipe(steps=6, batch=2, crop=16, lr=1e-3, warmup=2, validate_every=2)
RUN = Run("deepjscc", TINY, (0.0, 10.0), Loss(), RECIPE, seed=4)


@pytest.fixture
def trainer(training_images, validation_set, tmp_path):
    return lambda run=RUN, name="run", **more: Trainer(run, training_images, validation_set, tmp_path / name, **more)


class Stop(Exception):
    pass


def stop_at(step):
    def report(progress):
        if progress.step == step and progress.metrics:
            raise Stop

    return report


ADAPTIVE = Architecture(kind="adaptive", width=8, blocks=1, elements=16, mapping="analog")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"loss": Loss("gsw", pixel_weight=0.5, layer="maps", tau=3.0)},
        {"architecture": ADAPTIVE, "recipe": dataclasses.replace(RECIPE, ema=0.9), "loss": Loss(pixels="log")},
    ],
)
def test_an_interrupted_run_ends_bit_for_bit_like_an_uninterrupted_one(trainer, tmp_path, change):
    run = dataclasses.replace(RUN, **change)
    trainer(run, "whole").train()
    with pytest.raises(Stop):
        trainer(run, "parts").train(stop_at(2))
    with pytest.raises(Stop):
        trainer(run, "parts").train(stop_at(4))
    trainer(run, "parts").train()
    whole, parts = (load_file(tmp_path / name / "state.safetensors") for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert (tmp_path / "whole" / "log.csv").read_text() == (tmp_path / "parts" / "log.csv").read_text()


def test_a_finished_run_has_a_log_a_card_and_half_precision_weights(trainer, tmp_path, training_images):
    card = trainer(command="linksim train deepjscc").train()
    rows = list(csv.DictReader((tmp_path / "run" / "log.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert {t.dtype for t in load_file(tmp_path / "run" / "run.safetensors").values()} == {torch.float16}
    written = json.loads((tmp_path / "run" / "run.json").read_text())
    assert written["data"]["sha256"] == training_images.digest
    assert written["snr_db"] == [0.0, 10.0]
    assert written["bpp"] == 0.25
    assert written["command"] == "linksim train deepjscc"
    assert {"val_psnr", "val_acc", "val_loss"} <= card.metrics.keys()


def test_an_unfinished_run_is_exported_and_resumed_all_the_same(trainer, tmp_path):
    with pytest.raises(LinksimError, match="no validated network"):
        trainer(name="none").export(tmp_path / "none.safetensors")
    with pytest.raises(Stop):
        trainer().train(stop_at(4))
    card = trainer().export(tmp_path / "early.safetensors")
    assert card.steps == 4
    assert card.metrics["best_step"] in (2, 4)
    assert load_checkpoint(tmp_path / "early.safetensors")[1] == card
    assert trainer().train().steps == 6


def test_a_folder_of_another_run_is_not_continued(trainer):
    trainer().train()
    with pytest.raises(LinksimError, match="another run"):
        trainer(dataclasses.replace(RUN, seed=5)).train()
    with pytest.raises(LinksimError, match="another run"):
        trainer(task_facts={"name": "another task"}).train()
    other = trainer()
    other.validation = dataclasses.replace(other.validation, images=other.validation.images[::-1])
    with pytest.raises(LinksimError, match="another run"):
        other.train()


def test_a_term_that_is_zero_before_training_is_refused(trainer):
    objective = trainer().objective
    with pytest.raises(LinksimError, match="the pixel term of the loss is 0 before training"):
        objective.scale_to([(torch.ones(1, 3, 8, 8), torch.ones(1, 3, 8, 8))])


def test_training_lowers_the_loss(trainer):
    recipe = Recipe(steps=60, batch=8, crop=16, lr=1e-2, warmup=5, validate_every=30)
    losses = []
    run = dataclasses.replace(RUN, recipe=recipe, snr_db=(20.0, 20.0))
    trainer(run).train(lambda p: losses.append(p.loss) if p.metrics else None)
    assert losses[1] < 0.95 * losses[0], losses


@pytest.mark.parametrize("term", ["features", "gsw", "classwise", "kl"])
def test_every_loss_fine_tunes_a_checkpoint_and_adds_up_the_steps(trainer, tmp_path, term):
    trainer(name="base").train()
    start = tmp_path / "base" / "base.safetensors"
    loss = Loss(term, layer="maps", per_image=term == "gsw")
    card = trainer(dataclasses.replace(RUN, loss=loss, start=start), "tuned").train()
    assert card.steps == 12
    assert card.start["name"] == "base"


def test_the_objective_starts_at_the_sum_of_its_weights(trainer, tmp_path):
    """Each term is divided by its value at the start, so a term's weight is its share."""
    trainer(name="base").train()
    loss = Loss("classwise", pixel_weight=0.25, layer="maps")
    recipe = dataclasses.replace(RECIPE, steps=1, lr=1e-12)
    run = dataclasses.replace(RUN, loss=loss, recipe=recipe, start=tmp_path / "base" / "base.safetensors")
    assert trainer(run, "tuned").train().metrics["val_loss"] == pytest.approx(1.25, rel=0.05)


def test_the_averaged_weights_are_what_is_kept(trainer, tmp_path):
    """Against the average computed here from the weights after each step."""
    made = trainer(dataclasses.replace(RUN, recipe=dataclasses.replace(RECIPE, ema=0.5, validate_every=6)))
    made.folder.mkdir()
    wanted = made.network.decoder[0].weight.detach().clone()
    made.objective.scales = {"pixel": 1.0}
    for step, images in batches_of(made.data, made.run, range(6)):
        made._step(step, images)
        decay = min(0.5, (1 + step) / (10 + step))
        wanted = decay * wanted + (1 - decay) * made.network.decoder[0].weight.detach()
    torch.testing.assert_close(made.average.decoder[0].weight, wanted)
    made._validate(6)
    assert torch.equal(made.best.weights["decoder.0.weight"], made.average.decoder[0].weight)


def test_the_logarithmic_pixel_loss_has_the_gradient_of_the_psnr():
    """d/dx of ln(1 + MSE/1e-4) is that of −PSNR · ln(10)/10 where the MSE is far above 1e-4, for each image alike."""
    original = torch.rand(2, 3, 8, 8) * 255
    received = (original + torch.tensor([20.0, 60.0]).reshape(2, 1, 1, 1) * torch.randn(2, 3, 8, 8)).requires_grad_()
    (got,) = torch.autograd.grad(log_pixel_loss(received, original), received)
    psnr = 10 * torch.log10(255**2 / (received - original).square().mean((1, 2, 3))).mean()
    (wanted,) = torch.autograd.grad(-psnr * math.log(10) / 10, received)
    torch.testing.assert_close(got, wanted, rtol=0.03, atol=0)


def test_an_adaptive_run_is_validated_where_papers_look(trainer):
    run = dataclasses.replace(RUN, architecture=ADAPTIVE, snr_db=(-2.0, 22.0))
    assert [(p.snr_db, p.channels) for p in run.points] == [(0, 4), (5, 4), (10, 4), (20, 4), (20, 2), (20, 16)]
    metrics = trainer(run).train().metrics
    assert {"val_psnr_0dB_4ch", "val_psnr_20dB_2ch"} <= metrics.keys()


def test_a_dead_encoder_is_noticed(trainer):
    made = trainer()
    made.network.encoder[-1] = torch.nn.Identity()
    with torch.no_grad():
        made.network.encoder[-2].bias.fill_(1e4)
    _, warning = made._validate(2)
    assert warning.startswith("100% of the latent is constant")


@pytest.mark.parametrize("loss", [Loss("pixel"), Loss("gsw", variant="predicted", per_image=True, layer="maps")])
def test_mixed_precision_trains(trainer, loss):
    card = trainer(dataclasses.replace(RUN, amp=True, loss=loss)).train()
    assert card.metrics["val_psnr"] > 0


def test_a_base_of_another_bpp_keeps_the_channels_both_have():
    base = JSCC(TINY)
    for elements in (4, 24):
        adapted = adapt(base, dataclasses.replace(TINY, elements=elements))
        shared = min(16, elements)
        assert torch.equal(adapted.encoder[-2].weight[:shared], base.encoder[-2].weight[:shared])
        assert torch.equal(adapted.decoder[0].weight[:, :shared], base.decoder[0].weight[:, :shared])
        assert torch.equal(adapted.encoder[0].weight, base.encoder[0].weight)


def test_a_base_of_another_kind_is_refused():
    with pytest.raises(LinksimError, match="bourtsoulatze"):
        adapt(JSCC(TINY), Architecture(kind="bourtsoulatze"))


def test_batches_made_ahead_are_those_of_their_steps(training_images):
    run = dataclasses.replace(RUN, recipe=dataclasses.replace(RECIPE, batch=3))
    for steps in (range(5, 25), range(2), range(0)):
        made = list(batches_of(training_images, run, steps))
        assert [step for step, _ in made] == list(steps)
        for step, images in made:
            wanted = batch_of(training_images, step, seed=run.seed, size=3, crop=16)
            assert all(np.array_equal(a, b) for a, b in zip(images.numpy(), wanted, strict=True))


def test_validation_says_how_near_the_task_s_predictions_stay(training_images, tiny_task):
    """KL and agreement against torch's own divergence and a count, over two SNRs."""
    network = JSCC(TINY).eval()
    data = ValidationSet(training_images.images[:5], [0, 1, None, 0, 1], tiny_task)
    points = (Point(0.0), Point(20.0))
    metrics = validate(network, data, points, Objective(Loss(), None, []), "cpu")
    kl, equal = [], []
    with torch.no_grad():
        for point in points:
            for received, original in received_pairs(network, data, point, "cpu"):
                wanted, got = tiny_task(original).log_softmax(1), tiny_task(received).log_softmax(1)
                kl.append(torch.nn.functional.kl_div(got, wanted, reduction="batchmean", log_target=True))
                equal.append((wanted.argmax(1) == got.argmax(1)).float().mean())
    assert metrics["kl"] == pytest.approx(float(sum(kl)) / 2, rel=1e-4)
    assert metrics["agreement"] == pytest.approx(float(sum(equal)) / 2)
    assert "acc" not in metrics  # not all are labelled


@pytest.mark.parametrize(("term", "decides"), [("kl", "kl"), ("pixel", "loss")])
def test_a_semantic_run_keeps_the_network_of_the_least_divergence(trainer, monkeypatch, term, decides):
    made = trainer(dataclasses.replace(RUN, loss=Loss(term, layer="maps")))
    shown = iter([{"loss": 1.0, "kl": 3.0, "psnr": 1.0}, {"loss": 2.0, "kl": 1.0, "psnr": 1.0}])
    monkeypatch.setattr("jscc.training.validate", lambda *_: next(shown))
    made._validate(2)
    made._validate(4)
    assert made.best.step == {"kl": 4, "loss": 2}[decides]


def test_batches_depend_on_seed_and_step_alone(training_images):
    def take(step, seed=1):
        return b"".join(c.tobytes() for c in batch_of(training_images, step, seed=seed, size=4, crop=16))

    assert take(7) == take(7)
    assert len({take(7), take(8), take(7, seed=2)}) == 3


def test_arrays_in_a_folder_are_training_images(tmp_path, pictures):
    np.save(tmp_path / "b_images.npy", np.stack(pictures[:3]))
    np.save(tmp_path / "a_images.npy", np.stack(pictures[3:5]))
    np.save(tmp_path / "labels.npy", np.arange(5))
    data = TrainingImages.from_folder(tmp_path)
    assert [image.tobytes() for image in data.images] == [p.tobytes() for p in pictures[3:5] + pictures[:3]]
    np.save(tmp_path / "b_images.npy", np.stack(pictures[1:4]))
    assert TrainingImages.from_folder(tmp_path).digest != data.digest


def test_bad_training_data_is_one_line(tmp_path, training_images):
    with pytest.raises(LinksimError, match=r"no \*.npy file"):
        TrainingImages.from_folder(tmp_path)
    (tmp_path / "x.npy").write_bytes(b"\x80\x04nonsense")
    with pytest.raises(LinksimError, match="not a NumPy array file"):
        TrainingImages.from_folder(tmp_path)
    with pytest.raises(LinksimError, match="24×24: smaller than the crop of 32"):
        batch_of(training_images, 0, seed=0, size=1, crop=32)


def test_divergence_is_an_error(trainer):
    made = trainer()
    with torch.no_grad():
        made.network.decoder[0].weight.fill_(float("nan"))
    with pytest.raises(LinksimError, match="diverged by step 2"):
        made.train()


def test_the_shipped_form_loads_back(trainer, tmp_path):
    trainer().train()
    network, card = load_checkpoint(tmp_path / "run" / "run.safetensors")
    assert network.arch == TINY
    assert card.method == "deepjscc"
    assert not network.training


def test_validation_images_are_of_all_classes_though_classes_come_in_turn(training_images):
    class Turns:
        name = "turns"

        def __len__(self):
            return 1000

        def __getitem__(self, index):
            return Sample(training_images.images[0], str(index), index % 10)

    assert set(ValidationSet.from_dataset(Turns(), 100, None).labels) == set(range(10))

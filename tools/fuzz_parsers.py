"""Every parser of foreign bytes, each with the valid files that ``fuzz.py`` damages.

A parser is prepared in a folder, where it writes its files, and gives a function that reads them and checks what it
got.
"""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from linksim import registry
from linksim.data.base import Dataset, Sample
from linksim.engine.contract import CheckedTask
from linksim.errors import LinksimError

Parse = Callable[[], object]


def picture(height: int = 40, width: int = 48) -> np.ndarray:
    """A smooth image with some detail: uint8 (height, width, 3)."""
    y, x = np.mgrid[:height, :width]
    waves = np.stack([127 + 90 * np.sin(x / 7), 127 + 90 * np.cos(y / 9), (x * y) % 200], axis=2)
    return waves.astype(np.uint8)


def coded(name: str) -> Callable[[Path], Parse]:
    """``linksim decode`` of a source codec's file."""

    def prepare(folder: Path) -> Parse:
        from baselines.source.files import decode_file
        from linksim.data.images import read_image

        codec = registry.codec(name)
        path = folder / f"a{codec.suffix}"
        path.write_bytes(codec.encode(picture(64, 72), codec.start))

        def parse() -> None:
            made = decode_file(codec, path, folder / "a.png")
            assert read_image(made.output).shape == (made.height, made.width, 3)

        return parse

    return prepare


def image(folder: Path) -> Parse:
    """Images of every kind that is read."""
    from linksim.data.images import SUFFIXES, read_image

    paths = [folder / f"a{suffix}" for suffix in SUFFIXES]
    for path in paths:
        Pillow.fromarray(picture()[:, :, 0] if path.suffix == ".pgm" else picture()).save(path)
    deep = (picture().astype(np.uint16) << 8)[:, :, 0]
    for suffix in (".png", ".tif", ".pgm", ".jp2"):
        paths.append(folder / f"deep{suffix}")
        Pillow.fromarray(deep).save(paths[-1])

    def parse() -> None:
        said = []
        for path in paths:
            try:
                found = read_image(path)
                assert found.dtype == np.uint8
                assert found.ndim == 3
                assert found.shape[2] == 3
                assert found.size
            except LinksimError as error:
                said.append(str(error))
        if said:
            raise LinksimError(said[0])

    return parse


def alist(folder: Path) -> Parse:
    from baselines.fec.alist import AlistLDPC, write
    from baselines.fec.wifi import WifiLDPC

    hamming = "7 3\n3 4\n1 1 2 1 2 2 3\n4 4 4\n1\n2\n1 2\n3\n1 3\n2 3\n1 2 3\n1 3 5 7\n2 3 6 7\n4 5 6 7\n"
    (folder / "small.alist").write_text(hamming)
    wifi = WifiLDPC.from_spec("ldpc-648-5/6")
    (folder / "large.alist").write_text(write(wifi.graph, wifi.n))

    def parse() -> None:
        codes = [AlistLDPC.from_spec(f"alist:{path}") for path in sorted(folder.glob("*.alist"))]
        for code in codes:
            lengths = np.array([code.k])
            bits = np.ones(code.k, np.uint8)
            word = code.encode(bits, lengths)
            assert len(word) == code.coded_length(code.k)
            decoded, ok = code.decode(4 - 8 * word.astype(np.float32), lengths)
            assert ok.all()
            assert (decoded == bits).all()

    return parse


def samples_of(open_set: Callable[[], Dataset]) -> Parse:
    """Opens a data set, names it, and reads it all."""

    def parse() -> None:
        data = open_set()
        data.identity()
        for sample in (data[i] for i in range(len(data))):
            assert sample.image.dtype == np.uint8
            assert sample.image.ndim == 3
            assert sample.label is None or 0 <= sample.label < len(data.classes)
            if sample.objects is not None:
                assert np.isfinite(sample.objects.boxes).all()

    return parse


def cifar10(folder: Path) -> Parse:
    from linksim.data import cifar10 as module

    pixels = np.stack([picture(32, 32).transpose(2, 0, 1).ravel()] * 4)
    (folder / "test_batch").write_bytes(pickle.dumps({b"labels": [1, 2, 3, 9], b"data": pixels}, protocol=2))

    def open_set() -> Dataset:
        module.read_batch.cache_clear()
        return module.CIFAR10(folder)

    return samples_of(open_set)


def stl10(folder: Path) -> Parse:
    from linksim.data.stl10 import CLASSES, STL10

    (folder / "test_X.bin").write_bytes(picture(96, 96).tobytes() * 2)
    (folder / "test_y.bin").write_bytes(b"\x01\x0a")
    (folder / "class_names.txt").write_text("\n".join(CLASSES))
    return samples_of(lambda: STL10(folder))


def imagenet(folder: Path) -> Parse:
    from linksim.data.imagenet import ImageNet

    images = folder / "ILSVRC" / "Data" / "CLS-LOC" / "val"
    images.mkdir(parents=True)
    for i in (1, 2):
        Pillow.fromarray(picture()).save(images / f"val_{i}.JPEG")
    lines = ["ImageId,PredictionString", "val_1,n01440764 1 2 3 4", "val_2,n01751748 5 6 7 8 1 1 2 2"]
    (folder / "LOC_val_solution.csv").write_text("\n".join(lines) + "\n")
    return samples_of(lambda: ImageNet(folder))


def voc(folder: Path) -> Parse:
    from linksim.data.scenes import Scenes
    from linksim.data.voc import PascalVOC, export_voc

    class Two(Scenes):
        def __len__(self) -> int:
            return 2

    export_voc(Two(), folder)
    return samples_of(lambda: PascalVOC(folder))


def checkpoint(folder: Path) -> Parse:
    import torch

    from jscc.architecture import Architecture
    from jscc.card import Card
    from jscc.checkpoint import load_checkpoint, save_checkpoint
    from jscc.loss import Loss
    from jscc.networks import JSCC
    from jscc.presets import Recipe

    made = Architecture(width=8, blocks=1, elements=16)
    facts = {"steps": 1, "seed": 0, "data": {}, "task": {}, "metrics": {"val_psnr": 20.0}, "command": ""}
    card = Card("deepjscc", made, (5.0, 5.0), Loss().as_dict(), Recipe(1, 1, 8, 0.1).as_dict(), **facts)  # type: ignore[arg-type]
    save_checkpoint(folder / "a.safetensors", JSCC(made), card)

    def parse() -> None:
        network, _ = load_checkpoint(folder / "a.safetensors")
        assert all(bool(torch.isfinite(p).all()) for p in network.parameters())

    return parse


def head(folder: Path) -> Parse:
    from linksim.tasks import head as heads
    from linksim.tasks.load import load_task

    noise = np.random.default_rng(0).normal(size=(3, 1280)).astype(np.float32)
    card = {"name": "three", "classes": ["a", "b", "c"], "size": 32}
    heads.write(heads.Head(noise, np.zeros(3, np.float32), 1.0, 1.0), folder / "a.safetensors", card)
    return lambda: predicted(load_task(str(folder / "a.safetensors")))


def predicted(task: object) -> None:
    """A task must judge an image, or say why not."""
    (prediction,) = CheckedTask(task).predict([picture()])  # type: ignore[arg-type]
    assert 0 <= prediction < (len(task.classes) or 3)  # type: ignore[attr-defined]
    json.dumps(task.identity())  # type: ignore[attr-defined]


def small_network() -> object:
    from torch import nn

    layers = nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    return nn.Sequential(*layers).eval()


def torchscript(folder: Path) -> Parse:
    import torch

    from linksim.tasks.load import load_task

    torch.jit.save(torch.jit.trace(small_network(), torch.zeros(1, 3, 24, 24)), str(folder / "a.pt"))
    return lambda: predicted(load_task(f"{folder / 'a.pt'}?size=24"))


def onnx(folder: Path) -> Parse:
    import torch

    from linksim.tasks.load import load_task

    torch.onnx.export(small_network(), (torch.zeros(1, 3, 24, 24),), folder / "a.onnx", dynamo=False)
    return lambda: predicted(load_task(f"{folder / 'a.onnx'}?size=24"))


def recipe(folder: Path) -> Parse:
    from linksim.recipes import load

    source = Path(registry.__file__).parent / "recipes"
    for name in ("fig4", "table1"):
        shutil.copy(source / f"{name}.yaml", folder)
    return lambda: [load(path) for path in sorted(folder.iterdir())]


def cluster(folder: Path) -> Parse:
    from linksim.engine.cluster import read_cluster_file

    path = folder / "slurm.yaml"
    path.write_text("system: slurm\njobs: 3\noptions:\n  cores: 4\n  memory: 16GB\n  walltime: '01:00:00'\n")

    def parse() -> None:
        found = read_cluster_file(path)
        assert found["jobs"] >= 1
        assert isinstance(found["options"], dict)

    return parse


class Two(Dataset):
    """Two small images."""

    name = "two"

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Sample:
        return Sample(picture(32 + 8 * index, 40), f"image{index}")


def results(folder: Path) -> Parse:
    """The folder of a comparison that goes on: the summary is the same, or the run is refused."""
    from linksim.comparison import run_comparison
    from linksim.engine.opened import open_experiment
    from linksim.engine.pools import Pool
    from linksim.link import Budget

    opened = open_experiment(("original", "jpeg+capacity"), Two(), (0.0, 20.0), (Budget("bpp", 4),), task="")

    def go_on() -> bytes:
        run_comparison(opened, folder, Pool(), figures=False)
        return (folder / "summary.csv").read_bytes()

    expected = go_on()
    for name in ("summary.csv", "table.md", "table.tex", ".lock"):
        (folder / name).unlink()

    def parse() -> None:
        assert go_on() == expected, "another summary"

    return parse


def summary(folder: Path) -> Parse:
    """What ``linksim plot`` and ``linksim report`` read."""
    from linksim.output import tables
    from linksim.output.report.rebuild import read_description, reopen

    finished = Path(registry.__file__).parents[1] / "results" / "photos"
    for name in ("summary.csv", "experiment.json"):
        shutil.copy(finished / name, folder)

    def parse() -> None:
        found = tables.read_summary(folder)
        assert len(tables.markdown(found, [])) > 0
        reopen(read_description(folder))

    return parse


def names(folder: Path) -> Parse:
    """What stands behind --methods, --snr, --bpp, --dataset and --task."""
    from linksim.engine.opened import open_experiment
    from linksim.grid import parse_budgets, parse_snr
    from linksim.tasks.load import ModelInput

    given = {
        "methods": "bpg,webp+ldpc-1/2+qpsk,jpeg+capacity,bpg+alist:a.alist+16qam",
        "snr": "0:20:2,25,-3.5",
        "bpp": "0.25,0.5",
        "dataset": "stamps10/test-seen",
        "input": "size=24&mean=123.7,116.3,103.5&std=58.4&crop=0.9",
    }
    for name, text in given.items():
        (folder / name).write_text(text)
    hamming = "7 3\n3 4\n1 1 2 1 2 2 3\n4 4 4\n1\n2\n1 2\n3\n1 3\n2 3\n1 2 3\n1 3 5 7\n2 3 6 7\n4 5 6 7\n"
    Path("a.alist").write_text(hamming)

    def parse() -> None:
        now = {name: (folder / name).read_bytes().decode("utf-8", "surrogateescape") for name in given}
        ModelInput.parse(now["input"])
        budgets = parse_budgets("bpp", now["bpp"])
        methods = tuple(name.strip() for name in now["methods"].split(",") if name.strip())
        opened = open_experiment(methods, now["dataset"], parse_snr(now["snr"]), budgets, task="")
        for method in opened.experiment.methods:
            opened.link(method, budgets[0]).identity()
        assert opened.size >= 1
        assert opened.experiment.command()

    return parse


PARSERS: dict[str, Callable[[Path], Parse]] = {
    **{name: coded(name) for name in ("bpg", "jpeg", "webp", "avif", "jpeg2000", "heic", "jxl")},
    **{
        function.__name__: function
        for function in (
            *(image, alist, cifar10, stl10, imagenet, voc, checkpoint, head, torchscript, onnx),
            *(recipe, cluster, results, summary, names),
        )
    },
}

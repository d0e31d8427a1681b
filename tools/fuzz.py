"""Feed damaged files to every parser of foreign bytes, and count what becomes of them.

    python tools/fuzz.py --seconds 120                # each parser for two minutes
    python tools/fuzz.py alist recipe --seed 7

A parser runs in a process of its own, with bounded memory, on mutations of valid files. It may accept what it gets, or
refuse it with a LinksimError of one line. Anything else is a defect: another exception, a result that is not what it
should be, a process that dies or takes too long. The files of a defect are kept, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import pickle
import random
import re
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from linksim import registry
from linksim.contract import CheckedTask
from linksim.data.base import Dataset, Sample
from linksim.errors import LinksimError, one_line

Parse = Callable[[], object]
MEMORY = 8 << 30
"""Address space of a parser's process in bytes: torch alone reserves half of it."""
SECONDS_AT_MOST = 60.0
SECONDS_TO_START = 600.0
NUMBERS = (b"0", b"-1", b"1", b"65536", b"2147483648", b"99999999999999999999", b"nan", b"1e999", b"", b"[]", b"null")
WORDS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\x80\0\0\0")


def picture(height: int = 40, width: int = 48) -> np.ndarray:
    """A smooth image with some detail: uint8 (height, width, 3)."""
    y, x = np.mgrid[:height, :width]
    waves = np.stack([127 + 90 * np.sin(x / 7), 127 + 90 * np.cos(y / 9), (x * y) % 200], axis=2)
    return waves.astype(np.uint8)


def coded(name: str) -> Callable[[Path], Parse]:
    """``linksim decode`` of a source codec's file."""

    def prepare(folder: Path) -> Parse:
        from linksim.codec_files import decode_file
        from linksim.data.images import read_image

        codec = registry.codec(name)
        path = folder / f"a{codec.suffix}"
        path.write_bytes(codec.encode(picture(64, 72), 38 if name == "bpg" else 30))

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

    from jscc.checkpoint import Card, load_checkpoint, save_checkpoint
    from jscc.losses import Loss
    from jscc.networks import JSCC, Architecture
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
    return lambda: judged(load_task(str(folder / "a.safetensors")))


def judged(task: object) -> None:
    """A task must judge an image, or say why not."""
    (verdict,) = CheckedTask(task).judge([picture()])  # type: ignore[arg-type]
    assert 0 <= verdict < (len(task.classes) or 3)  # type: ignore[attr-defined]
    json.dumps(task.identity())  # type: ignore[attr-defined]


def small_network() -> object:
    from torch import nn

    layers = nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    return nn.Sequential(*layers).eval()


def torchscript(folder: Path) -> Parse:
    import torch

    from linksim.tasks.load import load_task

    torch.jit.save(torch.jit.trace(small_network(), torch.zeros(1, 3, 24, 24)), str(folder / "a.pt"))
    return lambda: judged(load_task(f"{folder / 'a.pt'}?size=24"))


def onnx(folder: Path) -> Parse:
    import torch

    from linksim.tasks.load import load_task

    torch.onnx.export(small_network(), (torch.zeros(1, 3, 24, 24),), folder / "a.onnx", dynamo=False)
    return lambda: judged(load_task(f"{folder / 'a.onnx'}?size=24"))


def recipe(folder: Path) -> Parse:
    from linksim.recipes import load

    source = Path(registry.__file__).parent / "recipes"
    for name in ("fig4", "table1"):
        shutil.copy(source / f"{name}.yaml", folder)
    return lambda: [load(path) for path in sorted(folder.iterdir())]


def cluster(folder: Path) -> Parse:
    from linksim.cluster import read_cluster_file

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

    def identity(self) -> dict[str, object]:
        return {"name": self.name}


def results(folder: Path) -> Parse:
    """The folder of a comparison that goes on: the summary is the same, or the run is refused."""
    from linksim.comparison import run_comparison
    from linksim.experiment import Experiment
    from linksim.link import Budget
    from linksim.runner import Pool

    experiment = Experiment(("original", "jpeg+capacity"), Two(), (0.0, 20.0), (Budget("bpp", 4),), task="")

    def go_on() -> bytes:
        run_comparison(experiment, folder, Pool(), figures=False)
        return (folder / "summary.csv").read_bytes()

    expected = go_on()
    for name in ("summary.csv", "table.md", "table.tex", ".lock"):
        (folder / name).unlink()

    def parse() -> None:
        assert go_on() == expected, "another summary"

    return parse


def summary(folder: Path) -> Parse:
    """What ``linksim plot`` and ``linksim report`` read."""
    from linksim import tables
    from linksim.report import experiment_from, read_description

    finished = Path(registry.__file__).parents[1] / "results" / "photos"
    for name in ("summary.csv", "experiment.json"):
        shutil.copy(finished / name, folder)

    def parse() -> None:
        found = tables.read_summary(folder)
        assert len(tables.markdown(found, [])) > 0
        experiment_from(read_description(folder))

    return parse


def names(folder: Path) -> Parse:
    """What stands behind --methods, --snr, --bpp, --dataset and --task."""
    from linksim.experiment import Experiment, parse_budgets, parse_snr
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
        experiment = Experiment(methods, now["dataset"], parse_snr(now["snr"]), budgets, task="")
        for method in experiment.method_names:
            experiment.link(method, budgets[0]).identity()
        assert experiment.size >= 1
        assert experiment.command()

    return parse


PARSERS: dict[str, Callable[[Path], Parse]] = {
    "bpg": coded("bpg"),
    "jpeg": coded("jpeg"),
    "webp": coded("webp"),
    **{
        function.__name__: function
        for function in (
            *(image, alist, cifar10, stl10, imagenet, voc, checkpoint, head, torchscript, onnx),
            *(recipe, cluster, results, summary, names),
        )
    },
}


def mutate(content: bytes, chance: random.Random) -> bytes:
    """The content with one to six things done to it, mostly near its ends, where headers and footers are."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        size = len(data)
        near = min(size, 300) + 1
        at = chance.choice((chance.randrange(size + 1), chance.randrange(near), size - chance.randrange(near)))
        match chance.randrange(8):
            case 0 if at < size:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at : at + 1] = chance.choice((b"\0", b"\xff", b"\x7f", b"\x80", b"\n", b"9", b":"))
            case 2:
                data[at : at + 4] = chance.choice(WORDS)
            case 3:
                del data[at : at + chance.choice((1, 2, 8, 64))]
            case 4:
                data[at:at] = data[at : at + chance.choice((1, 4, 16, 200))]
            case 5 if chance.random() < 0.3:
                del data[at:]
            case 6:
                data[at:at] = chance.randbytes(chance.choice((1, 4, 16)))
            case _:
                found = list(re.finditer(rb"\d+", data[max(0, at - 400) : at + 400]))
                if found:
                    hit = chance.choice(found)
                    start = max(0, at - 400)
                    data[start + hit.start() : start + hit.end()] = chance.choice(NUMBERS)
    return bytes(data)


def work(name: str, seed: int, first: int, folder: Path, results: Connection) -> None:
    """Damage and parse, from input number ``first`` on, until the process is stopped."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    sys.stdout = sys.stderr = io.StringIO()
    os.chdir(folder.parent)  # names without a path are looked up here
    try:
        parse = PARSERS[name](folder)
        valid = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        parse()  # valid files are accepted
    except Exception as error:
        results.send(("broken", f"{type(error).__name__}: {error}"))
        return
    results.send(("ready", ""))
    index = first
    while True:
        for path in [p for p in folder.rglob("*") if p.is_file()]:
            if path not in valid:
                path.unlink()
        for path, content in valid.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        chance = random.Random(f"{name} {seed} {index}")
        path = chance.choice(list(valid))
        path.write_bytes(mutate(valid[path], chance))
        results.send(outcome(parse))
        index += 1


def outcome(parse: Parse) -> tuple[str, str]:
    """What became of one input, and why."""
    try:
        parse()
    except LinksimError as error:
        message = one_line(error)  # as the commands print it
        if re.search(r"decoder (stopped after|died)", message):
            return "stopped by the guard", message
        if len(message) > 2000:
            return "defect", f"message of {len(message)} characters: {message[:200]}"
        return "refused", message
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return "defect", f"{type(error).__name__}: {str(error)[:200]} ({Path(where.filename).name}:{where.lineno})"
    return "accepted", ""


def inputs(name: str, seed: int, seconds: float, keep: Path) -> Iterator[tuple[str, str]]:
    """Outcomes of a parser for as long as asked; its process is replaced whenever it dies or hangs."""
    context = multiprocessing.get_context("spawn")
    end, done = None, 0
    while end is None or time.monotonic() < end:
        with tempfile.TemporaryDirectory() as temporary:
            here, there = context.Pipe(duplex=False)
            folder = Path(temporary) / "input"
            folder.mkdir()
            process = context.Process(target=work, args=(name, seed, done, folder, there), daemon=True)
            process.start()
            there.close()
            patience = SECONDS_TO_START
            while end is None or time.monotonic() < end:
                try:
                    if not here.poll(patience):
                        what, why = "defect", f"more than {patience:g} s"
                    else:
                        what, why = here.recv()
                except EOFError:
                    process.join()
                    what, why = "defect", f"died with exit code {process.exitcode}"
                if what == "broken" or (end is None and what == "defect"):
                    raise SystemExit(f"{name}: its valid files are not accepted: {why}")
                if what == "ready":
                    patience = SECONDS_AT_MOST
                    end = end or time.monotonic() + seconds
                    continue
                if what == "defect":
                    shutil.copytree(folder, keep / f"{name}-{seed}-{done}", dirs_exist_ok=True)
                done += 1
                yield what, why
                if why.startswith(("more than", "died with")):
                    break
            process.kill()
            process.join()


def main() -> int:
    """Fuzz the parsers named, or all; print counts as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parsers", nargs="*", help=", ".join(PARSERS))
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-defects"), help="where the files of defects go")
    options = parser.parse_args()
    print("| parser | inputs | refused in one line | accepted | stopped by the guard | defects |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |", flush=True)
    failed = False
    for name in options.parsers or PARSERS:
        counts: Counter[str] = Counter()
        defects: Counter[str] = Counter()
        for what, why in inputs(name, options.seed, options.seconds, options.keep):
            counts[what] += 1
            if what == "defect":
                defects[why] += 1
        shown = [counts[what] for what in ("refused", "accepted", "stopped by the guard", "defect")]
        print(f"| {name} | {counts.total()} | {' | '.join(map(str, shown))} |", flush=True)
        for why, count in defects.most_common(12):
            print(f"    {count} × {why}", file=sys.stderr, flush=True)
        failed |= bool(defects)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

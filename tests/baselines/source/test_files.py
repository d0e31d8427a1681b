"""``linksim encode`` and ``linksim decode``, as a person would use them."""

import numpy as np
import pytest
from PIL import Image

from baselines.source import files as codec_files
from linksim import registry
from linksim.cli.main import run
from linksim.data.images import read_image
from linksim.errors import LinksimError
from linksim.link import Budget
from linksim.scoring.image_quality import psnr


@pytest.fixture
def folder(tmp_path):
    y, x = np.mgrid[:72, :90]
    for name, shift in (("a", 0), ("b", 2)):
        planes = [np.sin(x / (8 + shift)), np.cos(y / 9), np.sin((x + y) / (7 + shift))]
        pixels = np.round(127.5 + 100 * np.stack(planes, axis=2)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    return tmp_path


@pytest.mark.parametrize("codec", ["bpg", "webp", "jpeg", "avif", "jpeg2000", "heic", "jxl"])
def test_there_and_back(folder, codec, capsys):
    coder = registry.codec(codec)
    inputs = [str(folder / name) for name in ("a.png", "b.png")]
    assert run(["encode", "--codec", codec, "--bpp", "1.5", *inputs, "--out-dir", str(folder / "coded")]) == 0
    coded = sorted((folder / "coded").iterdir())
    assert [path.name for path in coded] == [f"a{coder.suffix}", f"b{coder.suffix}"]
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 3
    assert run(["decode", *map(str, coded), "--out-dir", str(folder / "back")]) == 0
    for row, path in zip(table[1:], coded, strict=True):
        assert path.stat().st_size <= 1.5 * 72 * 90 / 8
        original, back = (read_image(folder / where / f"{path.stem}.png") for where in (".", "back"))
        assert coder.encode_to_budget(original, 1215) == path.read_bytes()
        shown = row.split()
        assert shown[1] == str(path.stat().st_size)
        assert shown[4] == f"{psnr(original, back):.2f}"


def test_quality_is_the_codecs_own(folder):
    arguments = ["encode", "--codec", "bpg", "--quality", "40", str(folder / "a.png"), "--out-dir", str(folder)]
    assert run(arguments) == 0
    assert (folder / "a.bpg").read_bytes() == registry.codec("bpg").encode(read_image(folder / "a.png"), 40)


def test_the_good_are_finished_and_the_broken_named(folder, capsys):
    (folder / "broken.png").write_bytes(b"not an image")
    inputs = [str(folder / name) for name in ("broken.png", "a.png")]
    assert run(["encode", "--codec", "webp", "--bpp", "1", *inputs, "--out-dir", str(folder / "out")]) == 2
    assert [path.name for path in (folder / "out").iterdir()] == ["a.webp"]
    assert capsys.readouterr().err.startswith(f"linksim: {folder}/broken.png: not an image")
    (folder / "out" / "x.bpg").write_bytes(b"BPG\xfbrubbish")
    inputs = [str(folder / "out" / name) for name in ("x.bpg", "a.webp")]
    assert run(["decode", *inputs, "--out-dir", str(folder / "back")]) == 2
    assert [path.name for path in (folder / "back").iterdir()] == ["a.png"]
    assert capsys.readouterr().err.startswith(f"linksim: {folder}/out/x.bpg: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "none.png", "--bpp", "1"], "none.png: no such file"),
        (["encode", ".", "--bpp", "1"], ".: a folder or device, not a file"),
        (["encode", "a.png", "."], "give --bpp or --quality"),
        (["encode", "a.png", "--bpp", "1", "--quality", "3"], "give --bpp or --quality"),
        (
            ["encode", "a.png", "--codec", "bpg", "--quality", "52"],
            "--quality 52: bpg takes a whole number from 0",
        ),
        (["encode", "a.png", "--codec", "bgp", "--bpp", "1"], "unknown source codec 'bgp' (did you mean 'bpg'?)"),
        (["encode", "a.png", "--bpp", "0"], "budget bpp 0.0: must be above 0"),
        (["encode", "a.png", "a.png", "--bpp", "1"], "a.png and a.png would both become"),
        (["decode", "a.png"], "no codec writes files that end in '.png'"),
        (["decode", "a.png", "--codec", "webp", "--out-dir", "."], "would be replaced by its own output"),
        (["encode", "a.png", "--bpp", "1", "--out-dir", "b.png"], "cannot make the folder b.png: File exists"),
        (["encode", "a.png", "--bpp", "0.001"], "0 bytes are too few: the smallest bpg file takes"),
    ],
)
def test_one_line_and_code_2(folder, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(folder)
    before = {path.name for path in folder.iterdir()}
    assert run([*arguments, *([] if "--out-dir" in arguments else ["--out-dir", "out"])]) == 2
    line = capsys.readouterr().err
    assert message in line
    assert line.count("\n") == 1
    assert {path.name for path in folder.rglob("*")} - {"out"} == before


def test_a_codec_that_does_not_tell_its_quality(folder):
    class Raw:
        name, suffix = "raw", ".raw"

        def encode_to_budget(self, image, max_bytes):
            return image.tobytes() if image.nbytes <= max_bytes else None

        def decode(self, data, shape):
            return np.frombuffer(data, np.uint8).reshape(*shape, 3)

    made = codec_files.encode_file(Raw(), folder / "a.png", folder / "a.raw", budget=Budget("bpp", 24))
    assert made == codec_files.Coded(folder / "a.raw", 72 * 90 * 3, 24.0, None, float("inf"))


def test_neither_budget_nor_quality(folder):
    with pytest.raises(LinksimError, match="neither"):
        codec_files.encode_file(registry.codec("webp"), folder / "a.png", folder / "a.webp")

"""VVC by the user's programs: with stand-ins that show what they are given, and with the real ones if there are any."""

import sys
from pathlib import Path

import numpy as np
import pytest

from baselines.source.base import DecodeError
from baselines.source.vvc import DECODER, ENCODER, VVC, _find
from linksim import registry
from linksim.errors import LinksimError
from linksim.scoring.image_quality import psnr

HAVE_BOTH = all(map(_find, (ENCODER, DECODER)))
FAKE_ENCODER = """
import sys
from pathlib import Path
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if given["--qp"] == "63":
    sys.exit("first line\\nno such QP here")
assert given["--format"] == "yuv420"
Path(given["-o"]).write_bytes(given["--size"].encode() + b" " + Path(given["-i"]).read_bytes())
"""
FAKE_DECODER = """
import sys
from pathlib import Path
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
size, _, planes = Path(given["-b"]).read_bytes().partition(b" ")
width, height = size.split(b"x")
Path(given["-o"]).write_bytes(b"YUV4MPEG2 W%s H%s F1:1 Ip C420\\nFRAME\\n%s" % (width, height, planes))
"""
PHOTO = registry.dataset("photos")[0].image[360:424, 520:760]


@pytest.fixture
def fakes(tmp_path, monkeypatch):
    """Programs that store planes as they are."""
    for name, code in ((ENCODER, FAKE_ENCODER), (DECODER, FAKE_DECODER)):
        path = tmp_path / name
        path.write_text(f"#!{sys.executable}{code}")
        path.chmod(0o755)
        monkeypatch.setenv(name.upper(), str(path))


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (17, 9), (32, 48)])
def test_planes_go_through_the_programs(fakes, shape):
    image = PHOTO[: shape[0], : shape[1]]
    file = VVC().encode(image, 30)
    height, width = (max(8, side + side % 2) for side in shape)
    assert len(file) == len(f"{width}x{height} ") + height * width * 3 // 2
    assert psnr(image, VVC().decode(file, shape)) > 28  # chroma at half the size
    assert VVC().decode(file).shape == (height, width, 3)


def test_what_the_programs_refuse_is_named(fakes):
    with pytest.raises(LinksimError, match=r"^vvencapp: no such QP here$"):
        VVC().encode(PHOTO, 63)
    file = VVC().encode(PHOTO, 30)
    with pytest.raises(DecodeError, match="240x64 pixels where 98x64 were expected"):
        VVC().decode(file, (64, 97))
    for broken in (b"", b"rubbish"):
        with pytest.raises(DecodeError, match="vvdecapp finds no 4:2:0 picture of 8 bits: ValueError"):
            VVC().decode(broken, (64, 240))
    with pytest.raises(DecodeError, match="several pictures"):
        VVC().decode(file + file, (64, 240))


def test_programs_are_part_of_the_identity(fakes, tmp_path):
    before = VVC().identity()
    with Path(tmp_path, DECODER).open("a") as program:
        program.write("# another build")
    assert VVC().identity() != before


def test_absent_programs_are_named(monkeypatch):
    monkeypatch.delenv(ENCODER.upper(), raising=False)
    monkeypatch.setenv("PATH", "")
    assert VVC().identity()["programs"][ENCODER] == "absent"
    with pytest.raises(
        LinksimError, match=r"^VVC needs the program vvencapp: put it on the PATH, or its path into VVENCAPP$"
    ):
        VVC().encode_to_budget(PHOTO, 500)
    monkeypatch.setenv(ENCODER.upper(), "/no/such/program")
    with pytest.raises(LinksimError, match=r"^VVC: cannot run /no/such/program: No such file or directory$"):
        VVC().encode_to_budget(PHOTO, 500)


@pytest.mark.skipif(not HAVE_BOTH, reason="needs vvencapp and vvdecapp")
def test_the_real_programs_fit_a_budget_and_another_decoder_reads_the_file():
    av = pytest.importorskip("av")
    image = PHOTO[:32, :48]
    files = [VVC().encode(image, qp) for qp in (50, 37, 24)]
    quality = [psnr(image, VVC().decode(file, (32, 48))) for file in files]
    assert sorted(files, key=len) == files
    assert sorted(quality) == quality
    assert len(VVC().encode_to_budget(image, len(files[1]))) <= len(files[1])
    decoder = av.codec.CodecContext.create("vvc", "r")
    (frame,) = [*decoder.decode(av.Packet(files[1])), *decoder.decode(None)]
    (luma, *_) = frame.planes
    foreign = np.frombuffer(luma, np.uint8).reshape(luma.height, luma.line_size)[:, :48]
    ours = VVC().decode(files[1], (32, 48)) @ [0.299, 0.587, 0.114]
    assert np.abs(foreign - ours).mean() < 1  # but for samples that were clipped
    for at in range(8, len(files[1]), 3):
        damaged = bytearray(files[1])
        damaged[at] ^= 16
        try:
            assert VVC().decode(bytes(damaged), (32, 48)).shape == (32, 48, 3)
        except DecodeError:
            continue

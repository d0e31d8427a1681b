"""Image files as people have them: each kind is read right or refused in one line that names the file."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from linksim.data.images import MAX_PIXELS, read_image
from linksim.errors import LinksimError


@pytest.fixture
def picture():
    rng = np.random.default_rng(3)
    return rng.integers(0, 256, (13, 7, 3), dtype=np.uint8)


def _save(path, image, **options):
    image.save(path, **options)
    return path


def test_rgb_comes_back_unchanged(tmp_path, picture):
    read = read_image(_save(tmp_path / "a.png", Image.fromarray(picture)))
    np.testing.assert_array_equal(read, picture)
    assert read.dtype == np.uint8
    assert read.flags.writeable


def test_grey_fills_three_channels(tmp_path, picture):
    read = read_image(_save(tmp_path / "a.png", Image.fromarray(picture[:, :, 0])))
    np.testing.assert_array_equal(read, np.stack([picture[:, :, 0]] * 3, axis=2))


def test_black_and_white(tmp_path, picture):
    bits = picture[:, :, 0] > 127
    read = read_image(_save(tmp_path / "a.png", Image.fromarray(bits)))
    np.testing.assert_array_equal(read[:, :, 1], np.where(bits, 255, 0))


def test_palette_is_looked_up(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    np.testing.assert_array_equal(read_image(_save(tmp_path / "a.png", image)), [[[10, 20, 30], [200, 100, 50]]])


def _png(header: bytes, body: bytes) -> bytes:
    chunks = ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def test_opaque_alpha_is_dropped(tmp_path, picture):
    image = Image.fromarray(picture)
    image.putalpha(255)
    np.testing.assert_array_equal(read_image(_save(tmp_path / "a.png", image)), picture)


def test_orientation_is_applied(tmp_path, picture):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    read = read_image(_save(tmp_path / "a.png", Image.fromarray(picture), exif=exif))
    np.testing.assert_array_equal(read, np.rot90(picture, -1))


def _transparent(path, picture):
    image = Image.fromarray(picture)
    image.putalpha(254)
    return _save(path / "a.png", image)


def _transparent_palette(path, picture):
    return _save(path / "a.png", Image.new("P", (4, 4)), transparency=0)


def _animation(path, picture):
    frames = [Image.new("RGB", (4, 4), (i, 0, 0)) for i in (0, 200)]
    return _save(path / "a.webp", frames[0], save_all=True, append_images=frames[1:], duration=10)


def _cmyk(path, picture):
    return _save(path / "a.jpg", Image.new("CMYK", (4, 4)))


def _floating(path, picture):
    return _save(path / "a.tif", Image.new("F", (4, 4)))


def _cut_short(path, picture):
    whole = _save(path / "whole.png", Image.fromarray(picture)).read_bytes()
    (path / "a.png").write_bytes(whole[: len(whole) // 2])
    return path / "a.png"


def _bomb(path, picture):
    (path / "a.png").write_bytes(_png(struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0), b""))
    return path / "a.png"


def _large(path, picture):
    (path / "a.png").write_bytes(_png(struct.pack(">IIBBBBB", MAX_PIXELS // 8 + 1, 8, 8, 2, 0, 0, 0), b""))
    return path / "a.png"


def _no_image(path, picture):
    (path / "a.png").write_text("hello")
    return path / "a.png"


def _empty(path, picture):
    (path / "a.png").touch()
    return path / "a.png"


def _pipe(path, picture):
    os.mkfifo(path / "a.png")
    return path / "a.png"


def _loop(path, picture):
    (path / "a.png").symlink_to("a.png")
    return path / "a.png"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_transparent, "transparent pixels"),
        (_transparent_palette, "transparent pixels"),
        (_animation, "2 frames"),
        (_cmyk, "colour mode CMYK"),
        (_floating, "colour mode F"),
        (_cut_short, "truncated"),
        (_bomb, "pixels"),
        (_large, "8388609x8 pixels"),
        (_no_image, "not an image of a kind"),
        (lambda path, picture: path / "none.png", "no such file"),
        (_empty, "empty file"),
        (_pipe, "folder or device"),
        (_loop, "symbolic links"),
        (lambda path, picture: path, "folder or device"),
    ],
)
def test_what_has_no_one_reading_is_refused_by_name(tmp_path, picture, make, message):
    path = make(tmp_path, picture)
    with pytest.raises(LinksimError, match=message) as error:
        read_image(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)

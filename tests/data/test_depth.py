"""Samples of every depth are scaled exactly or refused by name, and transparency is seen at every depth."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

from linksim.data.images import FORMATS, SUFFIXES, read_image, to_eight_bits
from linksim.errors import LinksimError

RNG = np.random.default_rng(8)
Pixels = npt.NDArray[Any]
PNG_DEPTHS = [(1, 1), (2, 1), (4, 1), (8, 1), (16, 1), (8, 3), (16, 3)]
AVIF_OF_TEN_BITS = """
AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAAD5bWV0YQAAAAAAAAAvaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAFBpY3R1cmVIYW5k
bGVyAAAAAA5waXRtAAAAAAABAAAAHmlsb2MAAAAARAAAAQABAAAAAQAAASEAAABKAAAAKGlpbmYAAAAAAAEAAAAaaW5mZQIAAAAAAQAAYXYwMUNvbG9y
AAAAAGppcHJwAAAAS2lwY28AAAAUaXNwZQAAAAAAAABAAAAAQAAAABBwaXhpAAAAAAMKCgoAAAAMYXYxQ4EATAAAAAATY29scm5jbHgAAgACAAKAAAAA
F2lwbWEAAAAAAAAAAQABBAECgwQAAABSbWRhdAoKAAAAAq//iV8pCDI8EACTggMMEEAAAtf/q5u7VMSpazP2xjasefzkLPgRjgwPRINZSe2Y1FNf5o0e
oKKi5Zo7nAMA+KTyxW8w"""  # 64×64, four bands of luma 0, 300, 700 and 1023, written by SVT-AV1


def expected(samples: Pixels, largest: int) -> Pixels:
    """Exact, by Python's rational numbers, halves up; grey fills three channels."""
    scaled = [int(Fraction(510 * int(value) + largest, 2 * largest)) for value in samples.ravel()]
    image = np.array(scaled).reshape(samples.shape)
    return image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)


def ramp(largest: int, *shape: int) -> Pixels:
    """Samples with both ends, the middle and what lies next to them."""
    values = RNG.integers(0, largest + 1, shape)
    special = [0, 1, largest // 2, largest // 2 + 1, largest - 1, largest]
    values.flat[: len(special)] = special
    return values


def packed(samples: Pixels, bits: int) -> bytes:
    """Samples of a row, the highest bit first, filled up to whole bytes."""
    digits = (samples.reshape(-1, 1) >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(digits.astype(np.uint8)).tobytes()


def png(path: Path, samples: Pixels, depth: int, *chunks: tuple[bytes, bytes], alpha: bool = False) -> Path:
    """A PNG file as its specification has it. samples: (H, W) or (H, W, C)."""
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, colour, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + packed(row, depth) for row in samples))
    parts = ((b"IHDR", header), *chunks, (b"IDAT", body), (b"IEND", b""))
    framed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(framed))
    return path


def tiff(path: Path, samples: Pixels, bits: int, **tags: int) -> Path:
    """A little-endian TIFF file with one uncompressed strip. samples: (H, W) or (H, W, 3)."""
    height, width = samples.shape[:2]
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    data = b"".join(packed(row, bits) for row in samples)
    photometric = tags.get("photometric", 1 if channels == 1 else 2)
    depths = struct.pack("<" + "H" * channels, *[bits] * channels)
    entries = [
        (256, 3, 1, width), (257, 3, 1, height), (258, 3, channels, bits if channels == 1 else 8 + len(data)),
        (259, 3, 1, 1), (262, 3, 1, photometric), (273, 4, 1, 8), (277, 3, 1, channels), (278, 3, 1, height),
        (279, 4, 1, len(data)), (339, 3, 1, tags.get("sample_format", 1)),
    ]  # fmt: skip
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    at = 8 + len(data) + len(depths)
    head = struct.pack("<2sHI", b"II", 42, at)
    path.write_bytes(head + data + depths + struct.pack("<H", len(entries)) + body + bytes(4))
    return path


@pytest.mark.parametrize("largest", [1, 2, 3, 10, 15, 31, 255, 1000, 1023, 4095, 16383, 65534, 65535])
def test_scaling_is_exact(largest: int) -> None:
    samples = np.arange(largest + 1)[None] if largest < 5000 else ramp(largest, 1, 4000)
    assert np.array_equal(to_eight_bits(samples, largest), expected(samples, largest)[:, :, 0])


@pytest.mark.parametrize(("depth", "channels"), PNG_DEPTHS)
def test_png_of_each_depth(tmp_path: Path, depth: int, channels: int) -> None:
    samples = ramp((1 << depth) - 1, 9, 13, channels)
    image = read_image(png(tmp_path / "a.png", samples.squeeze(), depth))
    assert np.array_equal(image, expected(samples.squeeze(), (1 << depth) - 1))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("depth", [8, 16])
def test_png_alpha_is_dropped_where_opaque_and_refused_where_not(tmp_path: Path, depth: int, channels: int) -> None:
    largest = (1 << depth) - 1
    colours = ramp(largest, 5, 6, channels)
    alpha = np.full((5, 6, 1), largest)
    image = read_image(png(tmp_path / "a.png", np.concatenate([colours, alpha], axis=2), depth))
    assert np.array_equal(image, expected(colours.squeeze(), largest))
    alpha[2, 3] = largest * 9 // 10
    with pytest.raises(LinksimError, match="transparent pixels"):
        read_image(png(tmp_path / "b.png", np.concatenate([colours, alpha], axis=2), depth))


@pytest.mark.parametrize(("depth", "channels"), PNG_DEPTHS)
def test_png_transparent_colour_is_compared_at_the_depth_of_the_file(tmp_path: Path, depth: int, channels: int) -> None:
    """PNG 11.3.1.1: a pixel is transparent if all its samples equal those of tRNS. One lower bit is another colour."""
    largest = (1 << depth) - 1
    samples = np.full((4, 5, channels), largest)
    other, same = [(b"tRNS", struct.pack(f">{channels}H", *[value] * channels)) for value in (largest - 1, largest)]
    image = read_image(png(tmp_path / "other.png", samples.squeeze(), depth, other))
    assert (image == 255).all()
    with pytest.raises(LinksimError, match="transparent pixels"):
        read_image(png(tmp_path / "same.png", samples.squeeze(), depth, same))


def test_png_palette_with_transparency(tmp_path: Path) -> None:
    palette = Image.fromarray(ramp(3, 4, 6).astype(np.uint8), "L").convert("P")
    palette.putpalette([0, 0, 0, 9, 8, 7, 50, 60, 70, 200, 201, 202])
    palette.save(tmp_path / "opaque.png", transparency=bytes([255, 255, 255, 255]))
    assert np.array_equal(read_image(tmp_path / "opaque.png"), np.array(palette.convert("RGB")))
    palette.save(tmp_path / "half.png", transparency=bytes([255, 255, 255, 128]))
    with pytest.raises(LinksimError, match="transparent pixels"):
        read_image(tmp_path / "half.png")


def test_gamma_and_colour_profile_change_nothing(tmp_path: Path) -> None:
    samples = ramp(65535, 4, 6, 3)
    gamma = (b"gAMA", struct.pack(">I", 100_000))
    primaries = (b"cHRM", struct.pack(">8I", 31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600))
    profile = (b"iCCP", b"wide\0\0" + zlib.compress(bytes(128)))
    image = read_image(png(tmp_path / "a.png", samples, 16, gamma, primaries, profile))
    assert np.array_equal(image, expected(samples, 65535))


def test_deep_png_is_turned_upright(tmp_path: Path) -> None:
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # orientation 6: turn clockwise
    for channels in (1, 3):
        samples = ramp(65535, 4, 6, channels).squeeze()
        image = read_image(png(tmp_path / "a.png", samples, 16, (b"eXIf", exif)))
        assert np.array_equal(image, np.rot90(expected(samples, 65535), -1))


@pytest.mark.parametrize("shape", [(17, 23), (17, 23, 3), (17, 23, 4)])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("how", [{}, {"compression": "zlib"}, {"rowsperstrip": 5}, {"tile": (16, 16)}])
def test_tiff_of_sixteen_bits(tmp_path: Path, shape: tuple[int, ...], order: str, how: dict[str, Any]) -> None:
    samples = ramp(65535, *shape).astype("u2")
    options: dict[str, Any] = {"photometric": "minisblack" if len(shape) == 2 else "rgb", **how}
    if len(shape) == 3 and shape[2] == 4:
        samples[:, :, 3] = 65535
        options["extrasamples"] = ["unassalpha"]
    tifffile.imwrite(tmp_path / "a.tif", samples, byteorder=order, **options)
    colours = samples[:, :, :3] if samples.ndim == 3 else samples
    assert np.array_equal(read_image(tmp_path / "a.tif"), expected(colours, 65535))


@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha", "unspecified"])
def test_tiff_of_sixteen_bits_with_alpha(tmp_path: Path, kind: str) -> None:
    samples = ramp(65535, 7, 8, 4).astype("u2")
    samples[:, :, 3] = 40000
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="rgb", extrasamples=[kind])
    if kind == "unspecified":  # a channel that says nothing of transparency
        assert np.array_equal(read_image(tmp_path / "a.tif"), expected(samples[:, :, :3], 65535))
    else:
        with pytest.raises(LinksimError, match="transparent pixels"):
            read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_whose_white_is_zero(tmp_path: Path, bits: int) -> None:
    largest = (1 << bits) - 1
    samples = ramp(largest, 5, 7).astype(f"u{bits // 8}")
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="miniswhite", byteorder="<")
    assert np.array_equal(read_image(tmp_path / "a.tif"), expected(largest - samples, largest))


def test_tiff_of_twelve_bits(tmp_path: Path) -> None:
    samples = ramp(4095, 6, 9)
    path = tiff(tmp_path / "a.tif", samples, 12)
    assert np.array_equal(read_image(path), expected(samples, 4095))


@pytest.mark.parametrize(
    ("bits", "channels", "tags", "message"),
    [
        (10, 1, {}, "bits per sample: 10"),
        (14, 1, {}, "bits per sample: 14"),
        (12, 3, {}, "bits per sample: 12, 12, 12"),
        (12, 1, {"photometric": 0}, "photometric interpretation: 0"),
        (8, 1, {"sample_format": 2}, "signed samples"),
        (16, 1, {"sample_format": 2}, "colour mode I"),
    ],
)
def test_tiff_that_is_not_supported_is_refused_by_name(
    tmp_path: Path, bits: int, channels: int, tags: dict[str, int], message: str
) -> None:
    path = tiff(tmp_path / "a.tif", ramp((1 << bits) - 1, 4, 6, channels).squeeze(), bits, **tags)
    with pytest.raises(LinksimError, match=message):
        read_image(path)


def test_deep_tiff_in_planes_is_refused(tmp_path: Path) -> None:
    for compression in (None, "zlib"):
        samples = ramp(65535, 3, 6, 7).astype(np.uint16)
        tifffile.imwrite(
            tmp_path / "a.tif", samples, photometric="rgb", planarconfig="separate", compression=compression
        )
        with pytest.raises(LinksimError, match="separate planes"):
            read_image(tmp_path / "a.tif")


def test_tiff_palette_is_scaled_from_sixteen_bits(tmp_path: Path) -> None:
    palette = ramp(65535, 3, 256).astype(np.uint16)
    indices = np.arange(256, dtype=np.uint8).reshape(16, 16)
    tifffile.imwrite(tmp_path / "a.tif", indices, photometric="palette", colormap=palette)
    assert np.array_equal(read_image(tmp_path / "a.tif"), expected(palette.T[indices], 65535))


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("largest", [1, 10, 31, 255, 1023, 4095, 65535])
def test_netpbm_of_each_largest_value(tmp_path: Path, largest: int, channels: int, plain: bool) -> None:
    samples = ramp(largest, 5, 7, channels)
    number = {1: 2, 3: 3}[channels] + (0 if plain else 3)
    head = b"P%d # a comment\n7 5\n%d\n" % (number, largest)
    words = b"# another\n" + b"\n".join(b"%d" % value for value in samples.ravel())
    body = words if plain else samples.astype("u1" if largest < 256 else ">u2").tobytes()
    (tmp_path / "a.pnm").write_bytes(head + body)
    assert np.array_equal(read_image(tmp_path / "a.pnm"), expected(samples.squeeze(), largest))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"P5 2 1 15\n\x0f\x10", "samples from 15 to 16: the file states 0 to 15"),
        (b"P2 2 1 15\n15 -1", "samples from -1 to 15"),
        (b"P5 2 2 1000\n\0\1\0\1", "truncated"),
        (b"P3 1 1 255\n1 2", "truncated"),
    ],
)
def test_netpbm_that_contradicts_itself(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.pnm").write_bytes(content)
    with pytest.raises(LinksimError, match=message):
        read_image(tmp_path / "a.pnm")


def test_bitmap_of_black_and_white(tmp_path: Path) -> None:
    (tmp_path / "a.pbm").write_bytes(b"P4 8 1\n\xa5")
    assert read_image(tmp_path / "a.pbm")[0, :, 0].tolist() == [0, 255, 0, 255, 255, 0, 255, 0]


@pytest.mark.parametrize("green", [5, 6])
def test_bmp_of_sixteen_bits_a_pixel(tmp_path: Path, green: int) -> None:
    samples = np.stack([ramp((1 << bits) - 1, 4, 6) for bits in (5, green, 5)], axis=2)
    words = (samples[:, :, 0] << (5 + green) | samples[:, :, 1] << 5 | samples[:, :, 2]).astype("<u2")
    masks = (0x1F << (5 + green), ((1 << green) - 1) << 5, 0x1F)
    info = struct.pack("<IiiHHIIiiII", 40, 6, -4, 1, 16, 3, 48, 0, 0, 0, 0) + struct.pack("<3I", *masks)
    (tmp_path / "a.bmp").write_bytes(b"BM" + struct.pack("<IHHI", 66 + 48, 0, 0, 66) + info + words.tobytes())
    planes = [expected(samples[:, :, i], (1 << bits) - 1)[:, :, 0] for i, bits in enumerate((5, green, 5))]
    assert np.array_equal(read_image(tmp_path / "a.bmp"), np.stack(planes, axis=2))


def jpeg2000(path: Path, samples: Pixels, bits: int) -> Path:
    """Grey samples of ``bits`` bits. Pillow writes 16; all that the depth means is where zero lies (Annex G.1) and how
    many bits the header tells of, so both are moved."""
    made = io.BytesIO()
    shifted = (samples + (1 << 15) - (1 << (bits - 1))).astype(np.uint16)
    Image.fromarray(shifted).save(made, "JPEG2000", irreversible=False, no_jp2=True)
    data = bytearray(made.getvalue())
    data[42] = bits - 1
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("bits", [4, 7, 9, 10, 12, 14, 16])
def test_jpeg2000_grey_of_each_depth(tmp_path: Path, bits: int) -> None:
    samples = ramp((1 << bits) - 1, 40, 50)
    assert np.array_equal(read_image(jpeg2000(tmp_path / "a.j2k", samples, bits)), expected(samples, (1 << bits) - 1))


def test_jpeg2000_of_eight_bits(tmp_path: Path) -> None:
    picture = ramp(255, 20, 30, 3).astype(np.uint8)
    for name in ("a.jp2", "b.j2k"):
        Image.fromarray(picture).save(tmp_path / name, irreversible=False)
        assert np.array_equal(read_image(tmp_path / name), picture)


def test_jpeg2000_of_deep_colour_is_refused(tmp_path: Path) -> None:
    Image.fromarray(ramp(255, 20, 30, 3).astype(np.uint8)).save(tmp_path / "a.j2k")
    data = bytearray((tmp_path / "a.j2k").read_bytes())
    data[42:51:3] = bytes([11] * 3)
    (tmp_path / "a.j2k").write_bytes(data)
    with pytest.raises(LinksimError, match="JPEG 2000 of 12 bits a sample"):
        read_image(tmp_path / "a.j2k")


def test_jpeg_of_twelve_bits_is_refused_by_name(tmp_path: Path) -> None:
    Image.fromarray(ramp(255, 16, 16).astype(np.uint8)).save(tmp_path / "a.jpg")
    data = bytearray((tmp_path / "a.jpg").read_bytes())
    data[data.index(b"\xff\xc0") + 4] = 12
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(LinksimError, match="JPEG that cannot be read: cannot handle 12-bit layers"):
        read_image(tmp_path / "a.jpg")


def test_avif_of_ten_bits(tmp_path: Path) -> None:
    (tmp_path / "a.avif").write_bytes(base64.b64decode(AVIF_OF_TEN_BITS))
    bands = expected(np.array([[0], [300], [700], [1023]]), 1023)
    assert np.abs(read_image(tmp_path / "a.avif")[8::16, 5:6] - bands).max() <= 1  # what the codec itself loses


def test_suffixes_are_all_that_the_formats_are_called() -> None:
    assert {".jfif", ".jpe", ".pnm", ".pbm", ".j2k", ".jpx", ".dib", ".mpo", ".apng"} <= set(SUFFIXES)
    assert not {".pdf", ".eps", ".pfm", ".svg", ".psd"} & set(SUFFIXES)
    Image.init()
    assert {Image.registered_extensions()[suffix] for suffix in SUFFIXES} == {*FORMATS, "MPO"}

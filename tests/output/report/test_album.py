"""Pictures of a page: kept once, and within a limit."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image as Pillow

from linksim.errors import LinksimError
from linksim.link import Image
from linksim.output.report.album import Album


def noise(height: int, width: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def opened(text: str) -> Image:
    return np.asarray(Pillow.open(io.BytesIO(base64.b64decode(text))).convert("RGB"))


def test_equal_pictures_have_one_number() -> None:
    album = Album()
    numbers = [album.add(picture) for picture in (noise(8, 8), noise(8, 8, 1), noise(8, 8))]
    assert numbers == [0, 1, 0]
    assert len(album) == 2
    assert album.add(np.zeros((2, 8, 3), np.uint8)) != album.add(np.zeros((8, 2, 3), np.uint8))


def test_small_pictures_are_kept_as_they_are() -> None:
    album = Album()
    album.add(noise(96, 64))
    (text,), quality = album.encode()
    np.testing.assert_array_equal(opened(text), noise(96, 64))
    assert str(quality).startswith("lossless")


def test_large_pictures_are_reduced() -> None:
    album = Album()
    album.add(noise(512, 768))
    (text,), quality = album.encode()
    assert opened(text).shape == (256, 384, 3)
    assert "quality 95" in str(quality)


def test_the_best_quality_within_the_limit_is_taken() -> None:
    album = Album()
    for seed in range(40):
        album.add(noise(64, 64, seed))
    everything, best = album.encode()
    limit = sum(map(len, everything)) - 1
    files, quality = album.encode(limit)
    assert sum(map(len, files)) <= limit
    assert best.webp is None
    assert quality.webp == 95
    with pytest.raises(LinksimError, match="40 different pictures"):
        album.encode(1000)


def test_an_album_may_be_empty() -> None:
    assert Album().encode()[0] == []

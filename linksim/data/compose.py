"""Images put together from cut-outs and backgrounds, the same on every machine.

Every random choice comes from :class:`Dice`, every pixel from integer arithmetic (Pillow's 8-bit resampling and numpy
integers): what is composed depends neither on numpy's generators nor on how a platform rounds.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from linksim.link import Image

VERSION = 1
"""Raised with every change of what is composed: part of the identity of composed data sets."""

Mask = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""left, top, width, height in pixels."""

_UNIT = 256
"""Fixed-point one of gains."""


class Dice:
    """Random numbers from a Philox counter keyed by the SHA-256 of what they are for."""

    def __init__(self, *purpose: object):
        digest = hashlib.sha256("/".join(map(str, purpose)).encode()).digest()
        self._generator = np.random.Philox(key=int.from_bytes(digest[:16], "big"))
        self._drawn: list[int] = []

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Uniform in [low, high), 53 random bits."""
        if not self._drawn:
            self._drawn = self._generator.random_raw(32)[::-1].tolist()
        return low + (high - low) * ((self._drawn.pop() >> 11) * 2.0**-53)

    def below(self, count: int) -> int:
        """Uniform in 0 .. count − 1."""
        return int(self.uniform() * count)


def backdrop(background: Pillow.Image, side: int, dice: Dice, smallest: float) -> Image:
    """A random square of the background, mirrored or not, reduced to (side, side, 3). ``smallest``: the least it
    may cover of the background's shorter side."""
    shorter = min(background.size)
    span = max(int(shorter * dice.uniform(smallest, 1.0)), min(side, shorter))
    left, top = dice.below(background.width - span + 1), dice.below(background.height - span + 1)
    box = (left, top, left + span, top + span)
    square = background.resize((side, side), Pillow.Resampling.BICUBIC, box=box, reducing_gap=2.0)
    pixels = np.asarray(square)
    return pixels[:, ::-1].copy() if dice.uniform() < 0.5 else pixels.copy()


def fit(
    cutout: Pillow.Image, side: int, dice: Dice, smallest: float, largest: float, enlarge: float = 1.4
) -> tuple[int, int]:
    """Width and height at which to paste: the longer side a random part of ``side`` between ``smallest`` and
    ``largest``, but never more than ``enlarge`` times the cut-out's own; long thin ones are drawn to ``largest``."""
    longer, thin = max(cutout.size), 1.0 - min(cutout.size) / max(cutout.size)
    part = dice.uniform(smallest + 0.5 * thin * (largest - smallest), largest)
    scale = min(part * side / longer, enlarge)
    return max(1, int(cutout.width * scale)), max(1, int(cutout.height * scale))


def paste(canvas: Image, cutout: Pillow.Image, box: Box, dice: Dice, mirror: bool) -> Mask:
    """Paste a premultiplied cut-out into ``box`` of the canvas (changed in place) and return its alpha there,
    shape (height, width): tone drawn towards what lies behind it, and a soft shadow under it."""
    left, top, width, height = box
    pixels = np.asarray(cutout.resize((width, height), Pillow.Resampling.BICUBIC)).astype(np.int32)
    if mirror:
        pixels = pixels[:, ::-1]
    alpha = pixels[..., 3]
    _shade(canvas, alpha, box, dice)
    window = canvas[top : top + height, left : left + width]
    colours = np.minimum(pixels[..., :3] * _gains(pixels, window, dice) // _UNIT, alpha[..., None])
    window[:] = colours + (window * (255 - alpha[..., None]) + 127) // 255
    return alpha.astype(np.uint8)


def _gains(pixels: npt.NDArray[np.int32], behind: Image, dice: Dice) -> npt.NDArray[np.int32]:
    """Gain per colour in 1/256: a quarter of the way to the brightness behind, and a random cast."""
    own = max(1, int(pixels[..., :3].sum(dtype=np.int64))) * 255 / max(1, 3 * int(pixels[..., 3].sum(dtype=np.int64)))
    there = int(behind.sum(dtype=np.int64)) / behind.size
    match = min(max(0.75 + 0.25 * there / own, 0.75), 1.25) * dice.uniform(0.92, 1.08)
    return np.array([int(_UNIT * match * dice.uniform(0.97, 1.03)) for _ in range(3)], dtype=np.int32)


def _shade(canvas: Image, alpha: npt.NDArray[np.int32], box: Box, dice: Dice) -> None:
    """Darken the canvas where the blurred outline, moved down and sideways, falls."""
    left, top, width, height = box
    reach = max(width, height)
    strength = int(_UNIT * dice.uniform(0.0, 0.45))
    dx, dy = int(reach * dice.uniform(-0.06, 0.06)), int(reach * dice.uniform(0.01, 0.07))
    outline = Pillow.new("L", (canvas.shape[1], canvas.shape[0]))
    outline.paste(Pillow.fromarray(alpha.astype(np.uint8)), (left + dx, top + dy))
    coarse = (max(2, canvas.shape[1] * 4 // reach), max(2, canvas.shape[0] * 4 // reach))
    coarse = (max(coarse[0], canvas.shape[1] // 6), max(coarse[1], canvas.shape[0] // 6))
    soft = outline.resize(coarse, Pillow.Resampling.BOX).resize(outline.size, Pillow.Resampling.BICUBIC)
    keep = 255 * _UNIT - np.asarray(soft).astype(np.int32)[..., None] * strength
    canvas[:] = canvas * keep // (255 * _UNIT)

"""The reference without a link: the image itself, at no cost and without loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from linksim.link import Image, Link, Reception, Transmission


class OriginalLink(Link):
    """The image itself, no link: the upper bound of every task. It uses no channel, so its bpp and CBR are 0."""

    identity_name, version = "original", 1

    def send(self, images: Sequence[Image]) -> Transmission:
        n = len(images)
        return Transmission(np.zeros(0, np.complex64), np.zeros(n + 1, np.int64), np.zeros(n, np.int64), list(images))

    def receive(
        self, received: npt.NDArray[np.complex64], noise_var: npt.NDArray[np.float32], header: Any
    ) -> Reception:
        return Reception(list(header), np.ones(len(header), bool))

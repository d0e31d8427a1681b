"""``photos``: 24 embedded photographs for measuring fidelity."""

from __future__ import annotations

from typing import Any

from linksim.data import embedded
from linksim.data.base import Dataset, Sample
from linksim.data.images import read_image
from linksim.errors import unknown


class Photos(Dataset):
    """24 views, 768×512 or 512×768, of 14 photographs by 9 people, reduced so far that no compression artefact of
    the original is left, stored without loss. ``sources`` names the photograph, since some share one."""

    name = "photos"
    description = "24 photographs, 768×512, losslessly stored"
    splits = ("test",)
    embedded = True
    trusted = True
    expects = "nothing: embedded"

    def __init__(self, split: str = "test"):
        if split not in self.splits:
            raise unknown("split of photos", split, self.splits)
        self._photos = embedded.photos()

    def __len__(self) -> int:
        return len(self._photos)

    def __getitem__(self, index: int) -> Sample:
        photo = self._photos[index]
        return Sample(read_image(embedded.ASSETS / photo.file), photo.name, sources=(photo.of,))

    def digest(self, index: int, sample: Sample | None = None) -> str:
        return embedded.digest(self.name, self._photos[index].name)

    def identity(self) -> dict[str, Any]:
        return {"dataset": self.name, "split": "test", "images": len(self), "assets": embedded.fingerprint()}

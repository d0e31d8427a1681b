"""``things``: 96×96 photographs of seven classes, embedded."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from linksim.data import embedded
from linksim.data.base import Dataset, Sample
from linksim.data.images import read_image
from linksim.errors import unknown

CLASSES = ("dam", "fish", "household", "monument", "solar", "tool", "windmill")
FOLDS = 5


class Things(Dataset):
    """130 photographs of 126 things: fish, monuments, tools, household things, windmills, solar collectors and dams.

    ``test`` is all of them. ``fold1`` to ``fold5`` divide them: each has every class, and all photographs of a thing
    are in one. ``rest1`` to ``rest5`` are what each fold leaves, to train a head that is tested on the fold. No
    photograph is a training patch or part of another embedded set. Classes come in turns.
    """

    name = "things"
    classes = CLASSES
    description = "7 classes, 96×96, photographs"
    splits = ("test", *(f"{part}{fold}" for part in ("fold", "rest") for fold in range(1, FOLDS + 1)))
    embedded = True
    trusted = True
    expects = "nothing: embedded"

    def __init__(self, split: str = "test"):
        if split not in self.splits:
            raise unknown("split of things", split, self.splits)
        self.split = split
        part, fold = split[:-1], split[-1]
        chosen = [t for t in embedded.things() if part == "tes" or (t.split == fold) == (part == "fold")]
        rounds = zip_longest(*([t for t in chosen if t.label == label] for label in CLASSES))
        self._things = [thing for things in rounds for thing in things if thing is not None]

    def __len__(self) -> int:
        return len(self._things)

    def __getitem__(self, index: int) -> Sample:
        thing = self._things[index]
        image = read_image(embedded.ASSETS / thing.file)
        return Sample(image, f"{thing.label}/{thing.name}", CLASSES.index(thing.label), sources=(thing.of,))

    def digest(self, index: int, sample: Sample | None = None) -> str:
        return embedded.digest(self.name, self._things[index].name, kinds=("things",))

    def identity(self) -> dict[str, Any]:
        assets = embedded.fingerprint(("things",))
        return {"dataset": self.name, "split": self.split, "images": len(self), "assets": assets}

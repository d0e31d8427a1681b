"""What is embedded and composed: pinned, separate between the splits, balanced, and sound."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow

from linksim.data import embedded
from linksim.data.base import Dataset
from linksim.data.compose import Dice
from linksim.data.photos import Photos
from linksim.data.scenes import Scenes
from linksim.data.stamps10 import CLASSES, Stamps10
from linksim.data.things import Things
from linksim.errors import LinksimError
from linksim.link import Image

# SHA-256 over keys, pixels, labels and boxes of every 15th of the first 210 images.
PINNED = {
    ("stamps10", "train"): "2395a38fd5fbfbab8c43fd944cf9038234308255a6f2cb95d806d9d398ab334d",
    ("stamps10", "val"): "9ee57a27fcbe2faa389e0b9782f6db36a5e713fe70642b3e7a46459def0f9731",
    ("stamps10", "test"): "b9f7e189a79f18d82dbbcaf684c66f76e73731bc05e960432427a447738f5ed7",
    ("stamps10", "test-seen"): "0b2c1fe4a9ecc1a2b30a1fdd82e3fc52f9bc898a2fec36ac4ba3602c13941052",
    ("scenes", "train"): "8a8890b31492f8fd4ec45f7385a63722de53cb3e2b935f59d41eda5b2bf1ee63",
    ("scenes", "test"): "a4e32a57906babb8bfa8fd769b47e9b02006d90ed33550e15d6bc56d763a216a",
    ("photos", "test"): "064466a63fad7142e78a7c7fefcce2789fca489aad22e9f8b05813ebdb67a0e7",
    ("things", "test"): "cb8954e8cf298c44b23c4c0c44840187a0a2b5fded8bb22e4e419885073773af",
    ("things", "fold2"): "612f462d33681c50d0c533551032ea31abce373efc8b4ab3a4ee5f8c470486d8",
}
SETS: dict[str, type[Dataset]] = {"stamps10": Stamps10, "scenes": Scenes, "photos": Photos, "things": Things}


def content_hash(dataset: Dataset) -> str:
    digest = hashlib.sha256()
    for index in range(0, min(210, len(dataset)), 15):
        sample = dataset[index]
        digest.update(f"{sample.key} {sample.image.shape} {sample.label} {sample.sources}".encode())
        digest.update(np.ascontiguousarray(sample.image).data)
        if sample.objects is not None:
            digest.update(sample.objects.boxes.astype("<f4").tobytes() + sample.objects.labels.astype("<i8").tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize(("name", "split"), PINNED)
def test_content_is_what_it_was(name: str, split: str) -> None:
    assert content_hash(SETS[name](split=split)) == PINNED[name, split]  # type: ignore[call-arg]


@pytest.mark.parametrize(("name", "split"), PINNED)
def test_every_image_is_uint8_rgb_and_writable_only_by_its_owner(name: str, split: str) -> None:
    dataset = SETS[name](split=split)  # type: ignore[call-arg]
    first, again = dataset[3], dataset[3]
    assert first.image.dtype == np.uint8
    assert first.image.shape[2] == 3
    assert np.array_equal(first.image, again.image)
    assert not np.shares_memory(first.image, again.image)


def test_files_are_those_of_the_manifest() -> None:
    manifest = embedded._manifest()
    listed = {e["file"]: e["sha256"] for kind in ("photos", "backgrounds", "cutouts", "things") for e in manifest[kind]}
    present = {p.relative_to(embedded.ASSETS).as_posix(): p for p in embedded.ASSETS.rglob("*.webp")}
    assert listed.keys() == present.keys()
    assert all(hashlib.sha256(present[f].read_bytes()).hexdigest() == digest for f, digest in listed.items())


def test_every_file_has_an_author_and_a_licence_that_the_notice_names() -> None:
    notice = (embedded.ASSETS / "LICENSES.md").read_text(encoding="utf-8")
    manifest = embedded._manifest()
    for entry in itertools.chain(*(manifest[kind] for kind in ("photos", "backgrounds", "cutouts", "things"))):
        assert entry["author"]
        assert entry["file"] in notice
        assert entry["licence"] == "public domain" or f"- {entry['licence']}: " in notice


def test_splits_share_no_original() -> None:
    for assets in (embedded.backgrounds(), embedded.cutouts()):
        sides = [{a.of for a in assets if a.split == split} for split in ("train", "val", "test")]
        assert all(sides)
        assert not any(a & b for a, b in itertools.combinations(sides, 2))


def test_photos_are_never_a_background_of_training() -> None:
    photographs = {p.of for p in embedded.photos()}
    assert not photographs & {b.of for b in embedded.backgrounds() if b.split != "test"}


@pytest.mark.parametrize(("seen", "unseen"), [("train", "test"), ("train", "val"), ("val", "test")])
def test_samples_of_two_splits_share_no_source(seen: str, unseen: str) -> None:
    def sources(split: str) -> set[str]:
        dataset = Stamps10(split)
        return {source for index in range(0, 500, 13) for source in dataset[index].sources}

    assert not sources(seen) & sources(unseen)


def test_seen_split_has_cutouts_of_training_before_new_backgrounds() -> None:
    samples = [Stamps10("test-seen")[i] for i in range(0, 500, 13)]
    splits = {a.name: a.split for a in embedded.cutouts()}
    grounds = {b.of: b.split for b in embedded.backgrounds()}
    assert {splits[s.sources[0]] for s in samples} == {"train"}
    assert {grounds[s.sources[1]] for s in samples} == {"test"}


@pytest.mark.parametrize("split", ["test", "test-seen"])
def test_classes_are_balanced_from_the_first_image_on(split: str) -> None:
    dataset = Stamps10(split)
    assert len(dataset) >= 1000
    assert set(Counter(dataset[i].label for i in range(100)).values()) == {10}


def test_label_is_the_class_of_the_cutout() -> None:
    labels = {c.name: c.label for c in embedded.cutouts()}
    for sample in (Stamps10("test")[i] for i in range(60)):
        assert sample.label is not None
        assert CLASSES[sample.label] == labels[sample.sources[0]]


def test_train_goes_on_beyond_its_length() -> None:
    dataset = Stamps10("train")
    assert dataset[len(dataset) + 5].image.shape == (96, 96, 3)
    with pytest.raises(IndexError):
        Stamps10("test")[1000]


def test_keys_are_unique() -> None:
    dataset = Photos()
    assert len({dataset[i].key for i in range(len(dataset))}) == len(dataset) == 24


def test_photos_have_kodaks_sizes() -> None:
    assert {Photos()[i].image.shape for i in range(24)} == {(512, 768, 3), (768, 512, 3)}


def test_folds_of_things_divide_them_and_share_none() -> None:
    everything = {s.key: s for s in map(Things().__getitem__, range(len(Things())))}
    assert len(everything) == len(Things()) == 130
    assert len({s.sources for s in everything.values()}) == 126
    folds = [[everything[Things(f"fold{k}")[i].key] for i in range(len(Things(f"fold{k}")))] for k in range(1, 6)]
    assert sorted(s.key for fold in folds for s in fold) == sorted(everything)
    assert not any({s.sources for s in a} & {s.sources for s in b} for a, b in itertools.combinations(folds, 2))
    for number, fold in enumerate(folds, 1):
        assert {s.label for s in fold} == set(range(7))
        rest = Things(f"rest{number}")
        assert {rest[i].key for i in range(len(rest))} == everything.keys() - {s.key for s in fold}


def test_things_come_with_a_class_in_turn() -> None:
    data = Things()
    assert [data[i].label for i in range(8)] == [0, 1, 2, 3, 4, 5, 6, 0]
    assert all(data[i].key.startswith(data.classes[data[i].label or 0] + "/") for i in range(len(data)))


def test_things_are_none_of_the_other_photographs() -> None:
    """Alike in grey at 24×24, where the same photograph at another size gives 1.000 and others .84 at most."""

    def shape(pixels: Image) -> npt.NDArray[np.float64]:
        image = Pillow.fromarray(pixels)
        shorter = min(image.size)
        left, top = (image.width - shorter) // 2, (image.height - shorter) // 2
        square = image.convert("L").crop((left, top, left + shorter, top + shorter)).resize((24, 24))
        grey = np.asarray(square, np.float64).ravel()
        return (grey - grey.mean()) / np.linalg.norm(grey - grey.mean())

    data = Things()
    things = np.stack([shape(data[i].image) for i in range(len(data))])
    others = np.stack([shape(np.asarray(embedded.opened(a))) for a in (*embedded.backgrounds(), *embedded.photos())])
    assert (things @ others.T).max() < 0.95


def test_boxes_of_scenes_are_inside_tight_and_hardly_overlap() -> None:
    dataset = Scenes()
    for index in range(0, 60, 5):
        objects = dataset[index].objects
        assert objects is not None
        assert 1 <= len(objects.labels) <= 4
        x0, y0, x1, y1 = objects.boxes.T
        assert (x0 >= 0).all()
        assert (y0 >= 0).all()
        assert (np.maximum(x1, y1) <= 384).all()
        assert (np.minimum(x1 - x0, y1 - y0) >= 10).all()
        assert not objects.difficult.any()


def test_box_is_where_pixels_changed() -> None:
    """The same dice with and without the object: what differs, shadow aside, spans the box."""
    from linksim.data.compose import paste

    canvas = np.full((100, 120, 3), 255, np.uint8)
    stamp = Pillow.new("RGBa", (30, 20), (0, 0, 0, 255))
    alpha = paste(canvas, stamp, (40, 50, 30, 20), Dice("box"), mirror=False)
    rows, columns = np.nonzero((canvas == 0).all(axis=2))
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (50, 70, 40, 70)
    assert (alpha == 255).all()


def test_paste_mixes_by_alpha() -> None:
    from linksim.data.compose import paste

    canvas = np.full((50, 50, 3), 200, np.uint8)
    transparent = Pillow.new("RGBa", (20, 20), (0, 0, 0, 0))
    assert (paste(canvas, transparent, (10, 10, 20, 20), Dice("clear"), mirror=True) == 0).all()
    assert (canvas == 200).all()


def test_scenes_names_are_cocos() -> None:
    from linksim.tasks.detection import COCO_CLASSES

    assert set(Scenes.classes) <= set(COCO_CLASSES)


def test_dice_are_even_and_repeatable() -> None:
    values = [Dice("a", i).uniform() for i in range(2000)]
    assert abs(np.mean(values) - 0.5) < 0.03
    assert values[:5] == [Dice("a", i).uniform() for i in range(5)]
    assert Dice("a", 1).uniform() != Dice("a", 11).uniform()
    one = Dice("long")
    assert len({one.uniform() for _ in range(200)}) == 200
    assert {Dice("b", i).below(3) for i in range(50)} == {0, 1, 2}


def test_dice_are_philox_as_published() -> None:
    """First word of Philox4x64-10 for counter 1, as numpy starts, against Python's own big integers."""
    digest = hashlib.sha256(b"oracle/7").digest()
    key = int.from_bytes(digest[:16], "big")
    word = _philox4x64([1, 0, 0, 0], [key & (2**64 - 1), key >> 64])[0]
    assert Dice("oracle", 7).uniform() == (word >> 11) * 2.0**-53


def _philox4x64(counter: list[int], key: list[int]) -> list[int]:
    """Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), section 3.3, ten rounds."""
    mask = 2**64 - 1
    for _ in range(10):
        a, b = 0xD2E7470EE14C6C93 * counter[0], 0xCA5A826395121157 * counter[2]
        counter = [(b >> 64) ^ counter[1] ^ key[0], b & mask, (a >> 64) ^ counter[3] ^ key[1], a & mask]
        key = [(key[0] + 0x9E3779B97F4A7C15) & mask, (key[1] + 0xBB67AE8584CAA73B) & mask]
    return counter


@pytest.mark.parametrize("cls", [Stamps10, Scenes, Photos, Things])
def test_wrong_split_is_refused_with_those_there_are(cls: type) -> None:
    with pytest.raises(LinksimError, match="test"):
        cls("tset")


def test_identity_tells_splits_apart() -> None:
    assert Stamps10("test").identity() != Stamps10("val").identity()
    assert Scenes("test").identity() != Scenes("train").identity()
    assert Things("fold1").identity() != Things("test").identity()

"""Loaders of data sets on disk, each on a small set made in the official layout."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from layouts import (
    ANNOTATION,
    RNG,
    make_cifar10,
    make_class_folder,
    make_folder,
    make_imagenet,
    make_kodak,
    make_stl10,
    make_voc,
    save,
)

from linksim.data.base import Dataset
from linksim.data.cifar10 import CIFAR10
from linksim.data.detect import found, guess
from linksim.data.folder import ClassFolder, ImageFolder, Kodak
from linksim.data.imagenet import ImageNet
from linksim.data.scenes import Scenes
from linksim.data.stl10 import STL10
from linksim.data.voc import PascalVOC, export_voc
from linksim.errors import LinksimError

MAKERS: dict[str, Callable[[Path], object]] = {
    "stl10": make_stl10,
    "cifar10": make_cifar10,
    "voc": make_voc,
    "imagenet": make_imagenet,
    "kodak": make_kodak,
    "class-folder": make_class_folder,
    "folder": make_folder,
}
LOADERS: dict[str, type[Dataset]] = {
    "stl10": STL10,
    "cifar10": CIFAR10,
    "voc": PascalVOC,
    "imagenet": ImageNet,
    "kodak": Kodak,
    "class-folder": ClassFolder,
    "folder": ImageFolder,
}


@pytest.mark.parametrize("name", MAKERS)
def test_folder_is_recognised_and_identified(name: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    assert guess(tmp_path) == name
    dataset = LOADERS[name](tmp_path)  # type: ignore[call-arg]
    keys = [dataset[i].key for i in range(len(dataset))]
    assert len(set(keys)) == len(keys) > 0
    assert dataset.identity() == LOADERS[name](tmp_path).identity()  # type: ignore[call-arg]
    victim = max((p for p in tmp_path.rglob("*") if p.suffix in (".bin", ".png", ".jpg", "") and p.is_file()), key=str)
    damaged = bytearray(victim.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    before = dataset.identity()
    victim.write_bytes(damaged)
    assert dataset.identity() != before


@pytest.mark.parametrize("name", LOADERS)
def test_missing_data_is_one_line_that_tells_where_and_how(name: str, tmp_path: Path) -> None:
    for root in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(LinksimError) as caught:
            LOADERS[name](root)  # type: ignore[call-arg]
        message = str(caught.value)
        assert str(root) in message
        assert LOADERS[name].expects in message  # type: ignore[attr-defined]
        assert "\n" not in message


@pytest.mark.parametrize("name", LOADERS)
def test_wrong_split_is_refused(name: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    with pytest.raises(LinksimError, match="split"):
        LOADERS[name](tmp_path, "tset")  # type: ignore[call-arg]


def test_nothing_recognised_lists_what_is(tmp_path: Path) -> None:
    for bad in (tmp_path, tmp_path / "nowhere", Path(__file__)):
        with pytest.raises(LinksimError, match=str(bad)):
            guess(bad)


def test_stl10_is_upright(tmp_path: Path) -> None:
    images = make_stl10(tmp_path)
    dataset = STL10(tmp_path)
    assert [dataset[i].label for i in range(3)] == [0, 9, 3]
    assert dataset.classes[9] == "truck"
    assert all(np.array_equal(dataset[i].image, images[i]) for i in range(3))


def test_stl10_unlabeled_has_no_labels(tmp_path: Path) -> None:
    make_stl10(tmp_path, "unlabeled")
    (tmp_path / "unlabeled_y.bin").unlink()
    assert STL10(tmp_path, "unlabeled")[2].label is None


def test_stl10_half_copied(tmp_path: Path) -> None:
    make_stl10(tmp_path)
    pixels = (tmp_path / "test_X.bin").read_bytes()
    for cut in (27648 * 2, 27648 * 3 - 1, 0):
        (tmp_path / "test_X.bin").write_bytes(pixels[:cut])
        with pytest.raises(LinksimError, match="half-copied"):
            STL10(tmp_path)


def test_cifar10_half_copied(tmp_path: Path) -> None:
    make_cifar10(tmp_path)
    batch = tmp_path / "test_batch"
    batch.write_bytes(batch.read_bytes()[:3000])
    with pytest.raises(LinksimError, match=r"test_batch is no batch of it, or half-copied \(\w.*cs\.toronto\.edu"):
        CIFAR10(tmp_path)


def test_cifar10_is_upright(tmp_path: Path) -> None:
    images = make_cifar10(tmp_path)
    dataset = CIFAR10(tmp_path)
    assert [dataset[i].label for i in range(4)] == [3, 8, 0, 9]
    assert all(np.array_equal(dataset[i].image, images[i]) for i in range(4))


def test_cifar10_train_is_five_batches_in_turn(tmp_path: Path) -> None:
    images = make_cifar10(tmp_path)
    dataset = CIFAR10(tmp_path, "train")
    assert len(dataset) == 20
    assert np.array_equal(dataset[18].image, images[2])


def test_cifar10_pickled_by_python_2(tmp_path: Path) -> None:
    """The official files: str for bytes, numpy's module names of old. Hand-made in pickle's text protocol."""
    rows = RNG.integers(32, 127, (1, 3072), dtype=np.uint8)
    content = rows.tobytes().replace(b"\\", b"/").replace(b"'", b"/").decode("ascii")
    old = (
        "(dp1\nS'data'\ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I1\nI3072\nt"
        "cnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\n"
        f"S'{content}'\ntbsS'labels'\n(lp2\nI7\nas."
    )
    (tmp_path / "test_batch").write_bytes(old.encode())
    dataset = CIFAR10(tmp_path)
    assert dataset[0].label == 7
    assert dataset[0].image[0, 0].tolist() == [ord(content[0]), ord(content[1024]), ord(content[2048])]


def test_cifar10_pickle_runs_nothing(tmp_path: Path) -> None:
    make_cifar10(tmp_path)
    trace = tmp_path / "ran"

    class Attack:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (trace,)

    (tmp_path / "test_batch").write_bytes(pickle.dumps({"data": Attack(), "labels": [1]}))
    with pytest.raises(LinksimError, match="asks for"):
        CIFAR10(tmp_path)
    assert not trace.exists()


def test_voc_boxes_difficult_and_years(tmp_path: Path) -> None:
    make_voc(tmp_path, "VOC2007", "trainval")
    make_voc(tmp_path, "VOC2012", "trainval")
    for root in (tmp_path, tmp_path / "VOCdevkit"):
        dataset = PascalVOC(root, "trainval")
        assert [dataset[i].key for i in range(2)] == ["VOC2007/000005", "VOC2012/000005"]
    assert len(PascalVOC(tmp_path / "VOCdevkit" / "VOC2012", "trainval")) == 1
    objects = dataset[1].objects
    assert objects is not None
    assert objects.boxes.tolist() == [[1, 0, 10, 8], [0.5, 1, 4, 3]]
    assert [dataset.classes[label] for label in objects.labels] == ["chair", "person"]
    assert objects.difficult.tolist() == [False, True]


def test_voc_split_of_another_year_is_told(tmp_path: Path) -> None:
    make_voc(tmp_path, "VOC2012", "val")
    with pytest.raises(LinksimError, match=r"VOC2012 without ImageSets/Main/test\.txt"):
        PascalVOC(tmp_path)


def test_voc_half_copied(tmp_path: Path) -> None:
    folder = make_voc(tmp_path)
    (folder / "JPEGImages" / "000005.jpg").unlink()
    with pytest.raises(LinksimError, match=r"000005\.jpg is listed but missing"):
        PascalVOC(tmp_path)


@pytest.mark.parametrize(
    "annotation",
    [
        '<!DOCTYPE a [<!ENTITY x "yyyy">]><annotation>&x;</annotation>',
        ANNOTATION.replace("chair", "throne"),
        ANNOTATION.replace("<xmax>10</xmax>", "<xmax>1</xmax>"),
        ANNOTATION.replace("<xmax>10</xmax>", ""),
        ANNOTATION.replace("<xmax>10</xmax>", "<xmax>nan</xmax>"),
        ANNOTATION[:-20],
        "",
    ],
)
def test_voc_bad_annotation_is_named(annotation: str, tmp_path: Path) -> None:
    make_voc(tmp_path, annotation=annotation)
    with pytest.raises(LinksimError, match=r"000005\.xml"):
        PascalVOC(tmp_path)[0]


def test_voc_without_objects(tmp_path: Path) -> None:
    make_voc(tmp_path, annotation="<annotation></annotation>")
    objects = PascalVOC(tmp_path)[0].objects
    assert objects is not None
    assert objects.boxes.shape == (0, 4)


class FewScenes(Scenes):
    def __len__(self) -> int:
        return 2


def test_scenes_written_as_voc_read_back(tmp_path: Path) -> None:
    scenes = FewScenes()
    export_voc(scenes, tmp_path / "out")
    assert guess(tmp_path / "out") == "voc"
    voc = PascalVOC(tmp_path / "out")
    assert voc.classes == scenes.classes
    for index in range(len(scenes)):
        ours, read = scenes[index], voc[index]
        assert read.key == f"VOC2007/{ours.key}"
        assert ours.objects is not None
        assert read.objects is not None
        assert np.array_equal(ours.objects.boxes, read.objects.boxes)
        assert np.array_equal(ours.objects.labels, read.objects.labels)
        assert np.abs(ours.image.astype(int) - read.image).mean() < 1.5
    with pytest.raises(LinksimError, match="exists"):
        export_voc(scenes, tmp_path / "out")


def test_exported_class_lists_say_which_images_have_the_class(tmp_path: Path) -> None:
    scenes = FewScenes()
    folder = export_voc(scenes, tmp_path)
    objects = scenes[0].objects
    assert objects is not None
    for label, name in enumerate(scenes.classes):
        key, flag = (folder / "ImageSets" / "Main" / f"{name}_test.txt").read_text().split("\n")[0].split()
        assert (key, int(flag)) == (scenes[0].key, 1 if label in objects.labels else -1)


def test_only_detection_sets_are_written_as_voc(tmp_path: Path) -> None:
    make_folder(tmp_path)
    with pytest.raises(LinksimError, match="no boxes"):
        export_voc(ImageFolder(tmp_path), tmp_path / "out")


def test_imagenet_labels_are_synsets(tmp_path: Path) -> None:
    last = make_imagenet(tmp_path)
    for root in (tmp_path, tmp_path / "val"):
        dataset = ImageNet(root)
        assert dataset.classes == ("n01440764", "n02102040")
        assert [dataset[i].label for i in range(3)] == [0, 1, 1]
    assert np.array_equal(dataset[2].image, last)
    assert dataset[2].key == "n02102040/b.png"


def test_imagenet_flat_with_kaggles_list(tmp_path: Path) -> None:
    for number in (1, 2):
        save(tmp_path / "ILSVRC" / "Data" / "CLS-LOC" / "val" / f"ILSVRC2012_val_{number:08}.JPEG")
    lines = [
        "ImageId,PredictionString",
        "ILSVRC2012_val_00000001,n02102040 1 2 3 4 ",
        "ILSVRC2012_val_00000002,n01440764 ",
    ]
    (tmp_path / "LOC_val_solution.csv").write_text("\n".join(lines))
    assert guess(tmp_path) == "imagenet"
    dataset = ImageNet(tmp_path)
    assert [(dataset[i].key, dataset[i].label) for i in range(2)] == [
        ("val/ILSVRC2012_val_00000002.JPEG", 0),
        ("val/ILSVRC2012_val_00000001.JPEG", 1),
    ]
    (tmp_path / "ILSVRC" / "Data" / "CLS-LOC" / "val" / "ILSVRC2012_val_00000002.JPEG").unlink()
    with pytest.raises(LinksimError, match="listed but missing"):
        ImageNet(tmp_path)


def test_imagenet_flat_without_labels_is_told(tmp_path: Path) -> None:
    save(tmp_path / "val" / "ILSVRC2012_val_00000001.JPEG")
    with pytest.raises(LinksimError, match="1 images but no folder named by a synset"):
        ImageNet(tmp_path)


def test_kodak_half_copied(tmp_path: Path) -> None:
    make_kodak(tmp_path)
    (tmp_path / "kodim07.png").unlink()
    with pytest.raises(LinksimError, match=r"1 of 24 missing \(kodim07\.png"):
        Kodak(tmp_path)


def test_class_folder_labels_and_empty_class(tmp_path: Path) -> None:
    make_class_folder(tmp_path)
    dataset = ClassFolder(tmp_path)
    assert dataset.classes == ("bird", "cat")
    assert [dataset[i].label for i in range(2)] == [0, 1]
    (tmp_path / "eel").mkdir()
    with pytest.raises(LinksimError, match="'eel'"):
        ClassFolder(tmp_path)


def test_a_class_folder_starts_with_an_image_of_each_class(tmp_path: Path) -> None:
    for name, count in (("bird", 3), ("cat", 1), ("eel", 2)):
        for i in range(count):
            save(tmp_path / name / f"{i}.png")
    dataset = ClassFolder(tmp_path)
    assert [dataset[i].key for i in range(len(dataset))] == [
        "bird/0.png", "cat/0.png", "eel/0.png", "bird/1.png", "eel/1.png", "bird/2.png",
    ]  # fmt: skip
    assert [dataset[i].label for i in range(len(dataset))] == [0, 1, 2, 0, 2, 0]


def test_broken_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"\x89PNG no more")
    with pytest.raises(LinksimError, match=r"x\.png"):
        ImageFolder(tmp_path)[0]


def test_identity_of_large_sets_reads_only_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from linksim.data import files

    make_folder(tmp_path)
    monkeypatch.setattr(files, "WHOLE", 10)
    before = ImageFolder(tmp_path).identity()
    save(tmp_path / "img9.png")
    assert ImageFolder(tmp_path).identity() != before


def test_data_sets_of_a_folder_are_found(tmp_path: Path) -> None:
    """As unpacked beside each other, under the names that the archives give."""
    for name, folder in (("stl10", "stl10_binary"), ("cifar10", "cifar-10-batches-py"), ("folder", "holiday")):
        (tmp_path / folder).mkdir()
        MAKERS[name](tmp_path / folder)
    assert found(tmp_path) == {tmp_path / "cifar-10-batches-py": "cifar10", tmp_path / "stl10_binary": "stl10"}
    make_voc(tmp_path / "stl10_binary")
    assert found(tmp_path / "stl10_binary") == {tmp_path / "stl10_binary": "stl10"}
    assert found(tmp_path / "holiday") == found(tmp_path / "nowhere") == {}
    make_voc(tmp_path)
    assert found(tmp_path)[tmp_path / "VOCdevkit"] == "voc"

"""Average precision against pycocotools and against cases worked out by hand."""

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from linksim.data.base import Objects
from linksim.errors import LinksimError
from linksim.scoring.average_precision import coco_map, coco_matches, match, mean_average_precision
from linksim.scoring.intervals import bootstrap

CLASSES = 5


def objects(boxes, labels=None, difficult=None):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    labels = np.zeros(len(boxes), np.int64) if labels is None else np.array(labels, np.int64)
    difficult = np.zeros(len(boxes), bool) if difficult is None else np.array(difficult, bool)
    return Objects(boxes, labels, difficult)


def detections(*rows):
    return np.array(rows, np.float32).reshape(-1, 6)


def random_case(seed, images=40):
    """Objects of one class never overlap, where VOC's and COCO's rules for choosing an object agree; detections are
    shaken objects, doubles and false alarms, some with equal scores."""
    random = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(images):
        boxes, labels, rows = [], [], []
        for label in range(CLASSES):
            for cell in random.permutation(9)[: random.integers(0, 4)]:
                corner = np.array([cell % 3, cell // 3]) * 40 + random.uniform(0, 10, 2)
                boxes.append((*corner, *(corner + random.uniform(8, 29, 2))))
                labels.append(label)
        for box, label in zip(boxes, labels, strict=True):
            for _ in range(random.integers(0, 4)):
                rows.append((*(np.array(box) + random.normal(0, 2, 4)), random.integers(1, 40) / 40, label))
        for _ in range(random.integers(0, 6)):
            corner = random.uniform(0, 100, 2)
            rows.append((*corner, *(corner + random.uniform(5, 30, 2)), random.random(), random.integers(CLASSES)))
        truth.append(objects(boxes, labels))
        found.append(detections(*sorted(rows, key=lambda row: -row[4])))
    return found, truth


def pycocotools_ap(found, truth, iou):
    """(CLASSES,) average precision by COCO's 101 points, written against pycocotools' own documentation."""

    def dataset(annotations):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i} for i in range(len(truth))],
            "categories": [{"id": i} for i in range(CLASSES)],
            "annotations": [{"id": i, "iscrowd": 0} | a for i, a in enumerate(annotations, 1)],
        }
        coco.createIndex()
        return coco

    def annotation(image, box, label, **more):
        x0, y0, x1, y1 = map(float, box)
        size = (x1 - x0, y1 - y0)
        return {
            "image_id": image,
            "category_id": int(label),
            "bbox": [x0, y0, *size],
            "area": size[0] * size[1],
            **more,
        }

    gt = dataset([annotation(i, b, k) for i, o in enumerate(truth) for b, k in zip(o.boxes, o.labels, strict=True)])
    dt = dataset([annotation(i, r[:4], r[5], score=float(r[4])) for i, d in enumerate(found) for r in d])
    evaluation = COCOeval(gt, dt, "bbox")
    evaluation.params.iouThrs = np.array([iou])
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval["precision"][0, :, :, 0, -1].mean(0)


@pytest.mark.parametrize("iou", [0.5, 0.75])
@pytest.mark.parametrize("seed", range(5))
def test_101_points_equal_pycocotools_on_random_detections(seed, iou, capsys):
    found, truth = random_case(seed)
    ours = match(found, truth, iou).average_precision("101-point")
    assert 0.1 < ours.mean() < 0.99
    np.testing.assert_allclose(ours, pycocotools_ap(found, truth, iou), rtol=0, atol=1e-12)


def test_coco_map_is_the_mean_over_overlaps(capsys):
    found, truth = random_case(7)
    means = [pycocotools_ap(found, truth, iou).mean() for iou in np.linspace(0.5, 0.95, 10)]
    assert coco_map(found, truth) == pytest.approx(np.mean(means), abs=1e-12)


def test_coco_map_ignores_what_lies_on_a_crowd():
    truth = [objects([[0, 0, 10, 10], [20, 20, 30, 30]], difficult=[False, True])]
    found = [detections((20, 20, 30, 30, 0.9, 0), (0, 0, 10, 10, 0.8, 0))]
    assert coco_map(found, truth) == pytest.approx(1.0)


TWO = objects([[0, 0, 10, 10], [20, 0, 30, 10]])
"""Two objects, found by the detections of ``HALF`` in the order hit, miss, hit: precision 1, 1/2, 2/3."""
HALF = detections((0, 0, 10, 10, 0.9, 0), (50, 50, 60, 60, 0.8, 0), (20, 0, 30, 10, 0.7, 0))


@pytest.mark.parametrize(
    ("method", "expected"),
    [("all-points", 0.5 * 1 + 0.5 * 2 / 3), ("11-point", (6 * 1 + 5 * 2 / 3) / 11)],
)
def test_a_curve_worked_out_by_hand(method, expected):
    assert mean_average_precision([HALF], [TWO], method=method) == pytest.approx(expected)


def test_the_second_detection_of_an_object_is_a_false_alarm():
    twice = detections((0, 0, 10, 10, 0.9, 0), (0, 0, 10, 9, 0.8, 0), (20, 0, 30, 10, 0.7, 0))
    assert mean_average_precision([twice], [TWO]) == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_a_detection_belongs_to_the_object_it_overlaps_most():
    """VOC's rule: the second detection overlaps the free object by half, but the taken one by more."""
    near = objects([[0, 0, 10, 10], [0, 3, 10, 13]])
    found = detections((0, 0, 10, 10, 0.9, 0), (0, 1, 10, 11, 0.8, 0))
    assert match([found], [near]).hit.tolist() == [True, False]


def test_difficult_objects_count_neither_way():
    truth = objects([[0, 0, 10, 10], [20, 0, 30, 10]], difficult=[False, True])
    found = detections((20, 0, 30, 10, 0.9, 0), (20, 0, 30, 9, 0.85, 0), (0, 0, 10, 10, 0.8, 0))
    assert mean_average_precision([found], [truth]) == 1.0
    assert np.isnan(mean_average_precision([found], [objects([[20, 0, 30, 10]], difficult=[True])]))


def test_labels_must_agree_and_absent_classes_do_not_count():
    truth = objects([[0, 0, 10, 10]], labels=[1])
    right, wrong = detections((0, 0, 10, 10, 0.9, 1)), detections((0, 0, 10, 10, 0.9, 0))
    assert mean_average_precision([right], [truth]) == 1.0
    assert mean_average_precision([wrong], [truth]) == 0.0
    assert np.isnan(match([wrong], [truth]).average_precision()[0])


def test_overlap_must_reach_the_threshold_exactly():
    truth = objects([[0, 0, 10, 10]])
    half = detections((0, 0, 10, 5, 0.9, 0))
    assert mean_average_precision([half], [truth], iou=0.5) == 1.0
    assert mean_average_precision([half], [truth], iou=0.51) == 0.0


def test_images_without_detections_or_objects():
    empty = detections()
    assert mean_average_precision([empty, HALF], [TWO, TWO]) == pytest.approx((0.5 * 1 + 0.5 * 2 / 3) / 2)
    assert mean_average_precision([empty], [TWO]) == 0.0
    assert np.isnan(mean_average_precision([], []))
    assert np.isnan(mean_average_precision([HALF], [objects([])]))
    assert np.isnan(coco_map([HALF], [objects([])]))


@pytest.mark.parametrize("method", ["all-points", "11-point"])
def test_weights_of_zero_leave_images_out(method):
    found, truth = random_case(3, images=6)
    kept = [0, 1, 4]
    weights = np.zeros((1, 6), np.int64)
    weights[0, kept] = 1
    weighted = match(found, truth).average_precision(method, weights)[0]
    copied = match([found[i] for i in kept], [truth[i] for i in kept]).average_precision(method)
    np.testing.assert_allclose(weighted, copied, rtol=0, atol=1e-12)


def test_weights_count_an_image_so_many_times():
    """Weights 2 and 1: hit, miss, hit of two objects twice, then one object found: precision 1, 1/2, 4/6, 5/7."""
    found, truth = [HALF, detections((0, 0, 10, 10, 0.6, 0))], [TWO, objects([[0, 0, 10, 10]])]
    weighted = match(found, truth).average_precision("all-points", np.array([[2, 1]]))
    assert weighted[0, 0] == pytest.approx((2 * 1 + 2 * 5 / 7 + 1 * 5 / 7) / 5)


def interval(matches, clusters):
    """The bootstrap's over clusters of images."""
    return bootstrap(lambda weights: matches.means("all-points", weights[:, clusters]), int(clusters.max()) + 1)


def test_interval_holds_the_mean_and_shrinks_with_more_images():
    widths = []
    for images in (20, 320):
        matches = match(*random_case(1, images))
        low, high = interval(matches, np.arange(images))
        assert low < matches.mean() < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2.5


def test_resampling_clusters_widens_the_interval():
    found, truth = random_case(2, images=30)
    matches = match(found * 4, truth * 4)
    alone, together = interval(matches, np.arange(120)), interval(matches, np.tile(np.arange(30), 4))
    assert together[1] - together[0] > 1.5 * (alone[1] - alone[0])


def test_a_resample_without_objects_has_no_precision():
    matches = match([HALF, detections()], [TWO, objects([])])
    np.testing.assert_array_equal(matches.means("all-points", np.array([[1, 1], [0, 2]])), [matches.mean(), np.nan])


@pytest.mark.parametrize("seed", range(3))
def test_weights_of_coco_matches_leave_images_out(seed):
    found, truth = random_case(seed, images=8)
    kept = [0, 1, 4, 5]
    weights = np.isin(np.arange(8), kept)[None].astype(int)
    weighted = np.mean([m.means("101-point", weights)[0] for m in coco_matches(found, truth)])
    assert weighted == pytest.approx(coco_map([found[i] for i in kept], [truth[i] for i in kept]), abs=1e-12)


def test_errors_name_what_is_wrong():
    with pytest.raises(LinksimError, match=r"'12-point'.*11-point"):
        mean_average_precision([HALF], [TWO], method="12-point")
    with pytest.raises(LinksimError, match="1 images with detections, but 2"):
        match([HALF], [TWO, TWO])

import numpy as np
import pytest

from linksim.cache import ENTRY_BYTES
from linksim.errors import ContractError
from linksim.tasks.base import Task
from linksim.tasks.memo import Memo


class Counting(Task):
    """Predicts the sum of the pixels, and records how many images each call has."""

    name, classes = "counting", ("a", "b")

    def __init__(self):
        self.asked = []

    def predict(self, images):
        self.asked.append(len(images))
        return [int(image.sum()) for image in images]


def image(value, shape=(2, 3, 3)):
    return np.full(shape, value, np.uint8)


def test_equal_images_are_predicted_once_within_and_across_calls():
    task = Counting()
    memo = Memo(task)
    assert memo.predict([image(1), image(2), image(1)]) == [18, 36, 18]
    assert memo.predict([image(2), image(3)]) == [36, 54]
    assert memo.predict([image(1).copy(order="F")]) == [18]
    assert task.asked == [2, 1]


def test_equal_bytes_of_another_shape_are_another_image():
    task = Counting()
    Memo(task).predict([image(1, (2, 3, 3)), image(1, (3, 2, 3))])
    assert task.asked == [2]


def test_the_least_recently_used_is_forgotten():
    task = Counting()
    memo = Memo(task, max_bytes=2 * (ENTRY_BYTES + 8))  # two class indices
    memo.predict([image(1), image(2)])
    memo.predict([image(1)])
    memo.predict([image(3)])
    memo.predict([image(1)])
    assert task.asked == [2, 1]
    memo.predict([image(2)])
    assert task.asked == [2, 1, 1]


def test_more_images_at_once_than_it_keeps():
    assert Memo(Counting(), max_bytes=1).predict([image(v) for v in (1, 2, 3)]) == [18, 36, 54]


def test_it_passes_for_the_task_it_wraps():
    task = Counting()
    memo = Memo(task)
    assert (memo.name, memo.kind, memo.classes) == (task.name, task.kind, task.classes)
    assert memo.identity() == task.identity()


def test_a_task_that_loses_predictions_is_named():
    class Lazy(Counting):
        def predict(self, images):
            return [0]

    with pytest.raises(ContractError, match="'counting': 1 predictions on 2 images"):
        Memo(Lazy()).predict([image(1), image(2)])

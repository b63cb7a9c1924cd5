"""Fashion-MNIST's lessons: labels belong to their pictures, validation is apart, the order follows the seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.errors import UserError
from harness.images import from_bytes
from tasks.data.fashion_mnist import open_fashion, padded_rgb
from tasks.fashion.lessons import VALIDATION, FashionLessons

pytestmark = pytest.mark.needs("fashion-mnist")


@pytest.fixture(scope="module")
def lessons() -> FashionLessons:
    return FashionLessons(3)


def test_labels_belong_to_their_pictures(lessons: FashionLessons) -> None:
    images, labels = open_fashion("train")
    taught = lessons.lessons("pretrain", 5, 400)
    classed = [lesson for lesson in taught if lesson.kind == "class to image"]
    assert 330 <= len(classed) < 400
    assert all(lesson.label == labels[lesson.image] for lesson in classed)
    row = classed[0].image
    assert torch.equal(lessons.pictures(row, 1), from_bytes(padded_rgb(images[row : row + 1])))


def test_validation_is_apart_and_always_has_a_class(lessons: FashionLessons) -> None:
    border = lessons.picture_count - VALIDATION
    assert all(lesson.image < border for step in range(9) for lesson in lessons.lessons("pretrain", step, 500))
    held = lessons.lessons("validation", 0, 500)
    assert all(lesson.image >= border and lesson.kind == "class to image" for lesson in held)


def test_the_order_follows_seed_and_step(lessons: FashionLessons) -> None:
    assert lessons.lessons("pretrain", 1, 64) == FashionLessons(3).lessons("pretrain", 1, 64)
    others = [FashionLessons(4).lessons("pretrain", 1, 64), lessons.lessons("pretrain", 2, 64)]
    assert all(lessons.lessons("pretrain", 1, 64) != other for other in others)
    counts = np.bincount([lesson.label for lesson in lessons.lessons("validation", 0, 3000)], minlength=10)
    assert counts.min() > 200


def test_a_stage_that_it_lacks_is_one_line(lessons: FashionLessons) -> None:
    with pytest.raises(UserError, match="no lessons of stage 'instruct'"):
        lessons.lessons("instruct", 0, 1)

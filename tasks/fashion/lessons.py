"""Fashion-MNIST's ten classes as lessons: class to picture, for a small class-conditional model on each tokenizer.

The last 2,000 of the 60,000 training pictures are for validation; the 10,000 test pictures are never taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.contracts import Lesson
from harness.errors import UserError
from harness.images import from_bytes
from harness.seeding import rng_for
from tasks.data.fashion_mnist import open_fashion, padded_rgb

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

VALIDATION = 2_000
DROPPED = 0.1
"""The share of pictures taught without their class, which guidance contrasts with."""
STAGES = ("pretrain", "validation")


class FashionLessons:
    """Satisfies ``TrainingLessons``. ``seed`` is that of the lessons' order."""

    class_count = 10

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._images, self._labels = open_fashion("train")

    @property
    def description(self) -> str:
        return f"Fashion-MNIST, {self.picture_count:,} training images with their classes, padded to 32x32 RGB"

    @property
    def picture_count(self) -> int:
        return len(self._images)

    def pictures(self, first: int, count: int) -> Float[Tensor, "count 3 32 32"]:
        return from_bytes(padded_rgb(self._images[first : first + count]))

    def texts(self) -> Sequence[str]:
        """None are taught: a vocabulary of bytes is enough."""
        return ["a class"]

    def lessons(self, stage: str, step: int, size: int) -> Sequence[Lesson]:
        if stage not in STAGES:
            raise UserError(f"Fashion-MNIST has no lessons of stage '{stage}'; it has {', '.join(STAGES)}")
        rng = rng_for("fashion", "lesson", self.seed, stage, step)
        border = self.picture_count - VALIDATION
        low, high = (border, self.picture_count) if stage == "validation" else (0, border)
        rows = rng.integers(low, high, size=size).tolist()
        dropped = (rng.random(size) < DROPPED) & (stage != "validation")
        return [
            Lesson("image", image=row) if drop else Lesson("class to image", image=row, label=int(self._labels[row]))
            for row, drop in zip(rows, dropped.tolist(), strict=True)
        ]


def open_fashion_lessons(seed: int) -> FashionLessons:
    """The catalogue's factory of the data ``fashion-lessons``. Raises UserError where Fashion-MNIST is not at hand."""
    return FashionLessons(seed)

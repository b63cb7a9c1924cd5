"""Controls of generation: what nothing can be much better than, and what is hardly worse than nothing.

``real`` answers with pictures of the true distribution: for a caption a fresh test scene, whatever the caption says,
for a class a Fashion-MNIST training image of that class. What it gets is the floor of each distance at that N, and what
the shares (precision, recall, coverage) are for a perfect model. ``real-mean-colour`` paints the mean colour of such a
picture all over: it knows of colours and of nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import UserError
from harness.images import from_bytes
from harness.seeding import rng_for
from tasks.data.fashion_mnist import open_fashion, padded_rgb
from tasks.generation.reference import CLASSES

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

SIDE = 32


class Real:
    """Satisfies GeneratesImages and GeneratesClasses by showing real pictures, which the seeds choose."""

    image_size = SIDE
    class_count = CLASSES

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Float[Tensor, "batch 3 32 32"]:
        """Scenes drawn as those of the test split are. The prompts are not read; an empty one raises UserError, as with
        every model."""
        from tasks.world.draw import draw
        from tasks.world.sampling import sample
        from tasks.world.scene import join

        if not all(prompt.strip() for prompt in prompts):
            raise UserError("an empty prompt: say what the image should show")
        return draw(join([sample(rng_for("real", seed), 1, "test") for seed in seeds]))

    def generate_classes(self, labels: Sequence[int], seeds: Sequence[int]) -> Float[Tensor, "batch 3 32 32"]:
        """Training images. Raises ValueError for a label that is no class."""
        if not all(0 <= label < CLASSES for label in labels):
            raise ValueError(f"classes are 0 to {CLASSES - 1}, not {sorted(set(labels))}")
        images, of_class = _products()
        chosen = [int(rng_for("real", seed).choice(of_class[label])) for label, seed in zip(labels, seeds, strict=True)]
        return from_bytes(padded_rgb(images[chosen]))


class RealMeanColour(Real):
    """The same pictures, each as its mean colour."""

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Float[Tensor, "batch 3 32 32"]:
        return _flat(super().generate(prompts, seeds))

    def generate_classes(self, labels: Sequence[int], seeds: Sequence[int]) -> Float[Tensor, "batch 3 32 32"]:
        return _flat(super().generate_classes(labels, seeds))


def _flat(images: Tensor) -> Tensor:
    return images.mean(dim=(2, 3), keepdim=True).expand_as(images).contiguous()


@cache
def _products() -> tuple[np.ndarray, list[np.ndarray]]:
    images, labels = open_fashion("train")
    return images, [np.flatnonzero(labels == label) for label in range(CLASSES)]


def open_real(source: str, device: str) -> Real:
    """``real``."""
    _require_nothing(source)
    return Real()


def open_real_mean_colour(source: str, device: str) -> RealMeanColour:
    """``real-mean-colour``."""
    _require_nothing(source)
    return RealMeanColour()


def _require_nothing(source: str) -> None:
    if source:
        raise UserError(f"this control reads no checkpoint, so '{source}' means nothing: leave it out")

"""Training images ``fashion`` and ``world+fashion``, seeded and addressed by step: a resumed training sees the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.images import from_bytes
from harness.seeding import rng_for
from tasks.data.fashion_mnist import open_fashion, padded_rgb

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float
    from torch import Tensor

    from harness.contracts import TrainingImages


class FashionStream:
    """Fashion-MNIST's 60,000 training images, padded to 32x32 RGB, drawn with replacement, half of them mirrored."""

    def __init__(self, images: np.ndarray, seed: int) -> None:
        self._images = padded_rgb(images)
        self.seed = seed

    @property
    def description(self) -> str:
        return f"Fashion-MNIST, {len(self._images):,} training images padded to 32x32 RGB, mirrored at random"

    def batch(self, step: int, size: int) -> Float[Tensor, "batch 3 32 32"]:
        rng = rng_for(self.seed, "fashion", step)
        chosen = self._images[rng.integers(len(self._images), size=size)]
        mirrored = rng.random(size) < 0.5
        chosen[mirrored] = chosen[mirrored, :, ::-1]
        return from_bytes(chosen)


class HalvesStream:
    """Each batch half from one stream, half from another; the first takes the odd image."""

    def __init__(self, first: TrainingImages, second: TrainingImages) -> None:
        self._first = first
        self._second = second

    @property
    def description(self) -> str:
        return f"half {self._first.description}; half {self._second.description}"

    def batch(self, step: int, size: int) -> Float[Tensor, "batch 3 height width"]:
        import torch

        second = size // 2
        parts = [self._first.batch(step, size - second)]
        if second:
            parts.append(self._second.batch(step, second))
        return torch.cat(parts)


def open_fashion_stream(seed: int) -> TrainingImages:
    """``fashion``. Raises UserError when Fashion-MNIST is not prepared and cannot be."""
    images, _ = open_fashion("train")
    return FashionStream(images, seed)


def open_world_and_fashion(seed: int) -> TrainingImages:
    """``world+fashion``: what the zoo's tokenizers are trained on."""
    from tasks.world.stream import open_world

    return HalvesStream(open_world(seed), open_fashion_stream(seed))

"""The world as training data: an endless stream of labelled pictures, addressed by seed and step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.seeding import rng_for
from tasks.world.draw import draw
from tasks.world.sampling import sample
from tasks.world.scene import SceneBatch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@dataclass(frozen=True)
class WorldImages:
    """Training scenes (split ``train``, so without held-out combinations); a batch depends on seed, step and size."""

    seed: int = 0

    @property
    def description(self) -> str:
        return f"world: procedural scenes of 1-4 objects, 32x32, split train, seed {self.seed}"

    def scenes(self, step: int, size: int) -> SceneBatch:
        """The ground truth of ``batch(step, size)``."""
        return sample(rng_for("world", "train", "stream", self.seed, step), size, "train")

    def batch(self, step: int, size: int) -> Float[Tensor, "batch 3 height width"]:
        return draw(self.scenes(step, size))


def open_world(seed: int) -> WorldImages:
    """The catalogue's factory of the data ``world``."""
    return WorldImages(seed)

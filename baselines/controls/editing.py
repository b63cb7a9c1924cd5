"""The control of editing: a subject that changes nothing, so that a table shows what doing nothing gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from baselines.controls.tokenizers import IMAGE_SIZE, size_of

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


class CopySource:
    """Gives every picture back as it is, whatever the instruction. Nothing keeps more; nothing obeys less."""

    def __init__(self, image_size: int = IMAGE_SIZE) -> None:
        self.image_size = image_size

    def edit(
        self, images: Float[Tensor, "batch 3 size size"], instructions: Sequence[str], seeds: Sequence[int]
    ) -> Float[Tensor, "batch 3 size size"]:
        """Raises ValueError where the numbers of images, instructions and seeds differ."""
        if not len(images) == len(instructions) == len(seeds):
            raise ValueError(f"{len(images)} images, {len(instructions)} instructions and {len(seeds)} seeds")
        return images.clone()


def open_copy_source(source: str, device: str) -> CopySource:
    """``copy-source`` or ``copy-source@SIZE``."""
    return CopySource(size_of(source, "copy-source"))

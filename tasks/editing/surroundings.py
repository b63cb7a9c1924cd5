"""The instrument ``world-surroundings``: what an edit did to the picture outside of what it was to change.

It looks at the images ``output`` and ``reference`` of a sample, 32x32, and at ``facts["region"]``: boxes (left, top,
right, bottom in whole pixels) that may change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.contracts import Sample
from harness.images import from_bytes
from tasks.world.scene import BACKGROUND_NAMES, BACKGROUND_RGB, SIDE

if TYPE_CHECKING:
    from jaxtyping import UInt8

NEAR = 0.15
"""A background farther than this from every named colour (RGB distance, channels in [0, 1]) has no name. The two that
are nearest to each other, slate and grey, are 0.14 apart."""


class Surroundings:
    """Columns: ``l1`` (mean absolute difference of output and reference, values in [0, 1], over the pixels outside the
    region; 0 where there is none), ``any`` (1 if there is a pixel outside, else 0), ``top`` and ``bottom`` (names of
    the background's colour in the first and the last row, "" for one without a name)."""

    name = "world-surroundings"
    digest = "v1"

    def unavailable(self) -> str:
        return ""

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        """One row per sample. Raises ValueError, naming the case, for a missing image or one of another size."""
        outputs, references = (_stacked(samples, name) for name in ("output", "reference"))
        outside = ~np.array([region_mask(sample.case.facts["region"]) for sample in samples]).reshape(-1, SIDE, SIDE)
        gap = np.abs(outputs.astype(np.float64) - references).mean(axis=-1) / 255
        count = outside.sum(axis=(1, 2))
        l1 = (gap * outside).sum(axis=(1, 2)) / np.maximum(count, 1)
        ends = background_names(outputs)
        return {
            "l1": l1.tolist(),
            "any": (count > 0).astype(int).tolist(),
            "top": [top for top, _ in ends],
            "bottom": [bottom for _, bottom in ends],
        }


def region_mask(boxes: Sequence[Sequence[int]]) -> NDArray[np.bool_]:
    """``32 32``: the pixels inside any of the boxes."""
    mask = np.zeros((SIDE, SIDE), bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask


def background_names(pictures: UInt8[np.ndarray, "count 32 32 3"]) -> list[tuple[str, str]]:
    """The background at the top and at the bottom, as the detector estimates it (``fitting.find_background``)."""
    import torch

    from tasks.world.fitting import find_background

    if not len(pictures):
        return []
    with torch.inference_mode():
        ends = find_background(from_bytes(pictures))[:, :, [0, -1]].permute(0, 2, 1).numpy()
    distance = np.linalg.norm(ends[:, :, None] - BACKGROUND_RGB, axis=-1)
    names = np.where(distance.min(-1) <= NEAR, np.array(BACKGROUND_NAMES)[distance.argmin(-1)], "")
    return [(str(top), str(bottom)) for top, bottom in names]


def _stacked(samples: Sequence[Sample], name: str) -> NDArray[np.uint8]:
    pictures = []
    for sample in samples:
        if name not in sample.images:
            raise ValueError(f"case '{sample.case.id}' has no image '{name}'")
        picture = sample.images[name]
        if picture.shape != (SIDE, SIDE, 3):
            raise ValueError(
                f"case '{sample.case.id}': {name} is {picture.shape[1]}x{picture.shape[0]}, not {SIDE}x{SIDE} pixels"
            )
        pictures.append(picture)
    return np.stack(pictures) if pictures else np.empty((0, SIDE, SIDE, 3), np.uint8)


def open_surroundings() -> Surroundings:
    """The catalogue's factory."""
    return Surroundings()

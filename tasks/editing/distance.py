"""The instrument ``picture-distance``: L1 and L2 of pictures of any two sizes, by MagicBrush's rule.

OSU-NLP-Group/MagicBrush, evaluation/image_eval.py: the output is resized to the size of the picture that it is compared
with by Pillow's default filter (bicubic, antialiased), still 8 bit; then mean absolute and mean squared difference of
values in [0, 1]; no root is taken. The parity pack ``tests/parity/pixel_distance`` holds it. In float64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.contracts import Sample


class PictureDistance:
    """Columns ``l1`` and ``l2``, both in [0, 1], of "output" to "reference"."""

    name = "picture-distance"
    digest = "v1"

    def unavailable(self) -> str:
        return ""

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        """One row per sample. Raises ValueError, naming the case, for a missing picture."""
        rows = []
        for sample in samples:
            for name in ("output", "reference"):
                if name not in sample.images:
                    raise ValueError(f"case '{sample.case.id}' has no image '{name}'")
            rows.append(distances(sample.images["output"], sample.images["reference"]))
        return {"l1": [l1 for l1, _ in rows], "l2": [l2 for _, l2 in rows]}


def distances(made: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """(L1, L2) of two 8-bit pictures ``height width 3``; the first is resized to the second."""
    from PIL import Image

    if made.shape != true.shape:
        height, width = true.shape[:2]
        made = np.array(Image.fromarray(made).resize((width, height), Image.Resampling.BICUBIC))
    gap = (made.astype(np.float64) - true) / 255
    return float(np.abs(gap).mean()), float((gap**2).mean())


def open_picture_distance() -> PictureDistance:
    """The catalogue's factory."""
    return PictureDistance()

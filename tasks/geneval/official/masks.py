"""Binary masks as COCO's uncompressed run lengths: ``{"size": [height, width], "counts": [...]}``.

Pixels are read column by column; the counts are runs of 0 and 1 in turn, the first one of 0 (and 0 long where the mask
begins with 1). ``pycocotools`` reads this form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def encode_mask(mask: np.ndarray) -> dict[str, Any]:
    """A bool array ``height width`` as run lengths."""
    height, width = mask.shape
    pixels = np.concatenate([[False], mask.ravel(order="F"), [True]])
    edges = np.flatnonzero(pixels[1:] != pixels[:-1])
    counts = np.diff(np.concatenate([[0], edges]))
    if edges.size and edges[-1] < mask.size:  # it ends with 1: the last run reaches to the end
        counts = np.append(counts, mask.size - edges[-1])
    return {"size": [height, width], "counts": counts.tolist()}


def decode_mask(record: Mapping[str, Any]) -> np.ndarray:
    """The bool array of run lengths. Raises ValueError where they do not fill the size."""
    height, width = record["size"]
    counts = np.asarray(record["counts"], np.int64)
    if counts.sum() != height * width or (counts < 0).any():
        raise ValueError(f"run lengths of {int(counts.sum())} pixels for a mask of {height} x {width}")
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape((height, width), order="F")

"""Which found object is which true one: the counts behind object recall, precision and F1.

Both sides are lists of objects as ``SceneObject.facts`` and the detector write them (``shape``, ``colour``, ``x``,
``y``, and for :func:`attributes` also ``size`` and ``cell``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

TOLERANCE = 2.5
"""Pixels: half the radius of the smallest object; centres of two true objects are at least 11.5 apart."""

ATTRIBUTES = ("shape", "colour", "size", "cell")
FAR = 1e3

Objects = Sequence[Mapping[str, Any]]


def match(detections: Objects, truth: Objects, tolerance: float = TOLERANCE) -> tuple[int, int, int]:
    """(tp, fp, fn): a true positive has shape and colour of a true object, and its centre within ``tolerance`` pixels.

    Pairs are chosen by the Hungarian method: as many as possible, then the nearest.
    """
    pairs = len(_pairs(detections, truth, tolerance, ("shape", "colour")))
    return pairs, len(detections) - pairs, len(truth) - pairs


def attributes(detections: Objects, truth: Objects, tolerance: float = TOLERANCE) -> dict[str, int]:
    """How many true objects have anything at their place (``found``), and of those how many keep each attribute."""
    pairs = _pairs(detections, truth, tolerance, ())
    kept = {name: sum(detections[i][name] == truth[j][name] for i, j in pairs) for name in ATTRIBUTES}
    return {"objects": len(truth), "found": len(pairs), **kept}


def _pairs(detections: Objects, truth: Objects, tolerance: float, same: Sequence[str]) -> list[tuple[int, int]]:
    from scipy.optimize import linear_sum_assignment

    if not detections or not truth:
        return []
    here, there = (np.array([[item["x"], item["y"]] for item in side], np.float64) for side in (detections, truth))
    cost = np.linalg.norm(here[:, None] - there[None], axis=-1)
    alike = np.array([[all(a[name] == b[name] for name in same) for b in truth] for a in detections])
    cost[~alike | (cost > tolerance)] = FAR
    return [(int(i), int(j)) for i, j in zip(*linear_sum_assignment(cost), strict=True) if cost[i, j] < FAR]

"""The exact detector of the world, an instrument: every object's shape, colour, size, centre and cell.

How it finds them is in ``fitting.py``; how well, on clean pictures and under noise, blur and JPEG, is in
``detector_card.json`` (made by ``python -m tasks.world.detector_card``, checked by a test).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.world.matching import attributes, match
from tasks.world.scene import BACKGROUNDS, COLOUR_NAMES, COLOURS, SHAPES, SIDE, SIZE_NAMES, SIZES, cell_of

if TYPE_CHECKING:
    from jaxtyping import UInt8
    from torch import Tensor

    from harness.contracts import Sample

VERSION = 1
"""Raised by every change of ``fitting.py`` that can change what is found."""

CHUNK = 64


class WorldDetector:
    """The instrument ``world-detector``. It looks at the image ``output`` of a sample, which must be 32x32.

    Columns: ``detections`` (JSON, a list of objects in order of how much of the picture they explain). If every
    sample's case has ``facts["objects"]``, also ints: ``tp``, ``fp``, ``fn`` (``matching.match``), and ``objects``,
    ``found``, ``shape``, ``colour``, ``size``, ``cell`` (``matching.attributes``). Without that truth (photographs)
    these are absent.
    """

    name = "world-detector"

    @cached_property
    def digest(self) -> str:
        from tasks.world import fitting
        from tasks.world.draw import stamps

        constants = {
            key: value for key, value in vars(fitting).items() if key.isupper() and isinstance(value, (int, float))
        }
        words = {
            "version": VERSION,
            "constants": constants,
            "colours": COLOURS,
            "backgrounds": BACKGROUNDS,
            "sizes": SIZES,
        }
        return hashlib.sha256(json.dumps(words, sort_keys=True).encode() + stamps().tobytes()).hexdigest()

    def unavailable(self) -> str:
        return ""

    def detect(self, pictures: UInt8[np.ndarray, "count 32 32 3"]) -> list[list[dict[str, Any]]]:
        """The objects of each 8-bit picture. Raises ValueError for another size."""
        import torch

        if pictures.shape[1:] != (SIDE, SIDE, 3):
            raise ValueError(
                f"world-detector needs pictures of {SIDE}x{SIDE}, not {pictures.shape[1]}x{pictures.shape[2]}"
            )
        return self.detect_tensor(torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div(255))

    def detect_tensor(self, images: Tensor) -> list[list[dict[str, Any]]]:
        """The objects of each image of ``batch 3 32 32`` in [0, 1]: dicts as ``SceneObject.facts``, and ``score``.

        ``score`` is the share of its own energy that the object explains: near 1 on clean pictures, at least 0.3.
        """
        import torch

        from tasks.world.fitting import find_objects

        objects: list[list[dict[str, Any]]] = [[] for _ in range(len(images))]
        with torch.inference_mode():
            for start in range(0, len(images), CHUNK):
                found = find_objects(images[start : start + CHUNK])
                columns = (found.image, found.shape, found.size, found.colour, found.x, found.y, found.score)
                for image, shape, size, colour, x, y, score in zip(
                    *(column.tolist() for column in columns), strict=True
                ):
                    item = {
                        "shape": SHAPES[shape],
                        "colour": COLOUR_NAMES[colour],
                        "size": SIZE_NAMES[size],
                        "x": x,
                        "y": y,
                        "cell": cell_of(x, y),
                        "radius": SIZES[SIZE_NAMES[size]],
                        "score": round(score, 3),
                    }
                    objects[start + image].append(item)
        return objects

    def observe(self, samples: Sequence[Sample]) -> dict[str, Sequence[Any]]:
        if not samples:
            return {"detections": []}
        detections = self.detect(np.stack([sample.images["output"] for sample in samples]))
        columns: dict[str, Sequence[Any]] = {"detections": [json.dumps(items) for items in detections]}
        if all("objects" in sample.case.facts for sample in samples):
            truths = [sample.case.facts["objects"] for sample in samples]
            columns |= compared(detections, truths)
        return columns


def compared(
    detections: Sequence[Sequence[Mapping[str, Any]]], truths: Sequence[Sequence[Mapping[str, Any]]]
) -> dict[str, list[int]]:
    """Columns of counts, one row per picture: ``tp``, ``fp``, ``fn``, and those of ``matching.attributes``."""
    rows = []
    for found, truth in zip(detections, truths, strict=True):
        tp, fp, fn = match(found, truth)
        rows.append({"tp": tp, "fp": fp, "fn": fn, **attributes(found, truth)})
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def open_world_detector() -> WorldDetector:
    """The catalogue's factory."""
    return WorldDetector()

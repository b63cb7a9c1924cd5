"""The world under GenEval's rule: its classes, its detector's findings as detections, and the rule's thresholds there.

The exact detector (instrument ``world-detector``) reports one box per object, half a side of which is the radius of the
size it found, and one of the ten colours; so it is detector and colour classifier in one.

Thresholds: GenEval's 0.3, and 0.9 for counting, are confidences of Mask2Former. The world detector's score is another
thing, the share of its own energy that an object explains: near 1 for a clean shape, less for a blurred or ragged one.
The official thresholds do not carry over: of true scenes, encoded and decoded by the zoo's tokenizers, 26 % (VQGAN),
13 % (VAR) and 16 % (DDT) count right above 0.9, though the objects are there; and down to 0.3, the detector's own,
ragged blobs pass as the shape that is nearest. Both are 0.45 here: below it lie fewer than 1 % of the objects that
VQGAN and VAR rebuild rightly and about 1 % of DDT's. Of 480 true scenes they then score 1.00, 1.00 and 0.93 overall,
the most that a model can reach which speaks these tokens (``tests/tasks/geneval/test_task.py``); at 0.3 it was 1.00,
1.00 and 0.95. Every other rule is the official one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.errors import UserError
from harness.texts import parse_json
from tasks.geneval.detections import Detection
from tasks.geneval.scoring import Rules
from tasks.world.scene import SHAPES

DETECTOR = "world-detector"
CLASSES = SHAPES
RULES = Rules(threshold=0.45, counting_threshold=0.45)


def detections(text: str, where: str) -> dict[str, tuple[Detection, ...]]:
    """What the column ``detections`` of the instrument holds for one image, as GenEval's detections.

    Raises UserError, which begins with ``where``, for text that is not a list of the detector's objects.
    """
    found: dict[str, list[Detection]] = {}
    try:
        for item in parse_json(text, "the stored form"):
            found.setdefault(item["shape"], []).append(_detection(item))
    except (UserError, ValueError, TypeError, LookupError) as error:
        raise UserError(f"{where}: not detections of {DETECTOR} ({error}); observe it again") from error
    return {name: tuple(items) for name, items in found.items()}


def _detection(item: Mapping[str, Any]) -> Detection:
    x, y, radius = (float(item[name]) for name in ("x", "y", "radius"))
    return Detection(x - radius, y - radius, x + radius, y + radius, float(item["score"]), str(item["colour"]))

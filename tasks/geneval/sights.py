"""Who looked at the images: the columns of its instrument, and the rule's classes and thresholds for what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.contracts import Columns
from tasks.geneval import world
from tasks.geneval.judges import DetectorJudge, StoredDetections
from tasks.geneval.names import OBJECTS
from tasks.geneval.official import coco
from tasks.geneval.official.mmdet_pipeline import describe
from tasks.geneval.scoring import OFFICIAL_RULES, Rules


@dataclass(frozen=True)
class Sight:
    """``read`` makes stored detections of the columns, by case; ``protocol`` is what a fingerprint says of them.

    ``note`` of a fingerprint is what stands in the way of a comparison with published rows (None: there are none).
    """

    columns: tuple[str, ...]
    read: Callable[[Columns, Sequence[str]], StoredDetections]
    classes: tuple[str, ...]
    rules: Rules
    about: Mapping[str, Any]
    note: Callable[[Mapping[str, Any]], str] | None = None

    @property
    def protocol(self) -> Mapping[str, Any]:
        return {"judge": "geneval", **self.about, **self.rules.fingerprint()}

    def judge(self, columns: Columns, cases: Sequence[str]) -> DetectorJudge:
        """The rule on what was found. Raises UserError, naming the image, for text that is no detections."""
        stored = self.read(columns, cases)
        return DetectorJudge(stored, stored.detector, self.rules, classes=self.classes)


def _on_world(columns: Columns, cases: Sequence[str]) -> StoredDetections:
    found = zip(cases, columns[WORLD.columns[0]], strict=True)
    seen = {case: world.detections(text, f"image {case}") for case, text in found}
    return StoredDetections(world.DETECTOR, seen, world.DETECTOR)


def _on_coco(columns: Columns, cases: Sequence[str]) -> StoredDetections:
    return coco.stored({name: columns[f"{coco.NAME}.{name}"] for name in coco.JUDGED}, cases)


WORLD = Sight(
    (f"{world.DETECTOR}.detections",),
    _on_world,
    world.CLASSES,
    world.RULES,
    {"detector": world.DETECTOR, "classifier": world.DETECTOR},
)
"""The exact detector of the embedded world reads colours too. Its digest joins the fingerprint by itself."""

COCO = Sight(
    tuple(f"{coco.NAME}.{name}" for name in coco.JUDGED),
    _on_coco,
    OBJECTS,
    OFFICIAL_RULES,
    describe(),
    coco.published_note,
)
"""Mask2Former and CLIP. The digest that joins the fingerprint names both files."""

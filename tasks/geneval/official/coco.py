"""The instrument ``geneval-coco``: what Mask2Former and the colour classifier see in an image of GenEval's own prompts.

Every instance above ``STORED_FROM`` is stored with box, score and mask, so that other thresholds need no model; colours
are stored of the classes whose colour the image's prompt asks for (the best 16 of each, more are never looked at). The
digest names both files, so that a table can say which detector a number rests on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.contracts import Sample
from harness.errors import UserError
from harness.paths import user_path
from tasks.geneval.detections import Detection, Detections, dumps, loads
from tasks.geneval.judges import StoredDetections
from tasks.geneval.names import OBJECTS
from tasks.geneval.official.colours import ColourClassifier
from tasks.geneval.official.mask2former import Mask2Former
from tasks.geneval.official.masks import encode_mask
from tasks.geneval.official.mmdet_pipeline import Instance
from tasks.geneval.scoring import OFFICIAL_RULES

NAME = "geneval-coco"
JUDGED = ("detections", "detector", "classifier")
"""The columns that the rule reads."""

STORED_FROM = 0.05
"""Scores up to here are not stored: far below the script's 0.3, which is its lowest threshold."""

OFFICIAL = "official"
DETECTOR_DIFFERS = "detector differs"
NO_COLOURS = "none"
DIGITS = 16
PROTOCOL = "1"


class CocoObjects:
    """Columns ``detections`` (the stored form of ``tasks.geneval.detections``), ``masks`` (COCO's run lengths, by
    class, row for row with the boxes), and the digests ``detector`` and ``classifier`` ("": no colour was looked at).
    """

    name = NAME

    def __init__(
        self, detector: Mask2Former | None = None, colours: ColourClassifier | None = None, device: str = "cpu"
    ) -> None:
        self.detector = detector or Mask2Former(device=device)
        self.colours = colours or ColourClassifier(device=device)

    @property
    def device(self) -> str:
        """Where both networks compute."""
        return self.detector.device

    def unavailable(self) -> str:
        """Without the colour classifier it works, and prompts that ask for a colour are not measured."""
        reason = self.detector.unavailable()
        return f"judge missing: {reason}" if reason else ""

    @property
    def digest(self) -> str:
        """``detector-...+colours-...``, each with ``official`` for the files that GenEval's script downloads."""
        parts = [f"detector-{_named(self.detector)}"]
        parts.append(f"colours-{NO_COLOURS if self.colours.unavailable() else _named(self.colours)}")
        return "+".join([*parts, PROTOCOL])

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        """One row per sample. A sample that stands several times (a batch is filled up with its last) is seen once."""
        classifier = "" if self.colours.unavailable() else self.colours.digest
        once = {id(sample): sample for sample in samples}
        found = self.detector.detect([sample.images["output"] for sample in once.values()])
        seen = {key: self._row(sample, instances) for (key, sample), instances in zip(once.items(), found, strict=True)}
        rows = [seen[id(sample)] for sample in samples]
        return {
            "detections": [found for found, _ in rows],
            "masks": [masks for _, masks in rows],
            "detector": [self.detector.digest] * len(rows),
            "classifier": [classifier] * len(rows),
        }

    def _row(self, sample: Sample, instances: Sequence[Instance]) -> tuple[str, str]:
        by_class: dict[str, list[Instance]] = {}
        for item in instances:
            if item.score > STORED_FROM:
                by_class.setdefault(OBJECTS[item.label], []).append(item)
        asked = {item["class"] for item in sample.case.facts["geneval"].get("include", ()) if "color" in item}
        found: dict[str, list[Detection]] = {}
        for name, items in by_class.items():
            seen: list[str | None] = [None] * len(items)
            if name in asked and not self.colours.unavailable():
                best = items[: OFFICIAL_RULES.max_objects]
                seen[: len(best)] = self.colours.classify(sample.images["output"], best, name)
            found[name] = [
                Detection(*item.box, score=item.score, colour=colour) for item, colour in zip(items, seen, strict=True)
            ]
        masks = {name: [encode_mask(item.mask) for item in items] for name, items in by_class.items()}
        return dumps(found), json.dumps(masks, separators=(",", ":"))


def _named(part: Mask2Former | ColourClassifier) -> str:
    return part.digest[:DIGITS] + (f"-{OFFICIAL}" if part.official else "")


def published_note(fingerprint: Mapping[str, Any]) -> str:
    """What a comparison with a published row must say: "" where GenEval's own detector file was used, else
    ``detector differs``, and why. ``fingerprint`` is an estimate's."""
    digest = str(fingerprint.get(NAME, ""))
    if not digest:
        return f"{DETECTOR_DIFFERS}: not GenEval's"
    detector = digest.partition("+")[0]
    if detector.endswith(f"-{OFFICIAL}"):
        return ""
    return f"{DETECTOR_DIFFERS}: {detector.removeprefix('detector-')} is not mmdet's official file"


def _words(detector: str, classifier: str) -> str:
    return f"detector {detector[:DIGITS]} and colours {classifier[:DIGITS] or NO_COLOURS}"


def stored(columns: Mapping[str, Sequence[Any]], cases: Sequence[str]) -> StoredDetections:
    """What the instrument's columns hold, by case. Raises UserError, naming the image, where another detector or
    classifier saw it than the first, and for text that is none of the instrument's."""
    found: dict[str, Detections] = {}
    by = [tuple(pair) for pair in zip(columns["detector"], columns["classifier"], strict=True)]
    for case, text, saw in zip(cases, columns["detections"], by, strict=True):
        if saw != by[0]:
            raise UserError(
                f"image {case}: seen by {_words(*saw)}, the first image by {_words(*by[0])}: observe all with one"
            )
        found[case] = loads(text, f"image {case}")
    detector, classifier = by[0] if by else ("", "")
    return StoredDetections(detector, found, classifier)


def open_coco(given: str = "", device: str = "cpu") -> CocoObjects:
    """``geneval-coco@DETECTOR[@CLASSIFIER]``: the weights of either, as their environment variables name them."""
    detector, classifier = split_pair(given)
    return CocoObjects(Mask2Former(detector, device=device), ColourClassifier(classifier, device), device)


def split_pair(given: str) -> tuple[str, str]:
    """(detector, classifier) of ``DETECTOR[@CLASSIFIER]``; a path that is there may hold an ``@``."""
    words = given.split("@")
    for count in range(len(words), 0, -1):
        first = "@".join(words[:count])
        if first and user_path(first).exists():
            return first, "@".join(words[count:])
    return words[0], "@".join(words[1:])

"""GenEval's rules: raw detections to kept ones, kept ones to a verdict. Arithmetic only.

Source of every rule and constant: ``evaluation/evaluate_images.py`` and ``evaluation/summary_scores.py`` of
djghosh13/geneval at commit af4902f; the deviations are listed in :mod:`tasks.geneval`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from harness.errors import UserError, nearest
from tasks.geneval.detections import Detection, Detections
from tasks.geneval.names import COLOURS, OBJECTS
from tasks.geneval.prompts import Include, Prompt

COUNTING = "counting"
"""The tag with a threshold of its own."""

RELATION_SHARE = 0.5
"""An axis counts when more than this share of the offset lies along it: 60 degrees to either side."""

NO_OFFSET = 1e-3
"""Pixels: when both axes are below this there is no relation."""


@dataclass(frozen=True)
class Rules:
    """The script's options with their defaults. Raises UserError for values that it would take and make nonsense of.

    A detection counts when its score exceeds ``threshold`` (``counting_threshold`` for counting prompts); of each class
    the best ``max_objects`` are taken, and *then* those overlapping a better one by ``max_overlap`` or more are dropped
    (1: none are). ``position_threshold`` is the share of both objects' sides by which an offset is shortened.
    """

    threshold: float = 0.3
    counting_threshold: float = 0.9
    max_objects: int = 16
    max_overlap: float = 1.0
    position_threshold: float = 0.1

    def __post_init__(self) -> None:
        for name, value in self.fingerprint().items():
            if not (math.isfinite(value) and value >= 0):
                raise UserError(f"GenEval's {name} must be a finite number from 0 on, is {value}")

    def score_threshold(self, tag: str) -> float:
        """The score which a detection must exceed for a prompt of this tag."""
        return self.counting_threshold if tag == COUNTING else self.threshold

    def fingerprint(self) -> dict[str, float]:
        """JSON-able, for the protocol fingerprint."""
        return asdict(self)


OFFICIAL_RULES = Rules()


@dataclass(frozen=True)
class Verdict:
    """Whether an image shows what its prompt asks for, and what is wrong in the script's words (a line each, or "")."""

    correct: bool
    reason: str


# ------------------------------------------------------------------------------------------------ raw detections


def filter_detections(
    raw: Detections, tag: str, rules: Rules = OFFICIAL_RULES, classes: Sequence[str] = OBJECTS
) -> dict[str, tuple[Detection, ...]]:
    """What counts for a prompt of this tag: per class, best score first; classes in the detector's order, none empty.

    Raises UserError for a class that is none of ``classes``: it would never be found, without a word.
    """
    for name in raw:
        if name not in classes:
            raise UserError(f"detections of unknown class '{name}'{nearest(name, classes)}")
    threshold = rules.score_threshold(tag)
    kept = {name: _keep(raw[name], threshold, rules) for name in classes if name in raw}
    return {name: found for name, found in kept.items() if found}


def overlap(a: Detection, b: Detection) -> float:
    """Intersection over union in [0, 1], of boxes whose last row and column of pixels belong to them (so + 1)."""
    both = _area(max(a.x0, b.x0), max(a.y0, b.y0), min(a.x1, b.x1), min(a.y1, b.y1))
    either = _area(*a.box) + _area(*b.box) - both
    return both / either if either else 0.0


def _keep(found: Iterable[Detection], threshold: float, rules: Rules) -> tuple[Detection, ...]:
    # The script compares float32 scores with a float32 threshold: a detector's 0.3 does not exceed 0.3.
    above = [item for item in found if np.float32(item.score) > np.float32(threshold)]
    # A rising stable order read backwards: of equal scores the later one first, see the package's deviations.
    ranked = sorted(above, key=lambda item: item.score)[::-1][: rules.max_objects]
    if rules.max_overlap == 1:
        return tuple(ranked)
    kept: list[Detection] = []
    for item in ranked:
        if all(overlap(better, item) < rules.max_overlap for better in kept):
            kept.append(item)
    return tuple(kept)


def _area(x0: float, y0: float, x1: float, y1: float) -> float:
    return max(x1 - x0 + 1, 0.0) * max(y1 - y0 + 1, 0.0)


# ------------------------------------------------------------------------------------------------ verdict


def relations(a: Detection, b: Detection, position_threshold: float = 0.1) -> frozenset[str]:
    """Where ``a`` is, seen from ``b``: none, one or two of *left of*, *right of*, *above*, *below*.

    The offset of the centres is shortened per axis by ``position_threshold`` times the summed sides, not past zero, and
    divided by the length of the offset before that. So the two shares need not make a unit vector.
    """
    across = (a.x0 + a.x1) / 2 - (b.x0 + b.x1) / 2
    down = (a.y0 + a.y1) / 2 - (b.y0 + b.y1) / 2
    x = _shortened(across, position_threshold * (abs(a.x1 - a.x0) + abs(b.x1 - b.x0)))
    y = _shortened(down, position_threshold * (abs(a.y1 - a.y0) + abs(b.y1 - b.y0)))
    if abs(x) < NO_OFFSET and abs(y) < NO_OFFSET:
        return frozenset()
    # The script's own norm: where a share is one half its last bit decides, and hypot differs there.
    length = float(np.linalg.norm(np.array([across, down])))
    shares = {"left of": -x / length, "right of": x / length, "above": -y / length, "below": y / length}
    return frozenset(name for name, share in shares.items() if share > RELATION_SHARE)


def verdict(prompt: Prompt, detections: Detections, rules: Rules = OFFICIAL_RULES) -> Verdict:
    """The script's verdict on *kept* detections, best first in each class (:func:`filter_detections` makes them).

    Only the first ``count`` detections of a class count for colour and position. A requirement that fails leaves no
    target for those that refer to it; one whose colour fails is not asked for its position. Raises UserError when a
    colour is asked for and the detection holds none.
    """
    faults: list[str] = []
    groups: list[tuple[Detection, ...] | None] = []
    for item in prompt.include:
        found = tuple(detections.get(item.name, ()))[: item.count]
        fault = _count_fault(item, found) or _colour_fault(item, found) or _position_fault(item, found, groups, rules)
        groups.append(None if fault else found)
        faults.append(fault)
    for unwanted in prompt.exclude:
        number = len(detections.get(unwanted.name, ()))
        faults.append(f"expected {unwanted.name}<{unwanted.count}, found {number}" if number >= unwanted.count else "")
    reason = "\n".join(filter(None, faults))
    return Verdict(not reason, reason)


def _shortened(offset: float, by: float) -> float:
    return math.copysign(max(abs(offset) - by, 0.0), offset)


def _count_fault(item: Include, found: tuple[Detection, ...]) -> str:
    return f"expected {item.name}>={item.count}, found {len(found)}" if len(found) < item.count else ""


def _colour_fault(item: Include, found: tuple[Detection, ...]) -> str:
    if item.colour is None:
        return ""
    seen = [one.colour for one in found]
    if None in seen:
        raise UserError(
            f"detection {seen.index(None)} of '{item.name}' has no colour verdict; classify its colour first"
        )
    right = seen.count(item.colour)
    if right >= item.count:
        return ""
    listed = ", ".join(f"{seen.count(colour)} {colour}" for colour in COLOURS if colour in seen)
    return f"expected {item.colour} {item.name}>={item.count}, found {right} {item.colour}; and {listed}"


def _position_fault(
    item: Include, found: tuple[Detection, ...], groups: list[tuple[Detection, ...] | None], rules: Rules
) -> str:
    if item.position is None:
        return ""
    relation, targets = item.position.relation, groups[item.position.target]
    if targets is None:
        return f"no target for {item.name} to be {relation}"
    for one in found:
        for target in targets:
            seen = relations(one, target, rules.position_threshold)
            if relation not in seen:
                return f"expected {item.name} {relation} target, found {' and '.join(sorted(seen))} target"
    return ""

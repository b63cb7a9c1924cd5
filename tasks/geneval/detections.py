"""What a detector, and after it a colour classifier, saw in one image: frozen values and their stored form.

The stored form is JSON: ``{"boxes": {class: [[x0, y0, x1, y1, score], ...]}, "colors": {class: [colour, ...]}}``, a
colour that was not asked for is null. ``boxes`` is the ``details`` column of the official result file. With the stored
form a re-score needs no model.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import UserError, nearest
from harness.texts import parse_json
from tasks.geneval.names import COLOURS, OBJECTS


@dataclass(frozen=True)
class Detection:
    """One box in pixels, corners in any order, ``score`` the detector's confidence, ``colour`` the classifier's verdict
    (None: it was not asked). Raises UserError for a value that is not finite and for a colour that is none of the ten.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    score: float
    colour: str | None = None

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (*self.box, self.score))):
            raise UserError(f"a detection is not finite: box {self.box}, score {self.score}; detect this image again")
        if self.colour is not None and self.colour not in COLOURS:
            raise UserError(f"unknown colour {self.colour!r}{nearest(str(self.colour), COLOURS)}")

    @property
    def box(self) -> tuple[float, float, float, float]:
        return self.x0, self.y0, self.x1, self.y1


Detections = Mapping[str, Sequence[Detection]]
"""Class name to its detections; an absent class was not found."""


def from_rows(
    boxes: Mapping[str, Sequence[Sequence[float]]],
    colours: Mapping[str, Sequence[str | None]] | None = None,
    classes: Sequence[str] = OBJECTS,
) -> dict[str, tuple[Detection, ...]]:
    """Detections from rows ``[x0, y0, x1, y1, score]`` and, row for row, the colour verdicts (a class may lack them).

    Raises UserError for a class that is none of ``classes``, a row that is not five numbers, and colours that do not
    match the rows.
    """
    verdicts = colours or {}
    if strange := sorted(verdicts.keys() - boxes.keys()):
        raise UserError(f"colour verdicts for '{strange[0]}', of which there are no boxes")
    return {name: _of_class(name, rows, verdicts.get(name), classes) for name, rows in boxes.items()}


def to_rows(detections: Detections) -> dict[str, list[list[float]]]:
    """Rows ``[x0, y0, x1, y1, score]`` of each class: the official ``details``."""
    return {name: [[*item.box, item.score] for item in found] for name, found in detections.items()}


def dumps(detections: Detections) -> str:
    """The stored form, colours included. Floats come back bit for bit."""
    colours = {name: [item.colour for item in found] for name, found in detections.items()}
    return json.dumps({"boxes": to_rows(detections), "colors": colours}, separators=(",", ":"))


def loads(
    text: str, where: str = "stored detections", classes: Sequence[str] = OBJECTS
) -> dict[str, tuple[Detection, ...]]:
    """Detections from their stored form. Raises UserError, which begins with ``where``."""
    try:
        record = parse_json(text, "the stored form")
        if not isinstance(record, dict) or record.keys() != {"boxes", "colors"}:
            raise UserError("must be a JSON object with 'boxes' and 'colors'")
        return from_rows(record["boxes"], record["colors"], classes)
    except (UserError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{where}: {error}") from error


def _of_class(
    name: str, rows: Sequence[Sequence[float]], colours: Sequence[str | None] | None, classes: Sequence[str]
) -> tuple[Detection, ...]:
    if name not in classes:
        raise UserError(f"detections of unknown class '{name}'{nearest(name, classes)}")
    if colours is not None and len(colours) != len(rows):
        raise UserError(f"'{name}' has {len(rows)} boxes and {len(colours)} colour verdicts")
    if any(len(row) != 5 for row in rows):
        raise UserError(f"'{name}': a detection is five numbers: x0, y0, x1, y1, score")
    verdicts = colours or [None] * len(rows)
    return tuple(
        Detection(float(x0), float(y0), float(x1), float(y1), float(score), colour)
        for (x0, y0, x1, y1, score), colour in zip(rows, verdicts, strict=True)
    )

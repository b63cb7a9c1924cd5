"""What instruments found in a picture, as boxes and masks to draw over it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.contracts import ShownInstrument
from reports.page.cases.words import readable

MOST = 100
"""Objects that are drawn of one picture: those of the highest scores."""
MASK_RUNS = 20_000
"""Runs of all masks of a picture; further objects have a box alone."""
_PLACE = re.compile(r"{([^{}]+)}")
Object = dict[str, Any]


def objects_of(shown: ShownInstrument, seen: Mapping[str, Any]) -> list[Object]:
    """``{"l": label, "b": [left, top, right, bottom], "s": score, "m": runs of a mask}``, the best first; nothing for
    what does not hold."""
    stored = _json(seen.get(shown.objects))
    boxes = stored.get("boxes") if isinstance(stored, Mapping) else None
    try:
        if isinstance(boxes, Mapping):
            found = list(_by_label(boxes, _json(seen.get(shown.masks)) if shown.masks else None))
        else:
            found = (
                [_listed(shown, item) for item in stored if isinstance(item, Mapping)]
                if isinstance(stored, list)
                else []
            )
    except (TypeError, ValueError, KeyError, IndexError):
        return []
    found.sort(key=lambda item: -item.get("s", 0.0))
    return _bounded(found[:MOST])


def _listed(shown: ShownInstrument, item: Mapping[str, Any]) -> Object:
    label = _PLACE.sub(lambda match: str(item.get(match[1], "")), shown.label)
    values = item[shown.box[0]] if len(shown.box) == 1 else [item[name] for name in shown.box]
    numbers = _numbers(values)
    if len(numbers) == 3:
        x, y, radius = numbers
        numbers = [x - radius, y - radius, x + radius, y + radius]
    return _object(label, numbers, item.get("score"))


def _by_label(boxes: Mapping[str, Any], masks: Any) -> Iterator[Object]:
    for label, rows in boxes.items():
        drawn = masks.get(label, ()) if isinstance(masks, Mapping) else ()
        for place, row in enumerate(rows):
            numbers = _numbers(row)
            found = _object(label, numbers[:4], numbers[4] if len(numbers) > 4 else None)
            if place < len(drawn):
                height, width = drawn[place]["size"]
                found["m"] = [int(height), int(width), *map(int, drawn[place]["counts"])]
            yield found


def _object(label: str, box: Sequence[float], score: Any) -> Object:
    left, top, right, bottom = (round(value, 2) for value in box)
    place = [min(left, right), min(top, bottom), max(left, right), max(top, bottom)]
    found: Object = {"l": readable(" ".join(label.split()), 200), "b": place}
    if isinstance(score, int | float) and math.isfinite(score):
        found["s"] = round(float(score), 3)
    return found


def _numbers(values: Any) -> list[float]:
    found = [float(value) for value in values]
    if not all(map(math.isfinite, found)):
        raise ValueError("an edge is not finite")
    return found


def _bounded(found: list[Object]) -> list[Object]:
    """Without the masks for which there is no room."""
    left = MASK_RUNS
    for item in found:
        left -= len(item.get("m", ()))
        if left < 0:
            item.pop("m", None)
    return found


def _json(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None

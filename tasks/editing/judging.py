"""Did an edit do what it was told, and nothing else? Rules over what the exact detector found; no picture is needed.

``facts`` are those of a case (``sessions.expected``), ``detections`` the objects found in the output
(``world-detector.detections``). An object of the true result is **there** if something of its shape and colour is found
in its place. Its place is within 2.5 pixels of the true one (``matching.TOLERANCE``); for an object that was added or
moved, of which the instruction tells only the cell, its cell will do. Size is not judged: half the instructions that
add do not tell it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.world.matching import TOLERANCE

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """``success``: what was asked for is done. ``preserved`` of ``kept`` objects are there as before. ``exact``: the
    whole picture is the true result: success, all kept, nothing more, the right background. ``reason``: the first
    thing that is wrong, "" if exact."""

    success: bool
    preserved: int
    kept: int
    exact: bool
    reason: str


def judge(facts: Mapping[str, Any], detections: Sequence[Object], background: tuple[str, str]) -> Verdict:
    """``background`` names its colour at the top and at the bottom, "" where it has no name."""
    there, spare = _there(facts, detections)
    new, kept = facts["new"], facts["kept"]
    asked = facts["background"]
    painted = background == (asked["top"], asked["bottom"])
    wrong = [f"no {_words(item)} in its place" for item in new if _key(item) not in there]
    wrong += [
        f"the {_words(item)} is still there" for item in facts["gone"] if _remains(item, facts, detections, spare)
    ]
    if asked["asked"] and not painted:
        wrong.append("the background is another")
    success = not wrong
    lost = [f"the {_words(item)} was not kept" for item in kept if _key(item) not in there]
    wrong += lost
    wrong += [f"a {_words(item)} too many" for item in spare]
    if not asked["asked"] and not painted:
        wrong.append("the background changed")
    return Verdict(success, len(kept) - len(lost), len(kept), not wrong, wrong[0] if wrong else "")


def _there(facts: Mapping[str, Any], detections: Sequence[Object]) -> tuple[set[tuple[float, float]], list[Object]]:
    """The true objects that were found (by their centres, which no two share), and the detections that are none of
    them. One detection is one object: as many pairs as possible, then the nearest (Hungarian method)."""
    from scipy.optimize import linear_sum_assignment

    truth = [*facts["kept"], *facts["new"]]
    far = 1e3
    cost = np.full((len(truth), len(detections)), far)
    for row, item in enumerate(truth):
        for column, found in enumerate(detections):
            if (item["shape"], item["colour"]) == (found["shape"], found["colour"]):
                distance = _distance(item, found)
                in_cell = item.get("place") == "cell" and item["cell"] == found["cell"]
                cost[row, column] = distance if in_cell or distance <= TOLERANCE else far
    pairs = [(i, j) for i, j in zip(*linear_sum_assignment(cost), strict=True) if cost[i, j] < far]
    used = {int(j) for _, j in pairs}
    return {_key(truth[i]) for i, _ in pairs}, [item for j, item in enumerate(detections) if j not in used]


def _remains(item: Object, facts: Mapping[str, Any], detections: Sequence[Object], spare: Sequence[Object]) -> bool:
    """Whether an object that should be gone is not: something that is no true object stands in its place, or there are
    more of its kind than the true result holds (it was carried elsewhere)."""
    if any(_distance(item, found) <= TOLERANCE for found in spare):
        return True
    kind = (item["shape"], item["colour"])
    found, true = (
        Counter((other["shape"], other["colour"]) for other in side) for side in (detections, facts["objects"])
    )
    return found[kind] > true[kind]


def _distance(one: Object, other: Object) -> float:
    return float(np.hypot(one["x"] - other["x"], one["y"] - other["y"]))


def _key(item: Object) -> tuple[float, float]:
    return item["x"], item["y"]


def _words(item: Object) -> str:
    return f"{item['colour']} {item['shape']}"

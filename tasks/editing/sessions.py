"""Sessions of edits: one source picture and one to three instructions that build on each other.

MagicBrush (Zhang et al. 2023, arXiv:2306.10012, section 3) is made of such sessions. Here they are drawn from the test
split of the world, in equal numbers of one, two and three turns; all kinds of edit come equally often in every place of
a session. No picture of a session, be it source or true edit, is an arrangement of the training split.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from harness.seeding import rng_for
from tasks.world.edits import Edit, pixel_boxes, propose
from tasks.world.instructions import KINDS, EditKind
from tasks.world.sampling import SPLITS, scenes_of, split_of
from tasks.world.scene import Scene, SceneObject, as_batch

SESSIONS = 300
LONGEST = 3
DRAWS = 12
"""Edits drawn at once for one turn; the first whose result is no training arrangement is taken."""
SCENES = 256


@dataclass(frozen=True)
class Session:
    """Edits in order: each begins with the scene that the one before it ended with."""

    edits: tuple[Edit, ...]

    @property
    def source(self) -> Scene:
        return self.edits[0].before

    @property
    def final(self) -> Scene:
        return self.edits[-1].after


@cache
def world_sessions(count: int = SESSIONS) -> tuple[Session, ...]:
    """The first ``count`` sessions of the world; session i is the same whatever the count."""
    scenes = _test_scenes()
    found = []
    for number in range(count):
        kinds = planned_kinds(number)
        rng = rng_for("editing", "session", number)
        # A scene of one object offers nothing to remove: then the next scene is the source.
        found.append(next(session for scene in scenes if (session := _session(scene, kinds, rng))))
    return tuple(found)


def planned_kinds(number: int) -> tuple[EditKind, ...]:
    """What the turns of a session are: 1, 2, 3, 1 ... of them, no kind twice in a session."""
    turns = number % LONGEST + 1
    order = rng_for("editing", "kinds", number // (LONGEST * len(KINDS))).permutation(len(KINDS))
    first = number // LONGEST
    return tuple(KINDS[order[(first + 2 * turn) % len(KINDS)]] for turn in range(turns))


def _test_scenes() -> Iterator[Scene]:
    first = 0
    while True:
        yield from scenes_of("test", first, SCENES).scenes()
        first += SCENES


def _session(source: Scene, kinds: Sequence[EditKind], rng: np.random.Generator) -> Session | None:
    edits: list[Edit] = []
    for kind in kinds:
        edit = _turn(edits[-1].after if edits else source, kind, rng, (source, *(edit.after for edit in edits)))
        if edit is None:
            return None
        edits.append(edit)
    return Session(tuple(edits))


def _turn(scene: Scene, kind: EditKind, rng: np.random.Generator, seen: Sequence[Scene]) -> Edit | None:
    """An edit that leads to a scene which is neither of training nor one that the session has shown already."""
    drawn = [edit for _ in range(DRAWS) if (edit := propose(scene, kind, rng, held_out=True))]
    if not drawn:
        return None
    splits = split_of(as_batch([edit.after for edit in drawn]))
    fresh = (
        edit
        for edit, split in zip(drawn, splits.tolist(), strict=True)
        if SPLITS[split] != "train" and edit.after not in seen
    )
    return next(fresh, None)


def expected(edits: Sequence[Edit]) -> dict[str, Any]:
    """What these edits together ask for, as facts of a case (JSON-able).

    ``objects``: all objects of the true result; ``kept``: those that were there before; ``new``: the others, each with
    ``place``: ``cell`` where the instructions say no more than the cell, else ``exact``; ``gone``: the objects of the
    first scene that are no more as they were; ``background``: top, bottom, and whether it was asked for; ``region``:
    the boxes (left, top, right, bottom, whole pixels) outside of which nothing changes.
    """
    before, after = edits[0].before, edits[-1].after
    gone = [item for item in before.objects if item not in after.objects]
    new = [item for item in after.objects if item not in before.objects]
    free = _freely_placed(edits)
    asked = (before.top, before.bottom) != (after.top, after.bottom)
    return {
        "objects": [item.facts() for item in after.objects],
        "kept": [item.facts() for item in after.objects if item in before.objects],
        "new": [{**item.facts(), "place": "cell" if item in free else "exact"} for item in new],
        "gone": [item.facts() for item in gone],
        "background": {"top": after.top, "bottom": after.bottom, "asked": asked},
        "region": [list(box) for box in pixel_boxes(before, after)],
        "held_out": sorted({f"{item.colour} {item.shape}" for item in (*gone, *new) if item.held_out}),
    }


def _freely_placed(edits: Sequence[Edit]) -> set[SceneObject]:
    """The objects whose place inside their cell no instruction tells: added, moved, or made out of such a one."""
    free: set[SceneObject] = set()
    for edit in edits:
        if edit.kind in ("add", "move") or free.intersection(edit.gone):
            free.update(edit.new)
    return free

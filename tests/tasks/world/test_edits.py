"""Edits: the true edit does what the instruction says and nothing else, by a reader of words and scenes."""

from __future__ import annotations

import re
import time
from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.seeding import rng_for
from tasks.world.captions import CELL_PHRASES
from tasks.world.draw import draw_array
from tasks.world.edits import SHORTEST_MOVE, Edit, propose, training_edit
from tasks.world.instructions import DESTINATIONS, KINDS, EditKind
from tasks.world.sampling import GAP, SPLITS, contrasts, scenes_of, split_of
from tasks.world.scene import (
    BACKGROUND_NAMES,
    CELLS,
    COLOUR_NAMES,
    HELD_OUT,
    MOST,
    SHAPES,
    SIDE,
    SIZE_NAMES,
    Scene,
    SceneObject,
    as_batch,
)

PLACES = {CELL_PHRASES.get(cell, f"in the {cell}"): cell for cell in CELLS}
ENDS = {words: cell for cell, words in DESTINATIONS.items()}
THING = (
    rf"(?:the|an?) (?:(?P<{{0}}size>{'|'.join(SIZE_NAMES)}) )?(?:(?P<{{0}}colour>{'|'.join(COLOUR_NAMES)}) )?"
    rf"(?P<{{0}}shape>{'|'.join(SHAPES)})(?: (?P<{{0}}place>{'|'.join(sorted(PLACES, key=len, reverse=True))}))?"
)
IT, AWAY, NEW = (THING.format(prefix) for prefix in ("it_", "away_", "new_"))
GROUND, COLOUR = "|".join(sorted(BACKGROUND_NAMES, key=len, reverse=True)), "|".join(COLOUR_NAMES)
GRAMMAR: dict[EditKind, str] = {
    "remove": rf"(?:remove|delete) {IT}|take {AWAY} away",
    "add": rf"(?:add|put|draw) {NEW}",
    "recolour": rf"(?:make|turn) {IT} (?P<c>{COLOUR})|change the colour of {AWAY} to (?P<d>{COLOUR})",
    "replace": rf"(?:replace|swap|turn) {IT} (?:with|for|into) {NEW}",
    "move": rf"(?:move|shift|bring) {IT} (?P<end>{'|'.join(ENDS)})",
    "background": rf"(?:change|make|set) the background (?:to )?(?:(?P<one>{GROUND})|"
    rf"a gradient from (?P<top>{GROUND}) to (?P<bottom>{GROUND}))",
}


@cache
def scenes() -> tuple[Scene, ...]:
    return (*scenes_of("train", 0, 300).scenes(), *scenes_of("test", 0, 300).scenes())


def meant(scene: Scene, words: dict[str, str | None], prefix: str) -> list[SceneObject]:
    """Every object that a name may mean."""
    place = words.get(f"{prefix}_place")
    return [
        item
        for item in scene.objects
        if item.shape == words[f"{prefix}_shape"]
        and words[f"{prefix}_colour"] in (None, item.colour)
        and (place is None or item.cell == PLACES[place])
    ]


def fits(item: SceneObject, words: dict[str, str | None], cell: str) -> bool:
    """Whether a new object is the one that was asked for."""
    said = (words["new_shape"], words["new_colour"], words["new_size"] or item.size)
    return said == (item.shape, item.colour, item.size) and item.cell == cell


def follows(edit: Edit) -> bool:
    """Reads the instruction and says whether ``after`` is ``before`` with that and no other change."""
    found = re.fullmatch(GRAMMAR[edit.kind], edit.instruction)
    assert found, edit.instruction
    words = found.groupdict()
    before, after = edit.before, edit.after
    if edit.kind == "background":
        ends = (words["one"] or words["top"], words["one"] or words["bottom"])
        return (after.top, after.bottom) == ends != (before.top, before.bottom) and after.objects == before.objects
    if (after.top, after.bottom) != (before.top, before.bottom):
        return False
    if edit.kind == "add":
        return after.objects[:-1] == before.objects and fits(after.objects[-1], words, PLACES[words["new_place"] or ""])
    named = meant(before, words, "it" if words.get("it_shape") else "away")
    assert len(named) == 1, (edit.instruction, before)
    old, others = named[0], [item for item in before.objects if item is not named[0]]
    if edit.kind == "remove":
        return [*after.objects] == others
    changed = [item for item in after.objects if item not in others]
    if len(changed) != 1 or len(after.objects) != len(before.objects):
        return False
    new = changed[0]
    if edit.kind == "move":
        same = (new.shape, new.colour, new.size) == (old.shape, old.colour, old.size)
        far = max(abs(new.x - old.x), abs(new.y - old.y)) >= SHORTEST_MOVE
        return same and far and old.cell != new.cell == ENDS[words["end"] or ""]
    if (new.x, new.y, new.size) != (old.x, old.y, old.size):
        return False
    if edit.kind == "recolour":
        return new.shape == old.shape and old.colour != new.colour == (words["c"] or words["d"])
    return new.shape != old.shape and fits(new, words, old.cell)


def edits(kind: EditKind, held_out: bool = True, count: int = 300) -> list[Edit]:
    found = (propose(scene, kind, rng_for("edits", kind, i), held_out) for i, scene in enumerate(scenes()[:count]))
    return [edit for edit in found if edit is not None]


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 599), st.sampled_from(KINDS), st.integers(0, 2**32), st.booleans())
def test_the_true_edit_is_what_the_instruction_says_and_a_scene_of_the_world(
    index: int, kind: EditKind, seed: int, held_out: bool
) -> None:
    scene = scenes()[index]
    edit = propose(scene, kind, rng_for("property", seed), held_out)
    if edit is None:
        # Always possible: another colour, another shape. Never: no object left, more than four.
        assert kind in ("remove", "add", "move", "background")
        assert kind != "remove" or len(scene.objects) == 1
        return
    assert edit.before == scene and edit.kind == kind
    assert follows(edit)
    after = edit.after
    assert 1 <= len(after.objects) <= MOST
    seen = contrasts()[[BACKGROUND_NAMES.index(name) for name in (after.top, after.bottom)]].all(0)
    assert all(seen[COLOUR_NAMES.index(item.colour)] for item in after.objects)
    for i, item in enumerate(after.objects):
        assert min(item.box) >= 0.5 and max(item.box) <= SIDE - 0.5
        for other in after.objects[:i]:
            apart = max(abs(item.x - other.x), abs(item.y - other.y)) - item.radius - other.radius
            assert apart >= GAP and item.cell != other.cell
    if not held_out:
        assert not any(item.held_out for item in edit.new) or kind == "move"


def test_the_reader_of_this_test_sees_a_wrong_edit() -> None:
    for kind in KINDS:
        edit = edits(kind)[0]
        assert follows(edit)
        assert not follows(Edit(kind, edit.instruction, edit.before, edit.before))
        item = edit.after.objects[0]
        other = SceneObject(item.shape, item.colour, item.size, item.x + 0.25, item.y)
        nudged = Scene((other, *edit.after.objects[1:]), edit.after.top, edit.after.bottom)
        if item in edit.before.objects:
            assert not follows(Edit(kind, edit.instruction, edit.before, nudged))


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_differ_inside_the_region_only(kind: EditKind) -> None:
    found = edits(kind)
    before, after = (draw_array(as_batch([getattr(edit, end) for edit in found])) for end in ("before", "after"))
    different = (before != after).any(1)
    region = np.zeros(different.shape, bool)
    for row, edit in enumerate(found):
        for left, top, right, bottom in edit.region:
            region[row, top:bottom, left:right] = True
    assert not (different & ~region).any()
    assert different.any((1, 2)).all()
    if kind != "background":
        # No larger than the boxes that changed: two of 14 pixels and a margin at most.
        assert region.sum((1, 2)).max() <= 2 * 16 * 16


def test_gone_new_and_kept() -> None:
    numbers = {"remove": (1, 0), "add": (0, 1), "recolour": (1, 1), "replace": (1, 1), "move": (1, 1)}
    for kind in KINDS:
        for edit in edits(kind, count=60):
            assert (len(edit.gone), len(edit.new)) == numbers.get(kind, (0, 0))
            assert len(edit.kept) == len(edit.before.objects) - len(edit.gone)


def test_held_out_combinations_are_made_only_when_asked_for() -> None:
    for kind in ("add", "recolour", "replace"):
        made = [item for edit in edits(kind, True, 600) for item in edit.new]
        assert {(item.shape, item.colour) for item in made} & HELD_OUT
        assert not any(item.held_out for edit in edits(kind, False, 600) for item in edit.new)


def test_an_edit_depends_on_scene_and_generator_only() -> None:
    for scene in scenes()[:40]:
        assert training_edit(scene, rng_for("same")) == training_edit(scene, rng_for("same"))
    assert len({edit.instruction for i in range(20) if (edit := training_edit(scenes()[0], rng_for(i)))}) > 10


def test_training_edits_are_balanced_and_stay_in_their_split() -> None:
    pool = scenes_of("train", 1024, 3000).scenes()
    rng = rng_for("balance")
    found = [edit for scene in pool if (edit := training_edit(scene, rng))]
    assert len(found) > 0.999 * len(pool)
    shares = Counter(edit.kind for edit in found)
    # A sixth each: a standard deviation is 0.007.
    assert all(abs(shares[kind] / len(found) - 1 / 6) < 0.025 for kind in KINDS)
    assert (split_of(as_batch([edit.after for edit in found])) == SPLITS.index("train")).all()
    assert not any(edit.after.held_out for edit in found)
    assert all(len({edit.instruction.split()[0] for edit in found if edit.kind == kind}) == 3 for kind in KINDS)


def test_training_edits_are_fast() -> None:
    pool, rng = scenes_of("train", 2048, 1000).scenes(), rng_for("rate")
    training_edit(pool[0], rng)
    start = time.process_time()
    for scene in pool:
        training_edit(scene, rng)
    # About 8,000 per second on one core here; a training must not wait for them.
    assert time.process_time() - start < 0.5


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="no kind of edit 'sharpen'; known: remove, add"):
        propose(scenes()[0], "sharpen", rng_for(0))  # type: ignore[arg-type]

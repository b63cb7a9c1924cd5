"""The judge: hand-made results of hand-made edits, and what must hold for every case of the task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.editing.judging import Verdict, judge
from tasks.editing.sessions import expected, world_sessions
from tasks.world.edits import Edit
from tasks.world.scene import Scene, SceneObject

RED = SceneObject("circle", "red", "small", 6.0, 6.0)
TWIN = SceneObject("circle", "red", "small", 25.0, 6.0)
BLUE = SceneObject("square", "blue", "medium", 24.0, 24.0)
GREY = ("grey", "grey")


def at(item: SceneObject, x: float, y: float, **other: str) -> SceneObject:
    words = {"shape": item.shape, "colour": item.colour, "size": item.size, **other}
    return SceneObject(words["shape"], words["colour"], words["size"], x, y)


def verdict(
    kind: Any, before: Sequence[SceneObject], after: Sequence[SceneObject], found: Sequence[SceneObject]
) -> Verdict:
    """The judgement of ``found`` on grey, where an edit of grey to grey was to lead to ``after``."""
    edit = Edit(kind, "", Scene(tuple(before), *GREY), Scene(tuple(after), *GREY))
    return judge(expected([edit]), [item.facts() for item in found], GREY)


def test_removed() -> None:
    before, after = (RED, BLUE), (BLUE,)
    assert verdict("remove", before, after, [BLUE]) == Verdict(True, 1, 1, True, "")
    assert verdict("remove", before, after, [BLUE, RED]).reason == "the red circle is still there"
    # Painted over in another colour, or carried elsewhere, it is not gone.
    assert not verdict("remove", before, after, [BLUE, at(RED, 6, 7, colour="green")]).success
    assert not verdict("remove", before, after, [BLUE, at(RED, 6, 25)]).success
    # Another thing elsewhere is an addition: the instruction was obeyed, the picture is not the true one.
    extra = verdict("remove", before, after, [BLUE, at(RED, 6, 25, colour="green")])
    assert (extra.success, extra.exact, extra.reason) == (True, False, "a green circle too many")
    # An empty picture obeys and keeps nothing.
    assert verdict("remove", before, after, []) == Verdict(True, 0, 1, False, "the blue square was not kept")


def test_one_of_two_alike_is_removed() -> None:
    before, after = (RED, TWIN), (TWIN,)
    assert verdict("remove", before, after, [TWIN]).exact
    wrong = verdict("remove", before, after, [RED])
    assert (wrong.success, wrong.preserved, wrong.kept) == (False, 0, 1)


@pytest.mark.parametrize(("x", "y", "done"), [(20.0, 20.0, False), (26.5, 9.0, True), (22.0, 5.5, True)])
def test_added_anywhere_in_the_cell(x: float, y: float, done: bool) -> None:
    found = verdict("add", (RED,), (RED, TWIN), [RED, at(TWIN, x, y)])
    assert found.success == found.exact == done
    assert found.reason == ("" if done else "no red circle in its place")


def test_added_in_the_wrong_colour_or_shape_and_in_any_size() -> None:
    for words, done in (({"colour": "pink"}, False), ({"shape": "ring"}, False), ({"size": "large"}, True)):
        assert verdict("add", (RED,), (RED, TWIN), [RED, at(TWIN, 25, 6, **words)]).success == done


@pytest.mark.parametrize("kind", ["recolour", "replace"])
def test_changed_where_it_stands(kind: str) -> None:
    new = at(RED, 6, 6, colour="green") if kind == "recolour" else at(RED, 6, 6, shape="ring", colour="pink")
    after = (new, BLUE)
    assert verdict(kind, (RED, BLUE), after, [new, BLUE]).exact
    assert verdict(kind, (RED, BLUE), after, [at(new, 8, 6), BLUE]).success  # 2 pixels off
    assert not verdict(kind, (RED, BLUE), after, [at(new, 9, 6), BLUE]).success  # 3 pixels off, in the same cell
    assert not verdict(kind, (RED, BLUE), after, [RED, BLUE]).success
    assert not verdict(kind, (RED, BLUE), after, [RED, new, BLUE]).success  # old and new in one place
    assert not verdict(kind, (RED, BLUE), after, [BLUE]).success


def test_moved() -> None:
    before, after = (RED, BLUE), (TWIN, BLUE)
    assert verdict("move", before, after, [at(TWIN, 23, 9), BLUE]).exact
    assert verdict("move", before, after, [RED, BLUE]).reason == "no red circle in its place"
    assert verdict("move", before, after, [RED, TWIN, BLUE]).reason == "the red circle is still there"
    assert not verdict("move", before, after, [at(RED, 25, 16), BLUE]).success


def test_what_is_left_alone_keeps_shape_colour_and_place() -> None:
    after = (BLUE, TWIN)
    for found, kept in (
        ([BLUE, TWIN], 2),
        ([at(BLUE, 26, 25), TWIN], 2),
        ([at(BLUE, 24, 27), TWIN], 1),
        ([at(BLUE, 24, 24, colour="red"), at(TWIN, 25, 6, shape="ring")], 0),
    ):
        assert verdict("remove", (RED, *after), after, found).preserved == kept


def test_the_background() -> None:
    edit = Edit("background", "", Scene((RED,), "grey", "grey"), Scene((RED,), "beige", "slate"))
    facts, found = expected([edit]), [RED.facts()]
    assert judge(facts, found, ("beige", "slate")).exact
    for wrong in (("grey", "grey"), ("slate", "beige"), ("beige", ""), ("beige", "beige")):
        assert judge(facts, found, wrong).reason == "the background is another"
    kept = expected([Edit("remove", "", Scene((RED, BLUE), *GREY), Scene((RED,), *GREY))])
    changed = judge(kept, found, ("beige", "beige"))
    assert (changed.success, changed.exact, changed.reason) == (True, False, "the background changed")


@pytest.mark.parametrize("chain", [False, True])
def test_truth_is_exact_and_a_copy_never_succeeds(chain: bool) -> None:
    for session in world_sessions():
        for edits in [session.edits] if chain else [(edit,) for edit in session.edits]:
            facts, before, after = expected(edits), edits[0].before, edits[-1].after
            assert judge(facts, facts["objects"], (after.top, after.bottom)).exact
            copy = judge(facts, [item.facts() for item in before.objects], (before.top, before.bottom))
            assert not copy.success and not copy.exact and copy.reason
            assert copy.preserved == copy.kept


@given(st.integers(0, 299), st.integers(0, 2**32))
def test_the_order_of_detections_does_not_matter(number: int, seed: int) -> None:
    session = world_sessions()[number]
    facts, rng = expected(session.edits), np.random.default_rng(seed)
    found = [item.facts() for item in (*session.source.objects, *session.final.objects)]
    shuffled = [found[i] for i in rng.permutation(len(found))]
    ends = (session.final.top, session.final.bottom)
    one, two = judge(facts, found, ends), judge(facts, shuffled, ends)
    assert (one.success, one.preserved, one.exact) == (two.success, two.preserved, two.exact)

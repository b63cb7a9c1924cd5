"""Sessions: they hold together, are balanced, keep away from training, and say what is expected of a result."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tasks.editing.sessions import LONGEST, SESSIONS, Session, expected, planned_kinds, world_sessions
from tasks.editing.surroundings import region_mask
from tasks.world.draw import draw_array
from tasks.world.edits import Edit
from tasks.world.instructions import KINDS
from tasks.world.sampling import SPLITS, split_of
from tasks.world.scene import Scene, SceneObject, as_batch

RED = SceneObject("circle", "red", "small", 6.0, 6.0)
BLUE = SceneObject("square", "blue", "medium", 24.0, 24.0)


def scene(*objects: SceneObject, top: str = "light grey") -> Scene:
    return Scene(objects, top, top)


def test_sessions_are_chains_that_never_go_back() -> None:
    sessions = world_sessions()
    assert len(sessions) == SESSIONS
    assert [len(session.edits) for session in sessions] == [1 + number % LONGEST for number in range(SESSIONS)]
    for session in sessions:
        shown = [session.source, *(edit.after for edit in session.edits)]
        assert [edit.before for edit in session.edits] == shown[:-1]
        assert len(set(shown)) == len(shown)
    assert len({session.source for session in sessions}) == SESSIONS


def test_kinds_are_balanced_in_all_and_in_every_turn() -> None:
    sessions = world_sessions()
    for number, session in enumerate(sessions):
        kinds = tuple(edit.kind for edit in session.edits)
        assert kinds == planned_kinds(number) and len(set(kinds)) == len(kinds)
    total = Counter(edit.kind for session in sessions for edit in session.edits)
    assert all(95 <= total[kind] <= 105 for kind in KINDS)
    for turn in range(LONGEST):
        here = Counter(session.edits[turn].kind for session in sessions if len(session.edits) > turn)
        assert max(here.values()) - min(here.values()) <= 4


def test_no_picture_is_an_arrangement_of_training() -> None:
    scenes = [found for session in world_sessions() for found in (session.source, *(e.after for e in session.edits))]
    assert SPLITS.index("train") not in split_of(as_batch(scenes))
    assert (split_of(as_batch([s.source for s in world_sessions()])) == SPLITS.index("test")).all()
    assert any(expected(session.edits)["held_out"] for session in world_sessions())


def test_a_session_does_not_depend_on_how_many_there_are() -> None:
    assert world_sessions(20) == world_sessions()[:20]


@pytest.mark.parametrize("chain", [False, True])
def test_what_is_expected_adds_up_and_the_region_holds_every_difference(chain: bool) -> None:
    runs = [part for s in world_sessions(90) for part in ([s.edits] if chain else [(edit,) for edit in s.edits])]
    facts = [expected(edits) for edits in runs]
    for edits, known in zip(runs, facts, strict=True):
        assert known["objects"] == [item.facts() for item in edits[-1].after.objects]
        new = [{name: value for name, value in item.items() if name != "place"} for item in known["new"]]
        assert sorted(map(str, known["kept"] + new)) == sorted(map(str, known["objects"]))
        assert sorted(map(str, known["kept"] + known["gone"])) == sorted(
            str(item.facts()) for item in edits[0].before.objects
        )
    before, after = (draw_array(as_batch([getattr(edits[at], end) for edits in runs])) for at, end in ENDS)
    region = np.stack([region_mask(known["region"]) for known in facts])
    different = (before != after).any(1)
    assert different.any((1, 2)).all() and not (different & ~region).any()


ENDS = ((0, "before"), (-1, "after"))


def test_the_place_of_what_was_put_somewhere_is_free_inside_its_cell() -> None:
    moved = SceneObject("circle", "red", "small", 25.0, 6.0)
    green = SceneObject("circle", "green", "small", 25.0, 6.0)
    move = Edit("move", "move the circle to the top right", scene(RED, BLUE), scene(moved, BLUE))
    paint = Edit("recolour", "make the circle green", scene(moved, BLUE), scene(green, BLUE))
    session = Session((move, paint))
    (new,) = expected(session.edits)["new"]
    assert (new["colour"], new["place"]) == ("green", "cell")
    (alone,) = expected([paint])["new"]
    assert alone["place"] == "exact"
    assert expected(session.edits)["gone"] == [RED.facts()] and expected(session.edits)["kept"] == [BLUE.facts()]
    assert expected(session.edits)["region"] == [[1, 1, 11, 11], [20, 1, 30, 11]]


def test_a_new_background_changes_the_whole_picture() -> None:
    edit = Edit("background", "make the background beige", scene(RED), scene(RED, top="beige"))
    known = expected([edit])
    assert known["region"] == [[0, 0, 32, 32]] and known["kept"] == [RED.facts()] and not known["new"]
    assert known["background"] == {"top": "beige", "bottom": "beige", "asked": True}
    back = Edit("background", "make the background light grey", scene(RED, top="beige"), scene(RED))
    assert not expected([edit, back])["background"]["asked"]

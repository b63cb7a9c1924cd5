"""Captions say what is true; relations follow GenEval's rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.world.captions import RELATIONS, STYLES, Box, caption, relations
from tasks.world.sampling import scenes_of
from tasks.world.scene import Scene, SceneObject

OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
coordinates = st.integers(-100, 100)
sides = st.integers(1, 60)
boxes = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), coordinates, coordinates, sides, sides)


@pytest.mark.parametrize(
    ("a", "expected"),
    [
        ((0, 20, 10, 30), {"left of"}),
        ((40, 20, 50, 30), {"right of"}),
        ((20, 0, 30, 10), {"above"}),
        ((20, 40, 30, 50), {"below"}),
        ((0, 0, 10, 10), {"left of", "above"}),
        # Two pixels apart is a tenth of the summed sides: too little to be anywhere.
        ((18, 20, 28, 30), set()),
        # Concentric boxes have no direction.
        ((22, 22, 28, 28), set()),
    ],
)
def test_relations_by_hand(a: Box, expected: set[str]) -> None:
    assert set(relations(a, (20, 20, 30, 30))) == expected


@given(boxes, boxes, st.sampled_from([0.5, 3.0, 32.0]))
def test_relations_turn_round_and_scale(a: Box, b: Box, scale: float) -> None:
    there = relations(a, b)
    assert {OPPOSITE[name] for name in there} == set(relations(b, a))
    assert len(there) <= 2 and not any(OPPOSITE[name] in there for name in there)
    bigger = [tuple(scale * value for value in box) for box in (a, b)]
    assert {name for name, share in there.items() if share > 0.501} <= set(relations(*bigger))


def test_a_caption_of_two_objects_is_true() -> None:
    related = 0
    for scene in scenes_of("test", 0, 800).scenes():
        words = caption(scene)
        said = [name for name in RELATIONS if f" {name} " in words]
        if said:
            first, second = scene.objects
            assert len(said) == 1 and said[0] in relations(first.box, second.box)
            assert words.index(f"{first.colour} {first.shape}") < words.index(said[0])
            related += 1
        for item in scene.objects:
            assert f"{item.colour} {item.shape}" in words
    assert related > 50


def test_captions_by_hand() -> None:
    red = SceneObject("circle", "red", "small", 8, 6)
    blue = SceneObject("square", "blue", "large", 8, 24)
    ring = SceneObject("ring", "orange", "small", 25, 6)
    cross = SceneObject("cross", "black", "small", 25, 25)
    other = SceneObject("cross", "black", "medium", 8, 25)
    assert caption(Scene((red, blue), "grey", "grey")) == "a red circle above a blue square on a grey background"
    assert caption(Scene((ring,), "sky", "sky"), "cells") == "an orange ring in the top right on a sky background"
    assert caption(Scene((cross, other), "sage", "beige")) == "two black crosses on a background from sage to beige"
    assert (
        caption(Scene((red, cross, ring), "slate", "slate"), "sizes")
        == "a small red circle, a small black cross and a small orange ring on a slate background"
    )
    assert caption(Scene((blue,), "grey", "grey"), "background first") == "on a grey background, a blue square"


def test_styles_that_leave_words_out_by_hand() -> None:
    red, blue = SceneObject("circle", "red", "small", 8, 6), SceneObject("square", "blue", "large", 8, 24)
    black = SceneObject("circle", "black", "small", 25, 25)
    pair, same = Scene((red, blue), "grey", "grey"), Scene((red, black), "grey", "sky")
    three = Scene((red, blue, black), "sage", "sage")
    assert caption(pair, "objects only") == "a red circle and a blue square"
    assert caption(pair, "shapes only") == "a circle and a square"
    assert caption(pair, "shapes related") == "a circle above a square"
    assert caption(pair, "shapes on background") == "a circle and a square on a grey background"
    assert caption(same, "objects only") == "a red circle and a black circle"
    assert caption(same, "shapes only") == caption(same, "shapes related") == "two circles"
    assert caption(three, "shapes only") == caption(three, "shapes related") == "two circles and a square"
    assert caption(Scene((red,), "sky", "sky"), "shapes only") == "a circle"


def test_unknown_style_names_the_known() -> None:
    with pytest.raises(ValueError, match=", ".join(STYLES)):
        caption(scenes_of("val", 0, 1).scenes()[0], "baroque")

"""The world's lessons: they tell the truth of their pictures, and keep validation and held-out combinations apart."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UserError
from tasks.data.wikipedia import wikipedia_at_hand
from tasks.world.captions import STYLES, caption
from tasks.world.detector import open_world_detector
from tasks.world.draw import draw
from tasks.world.lessons import PIECE, PROMPT_STYLES, PROMPTED, TURNS, WorldLessons, pieces
from tasks.world.mixtures import MIXTURES
from tasks.world.sampling import scenes_of
from tasks.world.scene import HELD_OUT

LESSON_KINDS = {
    "edit unsaid": "edit",
    "statements": "image to caption",
    "positions": "question",
    "prompt to image": "caption to image",
    "prompted instruction to image": "instruction to image",
    "caption": "text",
    "wikipedia": "text",
}
"""Kind in a mixture -> kind of the lesson, where they differ."""

pytestmark = pytest.mark.skipif(not wikipedia_at_hand(), reason="needs Wikipedia's paragraphs")


@pytest.fixture(scope="module")
def lessons() -> WorldLessons:
    return WorldLessons(0, pictures=2000, edits=1000, validation=300)


def said_of(lessons: WorldLessons, stage: str, kind: str, count: int = 40) -> list:
    found = [lesson for step in range(40) for lesson in lessons.lessons(stage, step, 32) if lesson.kind == kind]
    return found[:count]


def scene_at(lessons: WorldLessons, picture: int):
    """The scene that a picture shows, from the stream's own tables."""
    return lessons._scene(picture if picture < lessons.scene_count else picture - lessons.edit_count)


@pytest.mark.parametrize("stage", ["pretrain", "validation"])
def test_captions_are_those_of_their_pictures(lessons: WorldLessons, stage: str) -> None:
    for lesson in said_of(lessons, stage, "caption to image"):
        scene = scene_at(lessons, lesson.image)
        assert lesson.text in [caption(scene, style) for style in STYLES]


def test_pictures_show_their_scenes_and_edits(lessons: WorldLessons) -> None:
    count, detector = 60, open_world_detector()
    for first in (0, lessons.scene_count, lessons.scene_count + lessons.edit_count):
        found = detector.detect_tensor(lessons.pictures(first, count))
        for row, objects in enumerate(found):
            if first == lessons.scene_count:
                edit = lessons.edit(row)
                scene = edit.after if edit else lessons._scene(row)
            else:
                scene = scene_at(lessons, first + row)
            truth = sorted((item.shape, item.colour) for item in scene.objects)
            assert sorted((item["shape"], item["colour"]) for item in objects) == truth


def test_pictures_do_not_depend_on_the_range_or_the_seed(lessons: WorldLessons) -> None:
    other = WorldLessons(9, pictures=2000, edits=1000, validation=300)
    edge = lessons.scene_count - 3
    assert torch.equal(lessons.pictures(edge, 6), torch.cat([other.pictures(edge + i, 1) for i in range(6)]))
    assert lessons.description == other.description
    assert lessons.lessons("pretrain", 0, 32) != other.lessons("pretrain", 0, 32)


def test_validation_shows_scenes_of_its_own_split(lessons: WorldLessons) -> None:
    taught = said_of(lessons, "validation", "caption to image")
    assert all(lesson.image >= lessons.scene_count + lessons.edit_count for lesson in taught)
    first = lessons.scene_count + lessons.edit_count
    assert torch.equal(lessons.pictures(first, 5), draw(scenes_of("val", 0, 5)))


def test_an_edit_joins_two_pictures(lessons: WorldLessons) -> None:
    for lesson in said_of(lessons, "instruct", "edit"):
        edit = lessons.edit(lesson.image)
        assert edit is not None and lesson.edited == lesson.image + lessons.scene_count
        assert lesson.text in ("", edit.instruction)


def test_no_lesson_names_a_held_out_combination(lessons: WorldLessons) -> None:
    names = [f"{colour} {shape}" for shape, colour in HELD_OUT]
    for stage in set(MIXTURES) - {"validation"}:
        for step in range(20):
            for lesson in lessons.lessons(stage, step, 64):
                words = " ".join([lesson.text, *(part for turn in lesson.turns for part in turn)])
                assert lesson.kind == "text" or not any(name in words for name in names), words


def test_kinds_come_in_their_shares(lessons: WorldLessons) -> None:
    for stage, mixture in MIXTURES.items():
        assert sum(mixture.values()) == pytest.approx(1)
        kinds = [lesson.kind for lesson in lessons.lessons(stage, 0, 4000)]
        shares = Counter()
        for kind, share in mixture.items():
            shares[LESSON_KINDS.get(kind, kind)] += share
        found = {kind: number / len(kinds) for kind, number in Counter(kinds).items()}
        assert found == pytest.approx(dict(shares), abs=0.035), stage


def test_pictures_are_those_that_prompts_ask_for(lessons: WorldLessons) -> None:
    """One object, several of one shape, or two of different shapes, in their shares; told as prompts are."""
    rng, found = np.random.default_rng(0), []
    for _ in range(600):
        lesson = lessons._lesson("prompt to image", False, rng)
        scene = scene_at(lessons, lesson.image)
        assert lesson.kind == "caption to image" and lesson.image < lessons.scene_count
        assert lesson.text in [caption(scene, style) for style in PROMPT_STYLES]
        shapes = [item.shape for item in scene.objects]
        found.append(0 if len(shapes) == 1 else 1 if len(set(shapes)) == 1 else 2)
        assert found[-1] < 2 or len(shapes) == 2
    assert np.bincount(found) / len(found) == pytest.approx(PROMPTED, abs=0.07)


def test_positions_are_asked_of_pictures_with_two_things_to_name(lessons: WorldLessons) -> None:
    for number in range(200):
        lesson = lessons._lesson("positions", False, np.random.default_rng(number))
        assert lesson.kind == "question" and lesson.image < lessons.scene_count
        assert len(scene_at(lessons, lesson.image).objects) > 1
        asked = [(lesson.text, lesson.answer), *lesson.turns]
        assert len(asked) == TURNS
        assert all(
            any(word in question.split() for word in ("left", "right", "above", "below")) for question, _ in asked
        )


def test_what_it_lacks_is_one_line() -> None:
    with pytest.raises(UserError, match="no lessons of stage"):
        WorldLessons(0, pictures=1000, edits=1000, validation=10).lessons("dessert", 0, 1)
    with pytest.raises(UserError, match="multiples of 1000"):
        WorldLessons(0, pictures=1500)


@given(st.text(alphabet="ab \n", max_size=3000))
def test_pieces_lose_no_word(text: str) -> None:
    found = pieces(text)
    assert all(0 < len(piece) <= PIECE for piece in found)
    assert "".join(found).replace(" ", "").replace("\n", "") == text.replace(" ", "").replace("\n", "")

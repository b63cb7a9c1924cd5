"""Statements about scenes: an independent reader finds each one true."""

from __future__ import annotations

import re

from harness.seeding import rng_for
from tasks.world.captions import relations
from tasks.world.sampling import scenes_of
from tasks.world.scene import BACKGROUNDS, COLOURS, HELD_OUT, SHAPES, SIZES, Scene, SceneObject
from tasks.world.statements import TOLD, statements

NUMBER = {"two": 2, "three": 3, "four": 4}
RELATIONS = {"on the left of": "left of", "on the right of": "right of", "above": "above", "below": "below"}


def found(scene: Scene, words: str) -> list[SceneObject]:
    """What "circles", "red ring" or "the ring" can mean."""
    *colour, noun = words.removeprefix("the ").split()
    shape = {"crosses": "cross", "cross": "cross"}.get(noun, noun.removesuffix("s"))
    assert shape in (*SHAPES, "object") and all(word in COLOURS for word in colour), words
    return [item for item in scene.objects if shape in (item.shape, "object") and colour in ([], [item.colour])]


def holds(scene: Scene, sentence: str) -> bool:
    sentence = sentence[0].lower() + sentence[1:]
    if match := re.fullmatch(r"there is only one (.+)", sentence):
        return len(found(scene, match[1])) == 1
    if match := re.fullmatch(r"there is a total of (\w+) (.+)", sentence):
        return len(found(scene, match[2])) == NUMBER[match[1]]
    if match := re.fullmatch(r"there is an? (.+)", sentence):
        return bool(found(scene, match[1]))
    if match := re.fullmatch(r"the background is (.+)", sentence):
        return match[1] in BACKGROUNDS and scene.top == scene.bottom == match[1]
    match = re.fullmatch(r"(the .+?) is (.+)", sentence)
    assert match, sentence
    (item,) = found(scene, match[1])
    if cell := re.fullmatch(r"in the (.+)", match[2]):
        return item.cell == cell[1]
    for phrase, relation in RELATIONS.items():
        if match[2].startswith(f"{phrase} "):
            (other,) = found(scene, match[2].removeprefix(f"{phrase} "))
            return relation in relations(item.box, other.box)
    return match[2] in (item.colour, item.size) and match[2] in (*COLOURS, *SIZES)


def test_an_independent_reader_agrees_and_nothing_held_out_is_named() -> None:
    rng, heard = rng_for("test", "statements"), set()
    for scene in scenes_of("val", 0, 400).scenes():
        told = statements(scene, rng)
        sentences = told.removesuffix(".").split(". ")
        assert len(sentences) == TOLD
        for sentence in sentences:
            assert holds(scene, sentence), (sentence, scene)
            heard.add(re.sub(r".* is (in the|only|a total|on the|above|below|an?\b)?.*", r"\1", sentence))
        assert not any(f"{colour} {shape}" in told for shape, colour in HELD_OUT)
    assert heard >= {"in the", "only", "a total", "on the", "above", "below", "a", ""}

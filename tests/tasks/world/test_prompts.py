"""Prompts in GenEval's schema: what they ask for, in which words, and that the world can show it."""

from __future__ import annotations

from collections import Counter

import pytest

from tasks.geneval.names import COLOURS, RELATIONS, TAGS
from tasks.geneval.prompts import prompt_from_json
from tasks.world.captions import NUMBERS
from tasks.world.captions import RELATIONS as CAPTION_RELATIONS
from tasks.world.prompts import COUNTS, HELD_OUT_PER_TAG, PER_TAG, WorldPrompt, world_prompts
from tasks.world.sampling import contrasts
from tasks.world.scene import BACKGROUND_NAMES, COLOUR_NAMES, HELD_OUT, SHAPES

PROMPTS = world_prompts()
BY_TEXT = {prompt.text: prompt for prompt in PROMPTS}


def of(tag: str) -> list[WorldPrompt]:
    return [prompt for prompt in PROMPTS if prompt.tag == tag]


def without_background(text: str) -> str:
    return text.partition(" on a ")[0]


def test_six_tags_of_equal_size_and_no_prompt_twice() -> None:
    assert Counter(prompt.tag for prompt in PROMPTS) == dict.fromkeys(TAGS, PER_TAG)
    assert len({prompt.text for prompt in PROMPTS}) == len(PROMPTS)


def test_every_record_is_official_and_the_worlds_words_are_genevals() -> None:
    assert COLOUR_NAMES == COLOURS and CAPTION_RELATIONS == RELATIONS
    for prompt in PROMPTS:
        assert prompt_from_json(dict(prompt.record), "world", SHAPES).to_json() == prompt.record


def test_the_same_prompts_always() -> None:
    world_prompts.cache_clear()
    assert world_prompts() == PROMPTS


@pytest.mark.parametrize(
    ("text", "tag", "include", "exclude"),
    [
        ("a circle", "single_object", [{"class": "circle", "count": 1}], None),
        ("a ring and a moon", "two_object", [{"class": "ring", "count": 1}, {"class": "moon", "count": 1}], None),
        (
            "three crosses",
            "counting",
            [{"class": "cross", "count": 3}],
            [{"class": "cross", "count": 4}],
        ),
        ("an orange square", "colors", [{"class": "square", "count": 1, "color": "orange"}], None),
    ],
)
def test_records_by_hand(text: str, tag: str, include: object, exclude: object) -> None:
    record = BY_TEXT[text].record
    assert (record["tag"], record["include"], record.get("exclude")) == (tag, include, exclude)


def test_words_say_what_the_record_asks() -> None:
    for prompt in PROMPTS:
        include = prompt.record["include"]
        words = without_background(prompt.text)
        if prompt.tag == "counting":
            (item,) = include
            assert item["count"] in COUNTS
            assert prompt.record["exclude"] == [{"class": item["class"], "count": item["count"] + 1}]
            assert words in (
                f"{NUMBERS[item['count']]} {item['class']}s",
                f"{NUMBERS[item['count']]} {item['class']}es",
            )
            continue
        things = [f"{item['color']} {item['class']}" if "color" in item else item["class"] for item in include]
        named = [f"{'an' if thing[0] in 'aeio' else 'a'} {thing}" for thing in things]
        if prompt.tag == "position":
            relation, target = include[1]["position"]
            assert (target, words) == (0, f"{named[1]} {relation} {named[0]}")
        else:
            assert words == " and ".join(named) and not any("position" in item for item in include)
        assert len(include) == (1 if prompt.tag in ("single_object", "colors") else 2)
        assert len({item["class"] for item in include}) == len(include)
        assert len(set(prompt.colours)) == len(prompt.colours)
        assert bool(prompt.colours) == (prompt.tag in ("colors", "color_attr"))


def test_held_out_combinations_have_their_share_and_are_named() -> None:
    for prompt in PROMPTS:
        kinds = {(item["class"], item.get("color")) for item in prompt.record["include"]}
        assert set(prompt.held_out) == {f"{colour} {shape}" for shape, colour in kinds & HELD_OUT}
    for tag in TAGS:
        shown = sum(bool(prompt.held_out) for prompt in of(tag))
        assert shown == (HELD_OUT_PER_TAG if tag in ("colors", "color_attr") else 0)
        # A limit keeps the share: in the first n prompts of a tag it is off by less than one prompt.
        for first in range(1, PER_TAG):
            so_far = sum(bool(prompt.held_out) for prompt in of(tag)[:first])
            assert abs(so_far - shown * first / PER_TAG) < 1
    named = {name for prompt in of("colors") for name in prompt.held_out}
    assert named == {f"{colour} {shape}" for shape, colour in HELD_OUT}


def test_every_wording_stands_once_without_a_background_where_there_are_few() -> None:
    plain = {prompt.text for prompt in PROMPTS if " on a " not in prompt.text}
    assert {f"a {shape}" for shape in SHAPES} <= plain
    assert {f"a {a} and a {b}" for a in SHAPES for b in SHAPES if a != b} <= plain
    assert sum(prompt.text in plain for prompt in of("counting")) == len(SHAPES) * len(COUNTS)
    assert sum(prompt.text in plain for prompt in of("colors")) == len(SHAPES) * len(COLOURS)
    assert all(prompt.text in plain for tag in ("position", "color_attr") for prompt in of(tag))


def test_a_stated_background_shows_the_colours() -> None:
    for prompt in PROMPTS:
        ground = prompt.text.partition(" on a ")[2].removeprefix("background from ").removesuffix(" background")
        for name in ground.split(" to ") if ground else ():
            assert all(
                contrasts()[BACKGROUND_NAMES.index(name), COLOUR_NAMES.index(colour)] for colour in prompt.colours
            )

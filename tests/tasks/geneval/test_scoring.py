"""The rules, by their invariants and at their edges. Agreement with the script: ``tests/parity/test_geneval.py``.

Boxes have whole coordinates, so that centres, sides and mirrored boxes are exact and properties need no tolerance.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.errors import UserError
from tasks.geneval.detections import Detection
from tasks.geneval.names import OBJECTS, RELATIONS, TAGS
from tasks.geneval.prompts import Exclude, Include, Position, Prompt
from tasks.geneval.scoring import (
    Rules,
    Verdict,
    filter_detections,
    overlap,
    relations,
    verdict,
)

PROPERTY = settings(max_examples=80, deadline=None)
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
ACROSS = OPPOSITE | {"above": "above", "below": "below"}
TURNED = {"left of": "above", "right of": "below", "above": "left of", "below": "right of"}

coordinates, sides = st.integers(-200, 200), st.integers(0, 120)
scores = st.sampled_from([0.1, 0.3, 0.31, 0.5, 0.5, 0.7, 0.9, 0.95])
detections = st.builds(
    lambda x, y, w, h, score, colour: Detection(x, y, x + w, y + h, score, colour),
    coordinates,
    coordinates,
    sides,
    sides,
    scores,
    st.sampled_from(["red", "blue", "white"]),
)
found = st.dictionaries(st.sampled_from(["cup", "dog", "tv"]), st.lists(detections, max_size=6))


def at(x, y, score=0.95, colour=None, side=10):
    """A square around a centre."""
    return Detection(x - side / 2, y - side / 2, x + side / 2, y + side / 2, score, colour)


def asked(*include, exclude=(), tag="position"):
    return Prompt(tag, "a photo", include, tuple(exclude))


# ------------------------------------------------------------------------------------------------ relations


@PROPERTY
@given(detections, detections)
def test_what_is_left_of_me_has_me_to_its_right(a, b):
    assert relations(a, b) == {OPPOSITE[name] for name in relations(b, a)}


@PROPERTY
@given(detections, detections)
def test_mirrored_and_turned_pictures(a, b):
    mirrored = [replace(item, x0=-item.x1, x1=-item.x0) for item in (a, b)]
    turned = [replace(item, x0=item.y0, y0=item.x0, x1=item.y1, y1=item.x1) for item in (a, b)]
    assert relations(*mirrored) == {ACROSS[name] for name in relations(a, b)}
    assert relations(*turned) == {TURNED[name] for name in relations(a, b)}


@PROPERTY
@given(detections, detections, coordinates, coordinates)
def test_relations_do_not_move_with_the_picture(a, b, x, y):
    moved = [Detection(o.x0 + x, o.y0 + y, o.x1 + x, o.y1 + y, o.score) for o in (a, b)]
    assert relations(*moved) == relations(a, b)


@PROPERTY
@given(detections, detections)
def test_corners_come_in_any_order(a, b):
    assert relations(replace(a, x0=a.x1, x1=a.x0), b) == relations(a, b)


@PROPERTY
@given(detections, detections, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_position_threshold_never_adds_a_relation(a, b, one, other):
    low, high = sorted((one, other))
    assert relations(a, b, high) <= relations(a, b, low)


@PROPERTY
@given(detections, detections)
def test_no_object_is_on_both_sides(a, b):
    assert len(relations(a, b)) <= 2
    assert not any(OPPOSITE[name] in relations(a, b) for name in relations(a, b))
    assert relations(a, a) == frozenset()


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (0, 0, set()),  # no offset
        (2, 0, set()),  # a tenth of the summed sides, 2 pixels, is not more than 2 pixels
        (3.99, 0, set()),  # 1.99 of 3.99 is less than half
        (4, 0, set()),  # 2 of 4 is exactly half, and half is not enough
        (4.01, 0, {"right of"}),
        (-30, 0, {"left of"}),
        (0, -30, {"above"}),
        (30, 30, {"right of", "below"}),
        (6, 8, {"below"}),  # 4 of 10 and 6 of 10, by the length before shortening
        (7, 9, {"below"}),
    ],
)
def test_relations_at_their_edges(x, y, expected):
    assert relations(at(x, y), at(0, 0)) == expected


def test_offsets_below_a_thousandth_of_a_pixel_are_none():
    # points have no sides, so nothing but the floor stands against them
    assert relations(at(0.0009, 0.0009, side=0), at(0, 0, side=0)) == frozenset()
    assert relations(at(0.0011, 0.0009, side=0), at(0, 0, side=0)) == {"right of", "below"}


# ------------------------------------------------------------------------------------------------ overlap and filter


@PROPERTY
@given(detections, detections)
def test_overlap_is_symmetric_and_one_only_of_the_same(a, b):
    assert 0 <= overlap(a, b) == overlap(b, a) <= 1
    assert (overlap(a, b) == 1) == (a.box == b.box)


@PROPERTY
@given(detections, detections)
def test_overlap_counts_pixels(a, b):
    # an independent reference: both boxes painted on a grid, last row and column included
    ground = np.zeros((2, 521, 521), dtype=bool)
    for layer, item in zip(ground, (a, b), strict=True):
        layer[int(item.y0) + 200 : int(item.y1) + 201, int(item.x0) + 200 : int(item.x1) + 201] = True
    assert overlap(a, b) == pytest.approx(ground.all(0).sum() / ground.any(0).sum(), rel=1e-12)


def test_boxes_without_area():
    nothing = Detection(5, 5, 3, 3, 0.5)
    assert overlap(nothing, nothing) == 0
    point = Detection(5, 5, 5, 5, 0.5)
    assert overlap(point, point) == 1


@PROPERTY
@given(found, st.sampled_from(TAGS))
def test_filtering_again_changes_nothing(raw, tag):
    kept = filter_detections(raw, tag)
    # ties are read backwards each time, so only detections of distinct scores keep their order
    again = filter_detections(kept, tag)
    assert list(again) == list(kept) == [name for name in OBJECTS if name in kept]
    for name in kept:
        assert sorted(again[name], key=repr) == sorted(kept[name], key=repr)
        assert [item.score for item in kept[name]] == sorted((item.score for item in kept[name]), reverse=True)


@PROPERTY
@given(st.lists(detections, max_size=8, unique_by=lambda item: (item.x0, item.y0)), st.randoms())
def test_the_order_of_raw_detections_does_not_matter_without_ties(items, random):
    items = [replace(item, score=0.2 + 0.05 * rank) for rank, item in enumerate(items)]
    shuffled = random.sample(items, len(items))
    for limit in (1.0, 0.5):
        rules = Rules(max_overlap=limit)
        assert filter_detections({"cup": shuffled}, "colors", rules) == filter_detections(
            {"cup": items}, "colors", rules
        )


@PROPERTY
@given(found, st.randoms())
def test_the_order_of_ties_does_not_matter_where_only_numbers_count(raw, random):
    prompt = asked(Include("cup", 2), Include("dog", 1), exclude=[Exclude("tv", 2)], tag="two_object")
    shuffled = {name: random.sample(items, len(items)) for name, items in raw.items()}
    assert verdict(prompt, filter_detections(raw, prompt.tag)) == verdict(
        prompt, filter_detections(shuffled, prompt.tag)
    )


def test_of_equal_scores_the_later_goes_first():
    items = [at(0, 0, 0.5), at(1, 0, 0.5), at(2, 0, 0.9), at(3, 0, 0.5)]
    assert [item.x0 for item in filter_detections({"cup": items}, "colors")["cup"]] == [-3, -2, -4, -5]


@PROPERTY
@given(found, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_looser_rules_keep_more(raw, one, other, overlap_a, overlap_b):
    (low, high), (tight, loose) = sorted((one, other)), sorted((overlap_a, overlap_b))
    for name, items in filter_detections(raw, "colors", Rules(threshold=high)).items():
        more = filter_detections(raw, "colors", Rules(threshold=low))[name]
        assert more[: len(items)] == items
    for name, items in filter_detections(raw, "colors", Rules(max_overlap=tight)).items():
        # the best detection always stays; suppression itself is greedy and not monotone in number
        assert items[0] == filter_detections(raw, "colors", Rules(max_overlap=loose))[name][0]


@PROPERTY
@given(found, st.floats(0, 1, exclude_max=True))
def test_no_two_kept_detections_overlap_by_the_limit(raw, limit):
    for items in filter_detections(raw, "colors", Rules(max_overlap=limit)).values():
        assert all(overlap(a, b) < limit for i, a in enumerate(items) for b in items[:i])


def test_thresholds_are_strict_and_counting_has_its_own():
    items = [at(0, 0, score) for score in (0.3, 0.300001, 0.9, 0.900001)]
    assert [item.score for item in filter_detections({"cup": items}, "colors")["cup"]] == [0.900001, 0.9, 0.300001]
    assert [item.score for item in filter_detections({"cup": items}, "counting")["cup"]] == [0.900001]


def test_a_detectors_own_float32_does_not_exceed_its_threshold():
    # as a double this is 0.300000012, which would be "more than 0.3"; the script compares in float32
    assert filter_detections({"cup": [at(0, 0, float(np.float32(0.3)))]}, "colors") == {}


def test_sixteen_are_taken_before_overlaps_are_dropped():
    # twenty boxes, the best fifteen in one place: suppression sees sixteen of them, and leaves two
    items = [at(0, 0, 0.99 - 0.01 * i) for i in range(15)] + [at(100 * i, 500, 0.5 - 0.01 * i) for i in range(5)]
    assert len(filter_detections({"cup": items}, "colors")["cup"]) == 16
    assert filter_detections({"cup": items}, "colors", Rules(max_overlap=0.5))["cup"] == (items[0], items[15])
    assert len(filter_detections({"cup": items}, "colors", Rules(max_objects=20))["cup"]) == 20


def test_suppressed_boxes_suppress_nothing():
    chain = [at(0, 0, 0.9), at(4, 0, 0.8), at(8, 0, 0.7)]
    assert overlap(chain[0], chain[1]) >= 0.4 and overlap(chain[1], chain[2]) >= 0.4
    assert filter_detections({"cup": chain}, "colors", Rules(max_overlap=0.4))["cup"] == (chain[0], chain[2])


def test_an_unknown_class_is_an_error():
    with pytest.raises(UserError, match="unknown class 'computer mice'; did you mean 'computer mouse'"):
        filter_detections({"computer mice": [at(0, 0)]}, "colors")


@pytest.mark.parametrize("wrong", [{"threshold": float("nan")}, {"max_objects": -1}, {"position_threshold": -0.1}])
def test_rules_without_sense(wrong):
    with pytest.raises(UserError, match=f"GenEval's {next(iter(wrong))} must be"):
        Rules(**wrong)


# ------------------------------------------------------------------------------------------------ verdict


def test_nothing_asked_and_nothing_found():
    assert verdict(asked(), {}) == Verdict(True, "")
    assert verdict(asked(Include("cup", 0)), {}) == Verdict(True, "")
    assert verdict(asked(Include("cup", 1)), {}) == verdict(asked(Include("cup", 1)), {"cup": ()})
    assert verdict(asked(Include("cup", 1)), {}).reason == "expected cup>=1, found 0"


def test_a_count_is_a_floor_and_an_exclusion_a_ceiling():
    exactly_two = asked(Include("cup", 2), exclude=[Exclude("cup", 3)])
    reasons = [verdict(exactly_two, {"cup": [at(0, 0)] * number}).reason for number in range(5)]
    assert reasons == [
        "expected cup>=2, found 0",
        "expected cup>=2, found 1",
        "",
        "expected cup<3, found 3",
        "expected cup<3, found 4",
    ]


def test_an_exclusion_of_none_fails_without_any():
    # the script stops with a KeyError here
    assert verdict(asked(exclude=[Exclude("cup", 0)]), {}).reason == "expected cup<0, found 0"


def test_only_the_first_detections_count_for_colour():
    red = asked(Include("cup", 1, "red"))
    assert verdict(red, {"cup": [at(0, 0, colour="red"), at(0, 0, colour="blue")]}).correct
    assert verdict(red, {"cup": [at(0, 0, colour="blue"), at(0, 0, colour="red")]}).reason == (
        "expected red cup>=1, found 0 red; and 1 blue"
    )


def test_all_of_the_first_must_have_the_colour_and_the_text_lists_them_in_the_scripts_order():
    cups = [at(0, 0, colour=colour) for colour in ("white", "red", "blue", "white", "red")]
    assert verdict(asked(Include("cup", 4, "red")), {"cup": cups}).reason == (
        "expected red cup>=4, found 1 red; and 1 red, 1 blue, 2 white"
    )


def test_too_few_are_not_asked_for_their_colour():
    assert verdict(asked(Include("cup", 2, "red")), {"cup": [at(0, 0)]}).reason == "expected cup>=2, found 1"


def test_a_colour_without_verdict_is_an_error_only_where_it_is_asked():
    seen = {"cup": [at(0, 0, colour="red"), at(0, 0)]}
    assert verdict(asked(Include("cup", 1, "red")), seen).correct
    with pytest.raises(UserError, match="detection 1 of 'cup' has no colour verdict"):
        verdict(asked(Include("cup", 2, "red")), seen)


LEFT = Include("cup", 1, position=Position("left of", 0))


def test_every_object_stands_in_relation_to_every_target():
    pair = asked(Include("dog", 2), replace(LEFT, count=2))
    assert verdict(pair, {"dog": [at(100, 0), at(200, 0)], "cup": [at(0, 0), at(50, 0)]}).correct
    assert verdict(pair, {"dog": [at(100, 0), at(30, 0)], "cup": [at(0, 0), at(50, 0)]}).reason == (
        "expected cup left of target, found right of target"
    )


def test_only_the_first_detections_count_for_position():
    one = asked(Include("dog", 1), LEFT)
    assert verdict(one, {"dog": [at(100, 0), at(0, 0)], "cup": [at(50, 0), at(500, 0)]}).correct


def test_the_text_of_no_relation_and_of_two():
    one = asked(Include("dog", 1), LEFT)
    assert verdict(one, {"dog": [at(0, 0)], "cup": [at(0, 0)]}).reason == "expected cup left of target, found  target"
    assert verdict(one, {"dog": [at(0, 0)], "cup": [at(50, -50)]}).reason == (
        "expected cup left of target, found above and right of target"
    )


@pytest.mark.parametrize(
    "first",
    [
        Include("dog", 2),  # too few
        Include("dog", 1, "blue"),  # of another colour
    ],
)
def test_a_requirement_that_failed_is_no_target(first):
    seen = {"dog": [at(100, 0, colour="red")], "cup": [at(0, 0)], "tv": [at(-100, 0)]}
    chain = asked(first, LEFT, Include("tv", 1, position=Position("left of", 1)))
    assert verdict(chain, seen).reason.split("\n")[1:] == [
        "no target for cup to be left of",
        "no target for tv to be left of",  # a failed position is no target either
    ]


def test_a_failed_colour_ends_its_requirement_before_the_position():
    seen = {"dog": [at(0, 0)], "cup": [at(100, 0, colour="red")]}
    assert verdict(asked(Include("dog", 1), replace(LEFT, colour="blue")), seen).reason == (
        "expected blue cup>=1, found 0 blue; and 1 red"
    )
    nowhere = asked(Include("dog", 2), replace(LEFT, colour="blue"))
    assert "no target" not in verdict(nowhere, seen).reason


def test_too_few_do_not_ask_for_a_target():
    assert verdict(asked(Include("dog", 1), LEFT), {}).reason == "expected dog>=1, found 0\nexpected cup>=1, found 0"


def test_a_met_requirement_for_none_is_a_target_that_all_satisfy():
    assert verdict(asked(Include("dog", 0), LEFT), {"cup": [at(0, 0)]}).correct


def test_a_negative_target_counts_back():
    seen = {"dog": [at(100, 0)], "tv": [at(-100, 0)], "cup": [at(0, 0)]}
    back = Include("cup", 1, position=Position("left of", -2))
    assert verdict(asked(Include("dog", 1), Include("tv", 1), back), seen).correct


@PROPERTY
@given(found, st.sampled_from(RELATIONS))
def test_a_verdict_is_the_conjunction_of_its_requirements(seen, relation):
    cup, dog = Include("cup", 2, "red"), Include("dog", 1)
    tv = Include("tv", 1, position=Position(relation, 0))
    parts = [asked(cup), asked(dog), asked(exclude=[Exclude("cup", 3)])]
    whole = verdict(asked(cup, dog, exclude=[Exclude("cup", 3)]), seen)
    assert whole.correct == all(verdict(part, seen).correct for part in parts)
    assert whole.reason == "\n".join(filter(None, (verdict(part, seen).reason for part in parts)))
    with_position = verdict(asked(dog, tv), seen)
    assert with_position.correct == (with_position.reason == "")
    assert len(with_position.reason.split("\n")) <= 2


@PROPERTY
@given(found, st.sampled_from(RELATIONS))
def test_verdicts_mirror_with_the_picture(seen, relation):
    assume("cup" in seen and "dog" in seen)
    mirrored = {name: [replace(item, x0=-item.x1, x1=-item.x0) for item in items] for name, items in seen.items()}
    prompts = [
        asked(Include("dog", 1), Include("cup", 2, position=Position(name, 0))) for name in (relation, ACROSS[relation])
    ]
    assert verdict(prompts[0], seen).correct == verdict(prompts[1], mirrored).correct

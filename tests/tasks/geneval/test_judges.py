"""GenEval's rule on stored detections, and what a judgement may be."""

from __future__ import annotations

import pytest

from harness.errors import UserError
from tasks.geneval.detections import from_rows
from tasks.geneval.judges import DetectorJudge, StoredDetections
from tasks.geneval.scoring import Rules
from tasks.judging import Asked, Judgement

BENCH = {"bench": [[0, 0, 10, 10, 0.5]]}
CLOCKS = {"clock": [[0, 0, 10, 10, 0.95], [20, 0, 30, 10, 0.95], [40, 0, 50, 10, 0.6]]}
ORANGE = {"orange": [[0, 0, 10, 10, 0.8]]}


def stored(classifier="clip"):
    images = {"bench": BENCH, "clock": CLOCKS, "orange": ORANGE}
    seen = {name: from_rows(rows, {"orange": ["blue"]} if name == "orange" else {}) for name, rows in images.items()}
    return StoredDetections("mask2former", seen | {"nothing": {}}, classifier)


@pytest.fixture
def questions(records):
    bench, _, clock, orange, *_ = records
    pairs = (("bench", bench), ("clock", clock), ("orange", orange), ("nothing", orange), ("unseen", bench))
    return [Asked(image, record) for image, record in pairs]


def test_stored_detections_are_judged_and_judged_again_by_other_rules(questions):
    judge = DetectorJudge(stored(), "mask2former")
    assert judge.judge(questions) == [
        Judgement(1.0),
        Judgement(1.0),  # the third clock does not reach the threshold of counting
        Judgement(1.0),
        Judgement(0.0, "expected orange>=1, found 0"),
        Judgement(None, absent="not measured: no stored detections of image unseen"),
    ]
    lenient = DetectorJudge(stored(), "mask2former", Rules(counting_threshold=0.3))
    assert lenient.judge(questions)[1] == Judgement(0.0, "expected clock<3, found 3")
    assert lenient.fingerprint != judge.fingerprint
    assert judge.judge([]) == []


def test_other_classes_are_judged_by_the_same_rule():
    record = {"tag": "colors", "include": [{"class": "ring", "count": 1, "color": "red"}], "prompt": "a red ring"}
    rows = {"ring": [[0, 0, 10, 10, 0.95]], "moon": [[20, 0, 30, 10, 0.95]]}
    seen = from_rows(rows, {"ring": ["blue"]}, classes=("moon", "ring"))
    judge = DetectorJudge(StoredDetections("d", {"x": seen}, "d"), "d", classes=("moon", "ring"))
    assert judge.judge([Asked("x", record)]) == [
        Judgement(0.0, "expected red ring>=1, found 0 red; and 1 blue"),
    ]
    with pytest.raises(UserError, match="unknown class 'ring'"):
        DetectorJudge(StoredDetections("d", {"x": seen}, "d"), "d").judge([Asked("x", record)])
    with pytest.raises(UserError, match="detections of unknown class 'ring'"):
        from_rows(rows)


def test_detections_of_another_detector_are_refused():
    with pytest.raises(UserError, match="made by detector mask2former, not owl: observe the images again"):
        DetectorJudge(stored(), "owl")


def test_without_a_colour_classifier_no_colour_prompt_is_measured_right_or_wrong(questions):
    found = DetectorJudge(stored(classifier=""), "mask2former").judge(questions)
    assert found[:2] == [Judgement(1.0), Judgement(1.0)]
    for absent in found[2:4]:
        assert absent.score is None
        assert absent.absent.startswith("not measured: judge missing (colour classifier); set DDTBENCH_COLOUR_CLIP to ")


def test_a_colour_that_the_classifier_left_out_names_the_image(records):
    holes = StoredDetections("d", {"00003/0000": from_rows(ORANGE)}, "clip")
    with pytest.raises(UserError, match="image 00003/0000: detection 0 of 'orange' has no colour verdict"):
        DetectorJudge(holes, "d").judge([Asked("00003/0000", records[3])])


@pytest.mark.parametrize("wrong", [{"score": None}, {"score": 1.5}, {"score": float("nan")}])
def test_a_judgement_is_a_score_or_says_why_not(wrong):
    with pytest.raises(ValueError, match="a judgement"):
        Judgement(**wrong)

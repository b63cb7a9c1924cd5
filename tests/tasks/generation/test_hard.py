"""Hard prompts: the real scenes are right by every prompt's rule, and a scene of another prompt is not."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

from harness.contracts import Case
from harness.errors import UserError
from tasks.generation.hard import KINDS, PER_KIND, HardPrompts, build, correct
from tasks.world.detector import open_world_detector


class Blank:
    image_size = 32

    def generate(self, prompts: Any, seeds: Any) -> Any:
        import torch

        return torch.full((len(prompts), 3, 32, 32), 0.5)


TASK = HardPrompts(Blank())


def judged(cases: list[Case], pictures: list[np.ndarray]) -> list[str]:
    found = open_world_detector().detect(np.stack(pictures))
    columns = {
        "case": [case.id for case in cases],
        "facts": [json.dumps(case.facts) for case in cases],
        "world-detector.detections": [json.dumps(items) for items in found],
    }
    right, over = correct().parts(columns)
    reasons = correct().reasons(columns)
    assert over.sum() == len(cases) and [bool(value) for value in right] == [not reason for reason in reasons]
    return reasons


def test_there_are_as_many_of_each_kind_in_turn_and_no_prompt_twice() -> None:
    cases = TASK.cases()
    assert Counter(case.stratum for case in cases) == dict.fromkeys(KINDS, PER_KIND)
    assert {case.stratum for case in cases[:5]} == set(KINDS)
    texts = [case.facts["geneval"]["prompt"] for case in cases]
    assert len(set(texts)) == len(texts)


def test_the_real_scenes_are_right_and_those_of_the_next_prompt_of_a_kind_are_not() -> None:
    cases = list(TASK.cases()[:50])
    pictures = [TASK.load(case) for case in cases]
    reasons = judged(cases, pictures)
    assert sum(not reason for reason in reasons) >= 49, reasons
    others = judged(cases, pictures[5:] + pictures[:5])
    assert sum(not reason for reason in others) <= 25
    assert all(judged(cases[:5], [np.full((32, 32, 3), 128, np.uint8)] * 5))


def test_a_prompt_says_what_its_kind_is() -> None:
    by_kind = {case.stratum: case.facts["geneval"] for case in TASK.cases()[:5]}
    assert by_kind["counting"]["exclude"][0]["count"] == by_kind["counting"]["include"][0]["count"] + 1
    assert "position" in by_kind["position"]["include"][1]
    assert [len(by_kind[f"{count} conditions"]["include"]) for count in (3, 4)] == [3, 4]
    assert all("color" in item for item in by_kind["4 conditions"]["include"])


def test_other_prompts_are_one_line() -> None:
    with pytest.raises(UserError, match="about the world"):
        build("drawbench", Blank())

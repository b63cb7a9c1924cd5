"""Codes one by one: what a model expects at each position, and what is no answer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from harness.contracts import Case, CodeScores
from harness.errors import UserError
from tasks.perplexity.positions import CodeEntropy, _sample, build, code_entropy, entropy_fall

CASE = Case("a", "a")


def value(metric: Any, numbers: dict[str, float]) -> float:
    top, bottom = metric.parts({"case": ["a"], **{name: np.array([numbers[name[7:]]]) for name in metric.needs}})
    return float(top[0] / bottom[0])


def test_even_guesses_are_one_and_do_not_fall() -> None:
    sample = _sample(CASE, CodeScores([math.log(16)] * 32, [math.log(16)] * 32, 16))
    assert value(code_entropy(), dict(sample.numbers)) == pytest.approx(1)
    assert value(entropy_fall(), dict(sample.numbers)) == pytest.approx(0)
    shares = {name: share for name, share in sample.numbers.items() if name.startswith("share-")}
    assert len(shares) == 32 and all(share == pytest.approx(1) for share in shares.values())


def test_a_model_that_gets_surer_falls_by_the_halves() -> None:
    sample = _sample(CASE, CodeScores([1.0] * 8, [math.log(4)] * 4 + [0.0] * 4, 4))
    assert value(entropy_fall(), dict(sample.numbers)) == pytest.approx(1)
    assert value(code_entropy(), dict(sample.numbers)) == pytest.approx(0.5)
    assert sample.numbers["share-surprise-0.09375"] == pytest.approx(1 / math.log(4))
    assert "share-entropy-0.03125" not in sample.numbers, "eight codes do not fill sixteen parts"


@pytest.mark.parametrize(
    "found",
    [
        CodeScores([1.0], [1.0], 4),
        CodeScores([1.0, 1.0], [1.0], 4),
        CodeScores([1.0, 1.0], [1.0, 1.0], 1),
        CodeScores([1.0, math.nan], [1.0, 1.0], 4),
        CodeScores([1.0, 1.0], [1.0, -1.0], 4),
    ],
)
def test_what_is_no_score_fails_its_case_alone(found: CodeScores) -> None:
    assert _sample(CASE, found).outcome == "failed"


def test_scenes_of_the_world_are_scored_and_nothing_else(fakes: Any) -> None:
    subject = fakes.Speaker()
    task = CodeEntropy(subject)
    cases = task.cases()[:2]
    samples = task.ask(subject, cases, [task.load(case) for case in cases], [0, 1])
    assert all(sample.numbers["fall"] > 0 for sample in samples)
    with pytest.raises(UserError, match="world's scenes"):
        build("fashion", subject)

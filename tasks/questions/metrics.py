"""Mean judgements over the images of a run, in [0, 1] (published: times 100). Intervals resample prompts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.contracts import SHARE, Columns, MetricTraits
from harness.metrics import NotMeasured
from tasks.judging import Asked, Judge, Judgement
from tasks.questions.judging import RULES, QuestionJudge, loads
from tasks.questions.vlm import NAME

Floats = NDArray[np.float64]
COLUMN = f"{NAME}.answers"


def _on_answers(rule: str, columns: Columns) -> Judge:
    cases = [str(case) for case in columns["case"]]
    pairs = zip(cases, columns[COLUMN], strict=True)
    return QuestionJudge(rule, {case: loads(text, f"image {case}") for case, text in pairs})


@dataclass(frozen=True)
class JudgedScore:
    """The mean of a judge's scores (``contracts.RatioMetric``). ``judge`` makes one from a run's columns: any that
    satisfies the Protocol, people's judgements for example."""

    name: str
    judge: Callable[[Columns], Judge]
    needs: tuple[str, ...] = (COLUMN,)
    direction: Literal["higher"] = "higher"
    worst: float | None = 0.0
    version: int = 1
    unit: str = ""

    @property
    def traits(self) -> MetricTraits:
        return replace(SHARE, protocol={"judge": self.name})

    def judgements(self, columns: Columns) -> Sequence[Judgement]:
        """One per image, in order."""
        records = [json.loads(text) for text in columns["facts"]]
        asked = [Asked(str(case), record) for case, record in zip(columns["case"], records, strict=True)]
        return self.judge(columns).judge(asked)

    def parts(self, columns: Columns) -> tuple[Floats, Floats]:
        """(scores, ones). Raises NotMeasured where an image was not judged."""
        found = self.judgements(columns)
        absent = [item.absent for item in found if item.score is None]
        if absent:
            raise NotMeasured(f"{absent[0].removeprefix('not measured: ')}; so it is for {len(absent)} images")
        return np.array([item.score for item in found], np.float64), np.ones(len(found))

    def reasons(self, columns: Columns) -> list[str]:
        """Of each image: the question that was answered worst and what was said, "" for full marks."""
        return [item.reason for item in self.judgements(columns)]


def _score(rule: str) -> JudgedScore:
    assert rule in RULES
    return JudgedScore(rule, partial(_on_answers, rule))


soft_tifa_am = partial(_score, "soft-tifa-am")
soft_tifa_gm = partial(_score, "soft-tifa-gm")
attribute_binding = partial(_score, "attribute-binding")
dpg = partial(_score, "dpg")
vqascore = partial(_score, "vqascore")

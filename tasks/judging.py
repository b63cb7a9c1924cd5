"""Who says whether an image shows what was asked for: one small Protocol, for every benchmark that has a judge.

A judge only weighs what is stored already (boxes, answers with their probabilities, people's opinions), so judging
again needs no model: what looks at pixels is an instrument. GenEval's rule is one judge; question-answer scoring of
GenEval 2, attribute binding, DPG-Bench and DrawBench are others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Asked:
    """One image (by a name that is unique in its set) and the benchmark's own record of what was asked for."""

    image: str
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Judgement:
    """``score`` in [0, 1], higher is better, and why it is not full marks; or None, *not measured*, and ``absent`` says
    why. Never a score of 0 for want of a judge."""

    score: float | None
    reason: str = ""
    absent: str = ""

    def __post_init__(self) -> None:
        if self.score is None and not self.absent:
            raise ValueError("a judgement without a score must say why it is absent")
        if self.score is not None and not 0 <= self.score <= 1:
            raise ValueError(f"a judgement's score lies in [0, 1], not {self.score}")


class Judge(Protocol):
    """``fingerprint`` names whose observations are judged and by which rule: two scores rank only if equal."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> Mapping[str, Any]: ...

    def judge(self, questions: Sequence[Asked]) -> Sequence[Judgement]:
        """One judgement per question, in order."""
        ...

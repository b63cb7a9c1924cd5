"""Stored answers to judgements: arithmetic only, by the Protocol of ``tasks.judging``.

An answer is the probability of the right one, summed over its spellings, and the token that the model would have said.
A score is that of one image, in [0, 1].
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import UserError
from tasks.judging import Asked, Judgement


@dataclass(frozen=True)
class Answer:
    """``probability`` of the right answer in [0, 1]; ``said`` is the most likely first token."""

    probability: float
    said: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1.0001:  # a sum of float32 probabilities
            raise UserError(f"an answer's probability lies in [0, 1], not {self.probability}; ask this image again")


def dumps(answers: Sequence[Answer]) -> str:
    return json.dumps([[item.probability, item.said] for item in answers], separators=(",", ":"))


def loads(text: str, where: str) -> tuple[Answer, ...]:
    """Raises UserError, which begins with ``where``."""
    try:
        return tuple(Answer(float(probability), str(said)) for probability, said in json.loads(text))
    except (UserError, ValueError, TypeError) as error:
        raise UserError(f"{where}: not stored answers ({error})") from error


Record = Mapping[str, Any]
Rule = Callable[[Record, Sequence[Answer]], float]


def arithmetic_mean(record: Record, answers: Sequence[Answer]) -> float:
    """Soft-TIFA AM: the mean probability."""
    return sum(item.probability for item in answers) / len(answers)


def geometric_mean(record: Record, answers: Sequence[Answer]) -> float:
    """Soft-TIFA GM: 0 where one probability is 0."""
    if any(item.probability == 0 for item in answers):
        return 0.0
    return math.exp(sum(math.log(item.probability) for item in answers) / len(answers))


def product(record: Record, answers: Sequence[Answer]) -> float:
    """T2I-CompBench's attribute binding: the product of the probabilities of *yes*."""
    return math.prod(item.probability for item in answers)


def dependent_share(record: Record, answers: Sequence[Answer]) -> float:
    """DPG-Bench: the share of questions answered *yes*, where a question whose parent failed has failed, too.

    Questions are gone through in their order, as the original does: a parent that stands later counts as it was
    answered.
    """
    right = [answer.said.strip().lower() == "yes" for answer in answers]
    for place, question in enumerate(record["questions"]):
        right[place] = right[place] and all(right[parent] for parent in question["parents"])
    return sum(right) / len(right)


RULES: Mapping[str, Rule] = {
    "soft-tifa-am": arithmetic_mean,
    "soft-tifa-gm": geometric_mean,
    "attribute-binding": product,
    "dpg": dependent_share,
    "vqascore": arithmetic_mean,
}


@dataclass(frozen=True)
class QuestionJudge:
    """``rule`` on stored answers by image; the record of a question is that of a case (its ``questions``)."""

    rule: str
    answers: Mapping[str, Sequence[Answer]]
    model: str = ""

    @property
    def name(self) -> str:
        return self.rule

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        return {"judge": self.rule, "model": self.model}

    def judge(self, questions: Sequence[Asked]) -> Sequence[Judgement]:
        """Raises UserError, naming the image, where the answers are not one per question."""
        return [self._judge(question) for question in questions]

    def _judge(self, asked: Asked) -> Judgement:
        answers = self.answers.get(asked.image)
        if answers is None:
            return Judgement(None, absent=f"not measured: no stored answers about image {asked.image}")
        wanted = asked.record["questions"]
        if len(answers) != len(wanted):
            raise UserError(f"image {asked.image}: {len(answers)} answers to {len(wanted)} questions; ask again")
        worst = min(range(len(wanted)), key=lambda place: answers[place].probability)
        score = min(1.0, RULES[self.rule](asked.record, answers))
        return Judgement(score, "" if score == 1 else f"{wanted[worst]['text']} {answers[worst].said!r}")

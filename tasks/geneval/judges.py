"""Who says whether an image shows what its prompt asks for: one small Protocol, three judges.

A judge only weighs what is stored already (boxes, answers with their probabilities), so judging again needs no model:
what looks at pixels is an instrument. GenEval's rule is one judge; question-answer scoring of GenEval 2, attribute
binding, DPG-Bench and DrawBench are others behind the same Protocol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from harness.errors import UserError
from tasks.geneval.detections import Detections
from tasks.geneval.names import OBJECTS
from tasks.geneval.official.weights import CLASSIFIER_CURE
from tasks.geneval.prompts import prompt_from_json
from tasks.geneval.scoring import OFFICIAL_RULES, Rules, filter_detections, verdict


@dataclass(frozen=True)
class Question:
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

    def judge(self, questions: Sequence[Question]) -> Sequence[Judgement]:
        """One judgement per question, in order."""
        ...


@dataclass(frozen=True)
class StoredDetections:
    """Unfiltered detections of each image by name, the digest of the detector that made them, and the digest of the
    colour classifier that looked at them ("": none did)."""

    detector: str
    images: Mapping[str, Detections]
    classifier: str = ""


@dataclass(frozen=True)
class DetectorJudge:
    """GenEval's rule on stored detections. The record of a question is a line of the prompt file.

    Without a colour classifier every prompt that asks for a colour is *not measured*, also where an object is missing:
    else only the wrong images of such a prompt would be scored. Raises UserError when ``detector`` (the digest that
    this comparison is about) is not the one that was used, and for a detection whose colour is asked and not stored.
    """

    stored: StoredDetections
    detector: str
    rules: Rules = OFFICIAL_RULES
    name: str = "geneval"
    classes: Sequence[str] = OBJECTS

    def __post_init__(self) -> None:
        if self.stored.detector != self.detector:
            raise UserError(
                f"these detections were made by detector {self.stored.detector}, not {self.detector}: "
                "observe the images again with the one you compare with"
            )

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        return {
            "judge": self.name,
            "detector": self.detector,
            "classifier": self.stored.classifier,
        } | self.rules.fingerprint()

    def judge(self, questions: Sequence[Question]) -> Sequence[Judgement]:
        return [self._judge(question) for question in questions]

    def _judge(self, question: Question) -> Judgement:
        raw = self.stored.images.get(question.image)
        if raw is None:
            return Judgement(None, absent=f"not measured: no stored detections of image {question.image}")
        prompt = prompt_from_json(question.record, f"prompt of image {question.image}", self.classes)
        if not self.stored.classifier and any(item.colour for item in prompt.include):
            return Judgement(None, absent=f"not measured: judge missing (colour classifier); {CLASSIFIER_CURE}")
        try:
            found = verdict(prompt, filter_detections(raw, prompt.tag, self.rules, self.classes), self.rules)
        except UserError as error:
            raise UserError(f"image {question.image}: {error}") from error
        return Judgement(float(found.correct), found.reason)


@dataclass(frozen=True)
class ScriptedJudge:
    """Judgements given beforehand, by image: people's, or a test's. An image it does not know is *not measured*."""

    judgements: Mapping[str, Judgement]
    name: str = "scripted"

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        return {"judge": self.name}

    def judge(self, questions: Sequence[Question]) -> Sequence[Judgement]:
        unknown = "not measured: no judgement of image {}"
        return [
            self.judgements.get(question.image, Judgement(None, absent=unknown.format(question.image)))
            for question in questions
        ]


@dataclass(frozen=True)
class MissingJudge:
    """Stands in for a judge whose weights are not at hand: every judgement is *not measured*, and says what to do."""

    name: str
    cure: str = ""

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        return {"judge": self.name}

    def judge(self, questions: Sequence[Question]) -> Sequence[Judgement]:
        cure = f"; {self.cure}" if self.cure else ""
        return [Judgement(None, absent=f"not measured: judge missing ({self.name}){cure}")] * len(questions)

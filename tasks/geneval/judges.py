"""GenEval's rule as a judge (``tasks.judging``): it weighs detections that are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import UserError
from tasks.geneval.detections import Detections
from tasks.geneval.names import OBJECTS
from tasks.geneval.official.weights import CLASSIFIER_CURE
from tasks.geneval.prompts import prompt_from_json
from tasks.geneval.scoring import OFFICIAL_RULES, Rules, filter_detections, verdict
from tasks.judging import Asked, Judgement


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

    def judge(self, questions: Sequence[Asked]) -> Sequence[Judgement]:
        return [self._judge(question) for question in questions]

    def _judge(self, question: Asked) -> Judgement:
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

"""GenEval's scores of a run: verdicts on stored detections, weighted so that the mean is that of the six tags.

Overall is the plain mean of the tags' shares of right images (``summary_scores.py`` of the official code), so a case
weighs (cases scored) / (tags * cases scored of its tag), which is 1 where tags are of equal size. Intervals resample
prompts within their tag. Estimates per stratum are those per tag.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.contracts import Columns
from harness.metrics import NotMeasured
from tasks.geneval.detections import Detections
from tasks.geneval.judges import DetectorJudge, Judgement, MissingJudge, Question, StoredDetections
from tasks.geneval.names import TAGS
from tasks.geneval.prompt_sets import COLOUR_TAGS
from tasks.geneval.prompts import Prompt, prompt_from_json
from tasks.geneval.scoring import filter_detections, verdict
from tasks.geneval.world import CLASSES, DETECTOR, RULES, detections

Floats = NDArray[np.float64]

COLUMN = f"{DETECTOR}.detections"


@dataclass(frozen=True)
class JudgedImages:
    """The scored images of a run in the order of its columns: what was asked, what was found."""

    cases: tuple[str, ...]
    prompts: tuple[Prompt, ...]
    held_out: tuple[bool, ...]
    found: tuple[Detections, ...]

    @classmethod
    def of(cls, columns: Columns) -> JudgedImages:
        """Raises UserError, naming the image, for facts or detections that are none."""
        cases = tuple(map(str, columns["case"]))
        known: dict[str, tuple[Prompt, bool]] = {}
        for case, text in zip(cases, columns["facts"], strict=True):
            if text not in known:  # the four images of a prompt have the same facts
                facts = json.loads(text)
                prompt = prompt_from_json(facts["geneval"], f"prompt of image {case}", CLASSES)
                known[text] = prompt, bool(facts["held_out"])
        asked = [known[text] for text in columns["facts"]]
        found = tuple(detections(text, f"image {case}") for case, text in zip(cases, columns[COLUMN], strict=True))
        return cls(cases, tuple(prompt for prompt, _ in asked), tuple(never for _, never in asked), found)

    @cached_property
    def judgements(self) -> Sequence[Judgement]:
        """GenEval's verdict on each image, with its reason where it is wrong."""
        questions = [Question(case, prompt.to_json()) for case, prompt in zip(self.cases, self.prompts, strict=True)]
        return _judge(dict(zip(self.cases, self.found, strict=True))).judge(questions)

    @cached_property
    def right(self) -> Floats:
        """1 where the image shows what its prompt asks for, else 0."""
        return np.array([judgement.score for judgement in self.judgements], np.float64)

    @cached_property
    def right_by_chance(self) -> Floats:
        """The share of the *other* prompts of its tag that each image would be right for. Raises NotMeasured where a
        tag has one prompt only."""
        asked: defaultdict[str, dict[str, Prompt]] = defaultdict(dict)
        for prompt in self.prompts:
            asked[prompt.tag][prompt.text] = prompt
        alone = [tag for tag, prompts in asked.items() if len(prompts) < 2]
        if alone:
            raise NotMeasured(f"only one prompt of {alone[0]} was scored: no other to pair its images with")
        # Prompts that differ in their words only (a stated background) have the same verdict.
        demands = {tag: Counter(map(_demand, prompts.values())) for tag, prompts in asked.items()}
        shares = []
        for prompt, raw in zip(self.prompts, self.found, strict=True):
            kept = filter_detections(raw, prompt.tag, RULES, CLASSES)
            fits = sum(number for demand, number in demands[prompt.tag].items() if verdict(demand, kept, RULES).correct)
            own = verdict(prompt, kept, RULES).correct
            shares.append((fits - own) / (len(asked[prompt.tag]) - 1))
        return np.array(shares, np.float64)

    def balanced(self, counts: NDArray[np.bool_], tags: Sequence[str], what: str) -> Floats:
        """Weights under which the mean over the images that count is the plain mean of ``tags``, and 0 for the others.

        Raises NotMeasured where a tag has none of them.
        """
        number = Counter(prompt.tag for prompt, chosen in zip(self.prompts, counts, strict=True) if chosen)
        missing = [tag for tag in tags if not number[tag]]
        if missing:
            raise NotMeasured(
                f"no {what} of {' and '.join(missing)} was scored; the score is a mean of {len(tags)} tags"
            )
        shares = {tag: sum(number.values()) / (len(tags) * number[tag]) for tag in tags}
        return np.array(
            [shares[prompt.tag] if chosen else 0.0 for prompt, chosen in zip(self.prompts, counts, strict=True)]
        )


def _demand(prompt: Prompt) -> Prompt:
    return replace(prompt, text="")


def _judge(found: Mapping[str, Detections]) -> DetectorJudge:
    """The rule on the world detector's findings; the digest of the detector that was used joins the fingerprint."""
    return DetectorJudge(StoredDetections(DETECTOR, found, DETECTOR), DETECTOR, RULES, classes=CLASSES)


Parts = Callable[[JudgedImages], tuple[Floats, Floats]]


@dataclass(frozen=True)
class GenEvalScore:
    """A ratio over judged images (``contracts.RatioMetric``), in [0, 1]."""

    name: str
    count: Parts
    direction: Literal["higher", "none"] = "higher"
    worst: float | None = 0.0
    version: int = 1
    unit: str = ""
    needs: tuple[str, ...] = (COLUMN,)
    bounds: tuple[float, float] = (0.0, 1.0)
    within_strata: bool = True
    chance: float | str | None = None

    @property
    def protocol(self) -> Mapping[str, Any]:
        return _judge({}).fingerprint

    def parts(self, columns: Columns) -> tuple[Floats, Floats]:
        """(numerators, denominators), one per image. Raises NotMeasured where a tag has no image."""
        return self.count(JudgedImages.of(columns))

    def reasons(self, columns: Columns) -> list[str]:
        """Why each image is wrong, in the official script's words, "" where it is right."""
        return [judgement.reason for judgement in JudgedImages.of(columns).judgements]


def _overall(images: JudgedImages) -> tuple[Floats, Floats]:
    weights = images.balanced(np.ones(len(images.cases), bool), TAGS, "image")
    return weights * images.right, weights


def _by_chance(images: JudgedImages) -> tuple[Floats, Floats]:
    weights = images.balanced(np.ones(len(images.cases), bool), TAGS, "image")
    return weights * images.right_by_chance, weights


def _held_out(images: JudgedImages) -> tuple[Floats, Floats]:
    weights = images.balanced(np.array(images.held_out), COLOUR_TAGS, "held-out prompt")
    return weights * images.right, weights


def _seen(images: JudgedImages) -> tuple[Floats, Floats]:
    coloured = np.array([prompt.tag in COLOUR_TAGS for prompt in images.prompts])
    weights = images.balanced(coloured & ~np.array(images.held_out), COLOUR_TAGS, "prompt of seen combinations")
    return weights * images.right, weights


def _prompts(images: JudgedImages) -> tuple[Floats, Floats]:
    texts = [prompt.text for prompt in images.prompts]
    number = Counter(texts)
    any_right = {text for text, right in zip(texts, images.right, strict=True) if right}
    weights = np.array([1 / number[text] for text in texts])
    return weights * np.array([text in any_right for text in texts]), weights


def overall() -> GenEvalScore:
    """The plain mean over the six tags of the share of right images."""
    return GenEvalScore("geneval", _overall, chance="geneval-shuffled")


def any_of_four() -> GenEvalScore:
    """The share of prompts of which at least one image is right (of those that were asked and did not fail)."""
    return GenEvalScore("geneval-prompts", _prompts)


def held_out() -> GenEvalScore:
    """The mean of colors and color_attr, over prompts that name a combination which training never showed."""
    return GenEvalScore("geneval-held-out", _held_out)


def seen() -> GenEvalScore:
    """The same over the other prompts of these two tags: what to compare the held-out ones with."""
    return GenEvalScore("geneval-seen", _seen)


def shuffled() -> GenEvalScore:
    """Chance: the overall score if each image belonged to another prompt of its tag, mean over all others."""
    return GenEvalScore("geneval-shuffled", _by_chance, direction="none", worst=None)


COCO_JUDGE = MissingJudge(
    "Mask2Former on COCO and CLIP",
    "the images are stored: python -m tasks.geneval.export writes them in the layout of GenEval's own script",
)


@dataclass(frozen=True)
class WithoutJudge:
    """The score on the official prompts, whose detector this version has not: always *not measured*, and why."""

    name: str = "geneval-coco"
    version: int = 1
    direction: Literal["higher"] = "higher"
    unit: str = ""
    worst: float | None = 0.0
    needs: tuple[str, ...] = ()

    @property
    def protocol(self) -> Mapping[str, Any]:
        return COCO_JUDGE.fingerprint

    def parts(self, columns: Columns) -> tuple[Floats, Floats]:
        """Raises NotMeasured."""
        questions = [Question(str(case), {}) for case in columns["case"]]
        raise NotMeasured(COCO_JUDGE.judge(questions)[0].absent.removeprefix("not measured: "))


def on_coco() -> WithoutJudge:
    """The catalogue's factory."""
    return WithoutJudge()

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

from harness.contracts import SHARE, Columns, MetricTraits
from harness.metrics import NotMeasured
from tasks.geneval.judges import DetectorJudge
from tasks.geneval.names import TAGS
from tasks.geneval.prompt_sets import COLOUR_TAGS
from tasks.geneval.prompts import Prompt, prompt_from_json
from tasks.geneval.scoring import filter_detections, verdict
from tasks.geneval.sights import COCO, WORLD, Sight
from tasks.judging import Asked, Judgement

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class JudgedImages:
    """The scored images of a run in the order of its columns: what was asked, what was found."""

    cases: tuple[str, ...]
    prompts: tuple[Prompt, ...]
    held_out: tuple[bool, ...]
    judge: DetectorJudge

    @classmethod
    def of(cls, columns: Columns, sight: Sight = WORLD) -> JudgedImages:
        """Raises UserError, naming the image, for facts or detections that are none."""
        cases = tuple(map(str, columns["case"]))
        known: dict[str, tuple[Prompt, bool]] = {}
        for case, text in zip(cases, columns["facts"], strict=True):
            if text not in known:  # the four images of a prompt have the same facts
                facts = json.loads(text)
                prompt = prompt_from_json(facts["geneval"], f"prompt of image {case}", sight.classes)
                known[text] = prompt, bool(facts["held_out"])
        asked = [known[text] for text in columns["facts"]]
        prompts, never = tuple(prompt for prompt, _ in asked), tuple(never for _, never in asked)
        return cls(cases, prompts, never, sight.judge(columns, cases))

    @cached_property
    def judgements(self) -> Sequence[Judgement]:
        """GenEval's verdict on each image, with its reason where it is wrong."""
        questions = [Asked(case, prompt.to_json()) for case, prompt in zip(self.cases, self.prompts, strict=True)]
        return self.judge.judge(questions)

    @cached_property
    def right(self) -> Floats:
        """1 where the image shows what its prompt asks for, else 0. Raises NotMeasured where a judgement is absent."""
        absent = [judgement.absent for judgement in self.judgements if judgement.score is None]
        if absent:
            raise NotMeasured(f"{absent[0].removeprefix('not measured: ')}; so it is for {len(absent)} images")
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
        rules, classes = self.judge.rules, self.judge.classes
        for case, prompt in zip(self.cases, self.prompts, strict=True):
            kept = filter_detections(self.judge.stored.images[case], prompt.tag, rules, classes)
            fits = sum(number for demand, number in demands[prompt.tag].items() if verdict(demand, kept, rules).correct)
            own = verdict(prompt, kept, rules).correct
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


Parts = Callable[[JudgedImages], tuple[Floats, Floats]]


@dataclass(frozen=True)
class GenEvalScore:
    """A ratio over judged images (``contracts.RatioMetric``), in [0, 1]. ``measured_by``: the metric of its chance."""

    name: str
    count: Parts
    direction: Literal["higher", "none"] = "higher"
    worst: float | None = 0.0
    version: int = 1
    unit: str = ""
    sight: Sight = WORLD
    measured_by: str | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        return self.sight.columns

    @property
    def traits(self) -> MetricTraits:
        return replace(SHARE, within_strata=True, chance=self.measured_by, protocol=self.sight.protocol)

    def published_note(self, fingerprint: Mapping[str, Any]) -> str | None:
        return None if self.sight.note is None else self.sight.note(fingerprint)

    def parts(self, columns: Columns) -> tuple[Floats, Floats]:
        """(numerators, denominators), one per image. Raises NotMeasured where a tag has no image."""
        return self.count(JudgedImages.of(columns, self.sight))

    def reasons(self, columns: Columns) -> list[str]:
        """Why each image is wrong, in the official script's words, "" where it is right."""
        return [judgement.reason for judgement in JudgedImages.of(columns, self.sight).judgements]


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
    return GenEvalScore("geneval", _overall, measured_by="geneval-shuffled")


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


def on_coco() -> GenEvalScore:
    """The overall score on GenEval's own prompts, whose objects are COCO's."""
    return GenEvalScore("geneval-coco", _overall, version=2, sight=COCO)


def any_of_four_on_coco() -> GenEvalScore:
    """The share of GenEval's own prompts of which at least one image is right."""
    return GenEvalScore("geneval-coco-prompts", _prompts, sight=COCO)

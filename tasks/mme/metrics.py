"""MME's numbers: means over subtasks of means over pairs, so that a pair weighs 1 / (number of pairs of its subtask).

So the strata of each (its subtasks) are the subtasks' own values; sums have no strata. With equally many pairs per
subtask all weights are 1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.contracts import Columns, MetricTraits
from harness.metrics import NotMeasured
from tasks.mme.answers import NAME as ANSWERS
from tasks.mme.parsers import DEFAULT
from tasks.mme.schema import COGNITION, PERCEPTION, SUBTASKS

Floats = NDArray[np.float64]

HIGHEST = 200.0
"""The highest score of a subtask."""
CHANCE = {"right": 0.5, "both": 0.25}
"""What fair coins reach: half of the answers, a quarter of the pairs."""
CHANCE_SCORE = 100 * CHANCE["right"] + 100 * CHANCE["both"]


@dataclass(frozen=True)
class SubtaskMean:
    """Sum over terms of ``weight * share``, mean over subtasks (``contracts.RatioMetric``).

    ``terms`` are ``(column, weight)``: ``right``, ``yes`` and ``other`` are shares of a pair's two answers, ``both`` is
    0 or 1. ``summed`` adds the subtasks instead, and is not measured unless every one of them has a scored pair.
    ``highest`` is the highest value, ``coins`` that of fair coins (for a total: per subtask), None where there is none.
    """

    name: str
    terms: tuple[tuple[str, float], ...]
    parser: str = DEFAULT
    subtasks: tuple[str, ...] = SUBTASKS
    summed: bool = False
    direction: Literal["higher", "lower", "none"] = "higher"
    unit: str = ""
    worst: float | None = 0.0
    highest: float = 1.0
    coins: float | None = None
    version: int = 1

    @property
    def traits(self) -> MetricTraits:
        """A subtask's part of a sum is not that subtask's score, so sums are not broken down."""
        coins = {} if self.coins is None else {"chance-per-subtask" if self.summed else "chance": self.coins}
        return MetricTraits(
            bounds=(0.0, self.highest),
            within_strata=True,
            by_stratum=not self.summed,
            protocol={"parser": self.parser, **coins},
        )

    def chance_on(self, columns: Columns) -> float | None:
        """What fair coins reach on this data."""
        if self.coins is None or not self.summed:
            return self.coins
        return self.coins * len(set(json.loads(columns["facts"][0])["subtasks"]) & set(self.subtasks))

    @property
    def needs(self) -> tuple[str, ...]:
        return ("facts", *(f"{ANSWERS}.{self.parser}-{column}" for column, _ in self.terms))

    def parts(self, columns: Columns) -> tuple[Floats, Floats]:
        """(weighted values, weights), one per pair; 0 and 0 for pairs of other subtasks."""
        category = np.asarray(columns["stratum"], dtype=str)
        asked = set(json.loads(columns["facts"][0])["subtasks"]) & set(self.subtasks)
        scored = sorted(asked & set(category.tolist()))
        self._require(asked, scored)
        weights = np.zeros(len(category))
        for name in scored:
            rows = category == name
            weights[rows] = len(category) / (len(scored) * np.count_nonzero(rows))
        values = np.zeros(len(category))
        for column, weight in self.terms:
            counts = np.asarray(columns[f"{ANSWERS}.{self.parser}-{column}"], dtype=np.float64)
            values += weight * (counts if column == "both" else counts / 2)
        return values * weights, weights / len(scored) if self.summed else weights

    def _require(self, asked: set[str], scored: list[str]) -> None:
        if not asked:
            raise NotMeasured("the data has none of its subtasks")
        missing = sorted(asked - set(scored))
        if missing and (self.summed or not scored):
            raise NotMeasured(
                f"no pair of '{missing[0]}' was scored{f', nor of {len(missing) - 1} more' if missing[1:] else ''}: "
                "a total needs all subtasks, so run without a limit or with a higher one"
            )


_SCORE = (("right", 100.0), ("both", 100.0))


def score() -> SubtaskMean:
    """100 acc + 100 acc+ of a subtask, in [0, 200], and their mean over subtasks."""
    return SubtaskMean("mme-score", _SCORE, unit="of 200", highest=HIGHEST, coins=CHANCE_SCORE)


def percent() -> SubtaskMean:
    """The total in percent of what the scored subtasks can give, in [0, 100]: so it needs not all of them."""
    terms = tuple((column, weight * 100 / HIGHEST) for column, weight in _SCORE)
    return SubtaskMean("mme-percent", terms, unit="%", highest=100.0, coins=100 * CHANCE_SCORE / HIGHEST)


def accuracy() -> SubtaskMean:
    """Share of right answers, in [0, 1]."""
    return SubtaskMean("mme-acc", (("right", 1.0),), coins=CHANCE["right"])


class BothRight(SubtaskMean):
    """Share of pictures of which both answers are right; it says which of them are."""

    def reasons(self, columns: Columns) -> list[str]:
        """Of each pair a line per answer: ``right`` or ``wrong``, as the parser reads it."""
        read = zip(columns["facts"], columns[f"{ANSWERS}.{self.parser}"], strict=True)
        return [
            "\n".join(
                "right" if word == str(truth).lower() else "wrong"
                for word, truth in zip(str(heard).split(), json.loads(facts)["answers"], strict=False)
            )
            for facts, heard in read
        ]


def accuracy_plus() -> BothRight:
    """Share of pictures of which both answers are right, in [0, 1]."""
    return BothRight("mme-acc-plus", (("both", 1.0),), coins=CHANCE["both"])


def yes_rate() -> SubtaskMean:
    """Share of answers read as yes, in [0, 1]; half of the true answers are, in a set of true and false pairs."""
    return SubtaskMean("mme-yes-rate", (("yes", 1.0),), direction="none", worst=None)


def other() -> SubtaskMean:
    """Share of answers that the parser reads as neither yes nor no, in [0, 1]. They are wrong."""
    return SubtaskMean("mme-other", (("other", 1.0),), direction="lower", worst=1.0)


def _total(parser: str, what: str = "total") -> SubtaskMean:
    subtasks = {"total": SUBTASKS, "perception": PERCEPTION, "cognition": COGNITION}[what]
    name = f"mme-{what}" if parser == DEFAULT else f"mme-{what}-{parser}"
    return SubtaskMean(
        name,
        _SCORE,
        parser,
        subtasks,
        summed=True,
        unit="points",
        highest=HIGHEST * len(subtasks),
        coins=CHANCE_SCORE,
    )


total = partial(_total, "official")
"""Sum of the scores of all subtasks that the data has: 200 each."""
total_lmms_eval = partial(_total, "lmms-eval")
"""The same answers, read as lmms-eval reads them."""
total_vlmevalkit = partial(_total, "vlmevalkit")
"""The same answers, read as VLMEvalKit reads them."""
perception = partial(_total, "official", "perception")
"""Sum over the ten subtasks of perception, at most 2,000: what papers call MME-P."""
perception_lmms_eval = partial(_total, "lmms-eval", "perception")
"""MME-P as lmms-eval reads the answers."""
perception_vlmevalkit = partial(_total, "vlmevalkit", "perception")
"""MME-P as VLMEvalKit reads the answers."""
cognition = partial(_total, "official", "cognition")
"""Sum over the four subtasks of cognition, at most 800: what papers call MME-C."""
cognition_lmms_eval = partial(_total, "lmms-eval", "cognition")
"""MME-C as lmms-eval reads the answers."""
cognition_vlmevalkit = partial(_total, "vlmevalkit", "cognition")
"""MME-C as VLMEvalKit reads the answers."""

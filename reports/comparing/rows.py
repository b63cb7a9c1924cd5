"""A model beside a baseline on one metric, and all of them: what is found, before it is written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from reports.comparing.models import Model
from reports.comparing.paired import LEVEL
from reports.reading.runs import Problem

if TYPE_CHECKING:
    from harness.statistics import Difference

SHOWN_POWER = 2.8
"""Standard errors: a difference of that size is shown at 5 % in four of five repetitions (1.96 + 0.84)."""
Answer = Literal["better", "worse", "higher", "lower", "equal", "cannot tell", "not compared"]


@dataclass(frozen=True)
class Compared:
    """One model beside the baseline on one metric of one task.

    ``found`` is the model minus the baseline, None where ``why`` says what is in the way. ``p`` is corrected for the
    whole family. ``refused``: the user asked for what cannot be compared; else it is merely not there for either.
    """

    task: str
    metric: str
    label: str
    unit: str
    direction: str
    model: Model
    baseline: Model
    value: float | None
    reference: float | None
    found: Difference | None = None
    cases: int = 0
    of_cases: tuple[int, int] = (0, 0)
    p: float | None = None
    why: str = ""
    refused: bool = False

    @property
    def effect(self) -> float | None:
        """The difference in the metric's own unit, positive for the better; None where no direction is better."""
        if self.found is None or self.direction == "none":
            return None
        return self.found.value if self.direction == "higher" else -self.found.value

    @property
    def smallest(self) -> float | None:
        """The smallest difference that so many cases would have shown in four of five repetitions."""
        error = None if self.found is None else self.found.error
        return None if error is None or not math.isfinite(error) else SHOWN_POWER * error

    @property
    def answer(self) -> Answer:
        if self.found is None:
            return "not compared"
        if self.found.value == 0 and self.found.error == 0:
            return "equal"
        if self.p is None or self.p >= LEVEL:
            return "cannot tell"
        if self.effect is None:
            return "higher" if self.found.value > 0 else "lower"
        return "better" if self.effect > 0 else "worse"


@dataclass(frozen=True)
class Comparison:
    """All of it. ``family``: how many p values were corrected together; ``notes``: what a reader must know."""

    baseline: Model
    rows: tuple[Compared, ...]
    family: int
    where: str
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def refusals(self) -> tuple[str, ...]:
        """A line for each thing that was asked and cannot be compared."""
        found: dict[tuple[str, str], list[str]] = {}
        for row in self.rows:
            if row.refused:
                found.setdefault((row.task, row.why), []).append(row.metric)
        return tuple(f"{task}: {why}" for task, why in found)


def as_dict(row: Compared) -> dict[str, object]:
    """The row of a frame; what there is not is None."""
    found = row.found
    return {
        "task": row.task,
        "metric": row.metric,
        "model": row.model.label,
        "baseline": row.baseline.label,
        "value": row.value,
        "baseline_value": row.reference,
        "difference": None if found is None else found.value,
        "low": None if found is None else found.low,
        "high": None if found is None else found.high,
        "unit": row.unit,
        "direction": row.direction,
        "effect": row.effect,
        "p": None if found is None else found.p,
        "p_holm": row.p,
        "smallest_effect": row.smallest,
        "cases": row.cases,
        "pairs": 0 if found is None else found.pairs,
        "answer": row.answer,
        "method": "" if found is None else found.method,
        "note": row.why,
    }

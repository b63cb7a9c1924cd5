"""A package of somebody else's, for ``engine.py``: a task of N questions, and a model that answers them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.contracts import Case, MetricEntry, ModelEntry, Sample, ShownTask, TaskEntry


class Parrot:
    """Answers with the question."""

    version, checkpoint_digest = 1, None

    def said(self, questions: Sequence[str]) -> list[str]:
        return list(questions)


def open_parrot(source: str, device: str) -> Parrot:
    return Parrot()


class Questions:
    """So many questions, each of a few words."""

    version, examines, data_revision = 1, "Parrots", "1"
    instruments, metrics = (), ("instant-right",)
    fingerprint: Mapping[str, Any] = {}

    def __init__(self, count: int) -> None:
        self.count, self.name = count, f"instant-{count}"

    def cases(self) -> list[Case]:
        return [Case(f"question-{n:07d}", group=f"question-{n:07d}", facts={"n": n}) for n in range(self.count)]

    def load(self, case: Case) -> str:
        return f"What comes after {case.facts['n']}?"

    def ask(self, subject: Any, cases: Sequence[Case], inputs: Sequence[str], seeds: Sequence[int]) -> list[Sample]:
        answers = subject.said(inputs)
        return [Sample(case, text=text, numbers={"right": 1.0}) for case, text in zip(cases, answers, strict=True)]

    def probe(self, subject: Any) -> Mapping[str, float]:
        return {"parameters": 0.0}


def build(argument: str, subject: Any) -> Questions:
    return Questions(int(argument or 1000))


class Right:
    name, version, direction, unit, worst, needs = "instant-right", 1, "higher", "", 0.0, ("number.right",)

    def parts(self, columns: Any) -> tuple[np.ndarray, np.ndarray]:
        right = np.asarray(columns["number.right"], dtype=np.float64)
        return right, np.ones_like(right)


ENTRIES = (
    ModelEntry("instant", "benchmarks.instant:open_parrot", "answers at once", provides=("Parrots",)),
    TaskEntry("instant", "benchmarks.instant:build", "N questions", shown=ShownTask("instant", ("instant-right",))),
    MetricEntry("instant-right", "benchmarks.instant:Right", "right answers"),
)

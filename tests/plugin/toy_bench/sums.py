"""The task, its instrument and its metrics."""

from pathlib import Path

import numpy as np

from harness.contracts import Case, Sample
from harness.spec import SuiteSpec


class Sums:
    """Every case asks for left + right; ``number.correct`` says whether the answer was exact."""

    version = 2
    examines = "Adds"
    data_revision = "1"
    instruments = ("toy-parity",)
    metrics = ("toy-exact", "toy-even")

    def __init__(self, count):
        self.count = count
        self.name = f"toy-sums-{count}"
        self.fingerprint = {"numbers": "below 30"}

    def cases(self):
        pairs = [(index % 30, (index * 7) % 30) for index in range(self.count)]
        return [
            Case(f"sum-{index:03d}", group=f"left-{left}", facts={"left": left, "right": right})
            for index, (left, right) in enumerate(pairs)
        ]

    def load(self, case):
        return case.facts["left"], case.facts["right"]

    def ask(self, subject, cases, inputs, seeds):
        answers = [subject.add(left, right) for left, right in inputs]
        return [
            Sample(case, text=str(answer), numbers={"correct": float(answer == sum(pair))})
            for case, pair, answer in zip(cases, inputs, answers, strict=True)
        ]

    def probe(self, subject):
        return {"parameters": 0.0}


def build(argument, subject):
    return Sums(int(argument or 60))


def suite():
    return SuiteSpec.of("toy", ["toy-adder", "toy-carrier"], ["toy-sums@40"], batch=8, unit_size=16)


def prepare(source=None):
    return Path(source or "nowhere") / "prepared"


class Parity:
    name = "toy-parity"
    digest = "parity-1"

    def unavailable(self):
        return ""

    def observe(self, samples):
        return {"even": [float(int(sample.text) % 2 == 0) for sample in samples]}


class Exact:
    name, version, direction, unit, worst, needs = "toy-exact", 1, "higher", "", 0.0, ("number.correct",)

    def parts(self, columns):
        correct = np.asarray(columns["number.correct"], dtype=np.float64)
        return correct, np.ones_like(correct)


class Even:
    name, version, direction, unit, worst, needs = "toy-even", 1, "none", "", None, ("toy-parity.even",)

    def parts(self, columns):
        even = np.asarray(columns["toy-parity.even"], dtype=np.float64)
        return even, np.ones_like(even)

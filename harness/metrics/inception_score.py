"""Inception score (Salimans et al. 2016, arXiv 1606.03498): how sure a classifier is of each picture, and how varied
its answers are.

    IS = exp(mean over pictures of KL(p(y|x) || p(y))),   p(y) the mean of p(y|x)

It rises with the number of pictures. So the published form parts 50,000 pictures into 10 splits of 5,000 and gives the
mean of their scores (ADM evaluator, torch-fidelity); ``inception-score-unsplit`` takes all pictures at once, as
Barratt and Sharma (2018, arXiv 1801.01973) advise. Probabilities are those of the 1008 logits without their bias, as
in all these tools. It knows nothing of the references.

Known deviation: which pictures share a split follows a hash of their cases' names, where torch-fidelity shuffles with
a seed and the ADM evaluator keeps the order of the file; the expectation is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.contracts import Columns, MetricTraits
from harness.metrics import NotMeasured
from harness.seeding import seed_for

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SPLITS = 10


@dataclass(frozen=True, eq=False)
class Answers:
    """Of each split: the number of pictures, the sum of their probabilities ``splits classes``, and the sum of their
    negative entropies, in nats. They add."""

    counts: Floats
    probabilities: Floats
    certainty: Floats

    @classmethod
    def of(cls, logits: ArrayLike, split: Ints, splits: int) -> Answers:
        """``logits`` are ``pictures classes``, ``split`` says which split each picture belongs to."""
        x = np.asarray(logits, dtype=np.float64)
        if x.ndim != 2:
            raise ValueError(f"logits must be pictures x classes, not {x.shape}")
        x = x - x.max(axis=1, keepdims=True)
        log_p = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
        p = np.exp(log_p)
        total = np.zeros((splits, x.shape[1]))
        np.add.at(total, split, p)
        certainty = np.bincount(split, weights=(p * log_p).sum(axis=1), minlength=splits).astype(np.float64)
        return cls(np.bincount(split, minlength=splits).astype(np.float64), total, certainty)

    def __add__(self, other: Answers) -> Answers:
        return Answers(
            self.counts + other.counts,
            self.probabilities + other.probabilities,
            self.certainty + other.certainty,
        )

    def score(self) -> float:
        """The mean of the splits' scores, between 1 and the number of classes."""
        mean = self.probabilities / self.counts[:, None]
        # 0 log 0 is 0
        log_mean = np.log(mean, out=np.zeros_like(mean), where=mean > 0)
        return float(np.exp(self.certainty / self.counts - (mean * log_mean).sum(axis=1)).mean())


def inception_score(logits: ArrayLike, splits: int = SPLITS) -> float:
    """Of ``pictures classes``, parted in the order given as torch-fidelity does (i N // splits). Raises ValueError for
    fewer pictures than splits."""
    rows = np.asarray(logits)
    if len(rows) < splits:
        raise ValueError(f"{len(rows)} pictures are too few for {splits} splits")
    return Answers.of(rows, _in_order(len(rows), splits), splits).score()


def _in_order(count: int, splits: int) -> Ints:
    edges = np.arange(1, splits) * count // splits
    return np.searchsorted(edges, np.arange(count), side="right").astype(np.int64)


@dataclass(frozen=True)
class InceptionScore:
    """On one instrument's logits of the outputs (``contracts.SetMetric``). In [1, 1008]; more is better."""

    name: str
    features: str
    splits: int = SPLITS
    version: int = 1
    direction: Literal["higher", "lower", "none"] = "higher"
    unit: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    split_of: Mapping[str, int] | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.features}.output_logits_unbiased",)

    @property
    def traits(self) -> MetricTraits:
        """Its states are small: they may be summed over parts of a large set."""
        parts = f"{self.splits} splits by a hash of the cases" if self.splits > 1 else "unsplit"
        told = {"score": f"inception-score/{parts}/float64", "biased_with_n": True}
        return MetricTraits(bounds=(1.0, np.inf), protocol={**told, **self.about}, streams=True)

    def given(self, columns: Columns) -> InceptionScore:
        """This metric with a split for each of these cases. Raises NotMeasured for fewer than two cases a split."""
        names = [str(name) for name in columns["case"]]
        if len(names) < 2 * self.splits:
            raise NotMeasured(f"needs {2 * self.splits} pictures or more, not {len(names)}")
        shuffled = sorted(names, key=lambda name: seed_for("inception-score", name))
        split_of = dict(zip(shuffled, _in_order(len(names), self.splits).tolist(), strict=True))
        return InceptionScore(self.name, self.features, self.splits, about=self.about, split_of=split_of)

    def state(self, columns: Columns) -> Answers:
        if self.split_of is None:
            return self.given(columns).state(columns)
        split = np.array([self.split_of[str(name)] for name in columns["case"]], dtype=np.int64)
        return Answers.of(columns[self.needs[0]], split, self.splits)

    def value(self, state: Answers) -> float:
        if not state.counts.all():
            raise NotMeasured("a split has no picture")
        return state.score()

"""A metric that is a ratio of sums over cases, described by the names of its columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.contracts import NOTHING_SPECIAL, Columns, MetricTraits

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ratio:
    """sum over cases of the numerator columns / sum over cases of the denominator columns (``contracts.RatioMetric``).

    Each side adds the columns that it names, and a column named twice counts twice: F1 is ``("tp", "tp") / ("tp",
    "tp", "fp", "fn")``. No denominator column means 1 per case, that is a mean. ``transform`` acts on each case's
    numerator (mean squared error to decibel). ``worst`` is what a failed case counts as in the bound with failures
    counted wrong, before the trait ``monotone``; None where there is no worst. ``monotone`` acts on the ratio itself
    and on the ends of its interval: a perplexity is the exp of a ratio. Scores are stored without it, so that a paired
    test is one of the ratio.
    """

    name: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...] = ()
    direction: Literal["higher", "lower", "none"] = "higher"
    unit: str = ""
    worst: float | None = None
    version: int = 1
    transform: Callable[[Floats], Floats] | None = None
    traits: MetricTraits = NOTHING_SPECIAL

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.numerator + self.denominator))

    def parts(self, columns: Columns) -> tuple[Floats, Floats]:
        """(numerators, denominators), one per case."""
        numerators = _sum_of(columns, self.numerator)
        if self.transform is not None:
            numerators = self.transform(numerators)
        denominators = _sum_of(columns, self.denominator) if self.denominator else np.ones_like(numerators)
        return numerators, denominators


def _sum_of(columns: Columns, names: tuple[str, ...]) -> Floats:
    total = np.zeros(len(columns["case"]))
    for name in names:
        total = total + np.asarray(columns[name], dtype=np.float64)
    return total

"""Intervals of a law's parameters and of what it predicts, by a parametric bootstrap.

New values are drawn about the fitted law, with normal log residuals as wide as those that are there (over the degrees
of freedom that the law leaves), as alike within a training as theirs are: checkpoints of one training are not
independent. Each draw is fitted from the law itself. Resampling the runs instead would often leave two sizes of four.
Ends are percentiles, widened from the normal to Student's t (Hesterberg 2015, section 4.3.3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.seeding import rng_for
from reports.scaling.fitting import Law, fit, fit_again

Floats = NDArray[np.float64]

RESAMPLES = 200
MOST_ALIKE = 0.95


@dataclass(frozen=True)
class Bootstrap:
    """A fitted law with laws of drawn values; ``scatter`` is the standard deviation of a run's log residual."""

    law: Law
    laws: Sequence[Law]
    scatter: float
    free: int

    def interval(self, of: Callable[[Law], float], level: float = 0.95) -> tuple[float, float, float]:
        """(value, low, high) of what ``of`` says of a law."""
        return self._interval(of(self.law), np.array([of(law) for law in self.laws]), level)

    def prediction(self, *axes: float, runs: int = 1, level: float = 0.95) -> tuple[float, float, float]:
        """(value, low, high) of the geometric mean of so many new runs there: their own scatter is part of it."""
        noise = rng_for("new run", *map(str, axes)).standard_normal(len(self.laws)) * self.scatter / np.sqrt(runs)
        drawn = np.array([float(law.at(*axes)) for law in self.laws]) * np.exp(noise)
        return self._interval(float(self.law.at(*axes)), drawn, level)

    def _interval(self, value: float, drawn: Floats, level: float) -> tuple[float, float, float]:
        from scipy.special import ndtr
        from scipy.stats import t

        reach = float(t.ppf((1 + level) / 2, self.free))
        low, high = (float(np.quantile(drawn, ndtr(side))) for side in (-reach, reach))
        return value, min(low, value), max(high, value)


def bootstrap(
    axes: Sequence[Any], values: Any, trainings: Sequence[str], *, seed: int = 0, resamples: int = RESAMPLES
) -> Bootstrap:
    """The law through the points and its draws; ``trainings`` says which training each point is of.

    Raises ValueError for no more points than parameters.
    """
    y = np.log(np.asarray(values, dtype=np.float64))
    free = y.size - (1 + 2 * len(axes))
    if free < 1:
        raise ValueError(f"{y.size} points for {1 + 2 * len(axes)} parameters")
    law = fit(axes, values)
    centre = np.log(law.at(*axes))
    residuals = y - centre
    scatter = float(np.sqrt(np.sum(residuals**2) / free))
    names, of = np.unique(np.asarray(trainings, dtype=str), return_inverse=True)
    alike = _alike(residuals, of)
    rng = rng_for("scaling bootstrap", seed)
    shared = rng.standard_normal((resamples, len(names)))[:, of]
    own = rng.standard_normal((resamples, y.size))
    noise = scatter * (np.sqrt(alike) * shared + np.sqrt(1 - alike) * own)
    laws = fit_again(axes, np.exp(centre + noise), law) if scatter > 0 else [law] * resamples
    return Bootstrap(law, laws, scatter, free)


def _alike(residuals: Floats, of: NDArray[np.int64]) -> float:
    """The correlation of residuals within a training, in [0, 0.95]; 0 where each has one checkpoint."""
    pairs = (of[:, None] == of[None, :]) & ~np.eye(of.size, dtype=bool)
    square = float(np.mean(residuals**2))
    if not pairs.any() or square == 0:
        return 0.0
    return float(np.clip(np.mean(np.outer(residuals, residuals)[pairs]) / square, 0.0, MOST_ALIKE))

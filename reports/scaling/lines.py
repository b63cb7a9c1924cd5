"""A power law without an offset: a straight line through logarithms, by least squares.

``y = factor * x ** exponent`` (Kaplan et al. 2020, arXiv 2001.08361, equation 1.1, have this form for models near
convergence). Intervals are Student's t over the residuals: what the points scatter, seeds included, and not what each
point's own cases leave open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.scaling.trainings import sizes

FEWEST_SIZES = 3
"""Fewer different sizes make no law."""


@dataclass(frozen=True)
class PowerLaw:
    """y = factor * x ** exponent, with the exponent's 95 % interval.

    ``centre``, ``spread`` (sum of squares of log x about it), ``scatter`` (standard deviation of log residuals),
    ``points`` and ``reach`` (Student's t) are what bands are made of.
    """

    factor: float
    exponent: float
    low: float
    high: float
    centre: float = 0.0
    spread: float = 1.0
    scatter: float = 0.0
    points: int = 0
    reach: float = 0.0

    def at(self, x: float) -> float:
        return self.factor * math.pow(x, self.exponent)

    def band(self, x: float, new: int = 0) -> tuple[float, float]:
        """The 95 % interval of the line at ``x``; of the geometric mean of so many ``new`` runs there, whose own
        scatter adds."""
        away = (math.log(x) - self.centre) ** 2 / self.spread
        half = self.reach * self.scatter * math.sqrt(1 / self.points + away + (1 / new if new else 0.0))
        return self.at(x) * math.exp(-half), self.at(x) * math.exp(half)


def power_law(points: Sequence[tuple[float, float]]) -> PowerLaw | None:
    """The law through (x, value) pairs; None for fewer than three sizes, for values that have no logarithm, and for
    equal ones, which leave no residuals to go by."""
    if any(not math.isfinite(part) or part <= 0 for point in points for part in point):
        return None
    if sizes(x for x, _ in points) < FEWEST_SIZES:
        return None
    from scipy import stats

    across, up = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    fit = stats.linregress(across, up)
    exponent, free = float(fit.slope), len(points) - 2
    reach = float(stats.t.ppf(0.975, free))
    half = reach * float(fit.stderr)
    if not all(map(math.isfinite, (half, exponent, float(fit.intercept)))):
        return None
    try:
        factor = math.exp(float(fit.intercept))
    except OverflowError:
        return None
    centre = math.fsum(across) / len(across)
    spread = math.fsum((x - centre) ** 2 for x in across)
    left = math.fsum((y - float(fit.intercept) - exponent * x) ** 2 for x, y in zip(across, up, strict=True))
    scatter = math.sqrt(left / free)
    return PowerLaw(factor, exponent, exponent - half, exponent + half, centre, spread, scatter, len(points), reach)

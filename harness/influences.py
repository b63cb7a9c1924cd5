"""Intervals and paired differences of a set's metric whose value is shared out to its cases.

Shares of independent clusters add up to 0, and their squares to the variance of the value; what the metric says they
count twice (``harness.metrics.influence``) is taken off. The degrees of freedom are those of a variance whose own
error follows from the fourth powers (Satterthwaite 1946): heavy tails make the interval wider. In simulations at 0.25,
1 and 5 samples per dimension it held the expected value in 90 to 98 % of the trials, and in up to 99.8 % with nothing
taken off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.statistics import GROUPS, Difference, Interval

Floats = NDArray[np.float64]

METHOD = "infinitesimal jackknife"
"""How the method of such an interval begins, so that a paired test knows that scores are shares."""


@dataclass(frozen=True)
class Shares:
    """Sums of the shares of each cluster, by independent sides (outputs, references) where there are two sets."""

    sides: Sequence[Floats]

    @classmethod
    def of(cls, shares: Floats, clusters: Sequence[str], sides: Sequence[str]) -> Shares:
        """``clusters`` and ``sides`` of each case."""
        found = []
        for side in sorted(set(sides)):
            here = np.asarray(sides, dtype=object) == side
            names, index = np.unique(np.asarray(clusters, dtype=str)[here], return_inverse=True)
            found.append(np.bincount(index, weights=shares[here], minlength=len(names)).astype(np.float64))
        return cls(found)

    @property
    def fewest(self) -> int:
        """Clusters of the side that has fewest."""
        return min(len(side) for side in self.sides)

    def variance(self, twice: float = 0.0) -> tuple[float, float]:
        """(of the value, its degrees of freedom)."""
        parts = [float(np.sum((side - side.mean()) ** 2)) * len(side) / (len(side) - 1) for side in self.sides]
        whole = sum(parts)
        kept = max(whole - twice, whole / 2)  # what is counted twice is at most half
        fourth = sum(float(np.sum(side**4)) - float(np.sum(side**2)) ** 2 / len(side) for side in self.sides)
        most = float(sum(len(side) - 1 for side in self.sides))
        return kept, min(most, 2 * kept**2 / fourth) if fourth > 0 else most


def share_interval(value: float, shares: Shares, twice: float, *, level: float = 0.95) -> Interval:
    """A t interval about the value at this number of cases; none for fewer than 20 clusters on a side."""
    if shares.fewest < GROUPS:
        return Interval(value, None, None, f"no interval: {shares.fewest} clusters, {GROUPS} needed")
    variance, freedom = shares.variance(twice)
    reach = _t(level, freedom) * float(np.sqrt(variance))
    counts = " and ".join(str(len(side)) for side in shares.sides)
    return Interval(value, value - reach, value + reach, f"{METHOD}, {counts} clusters, t")


def share_difference(value: float, gaps: Shares, *, level: float = 0.95) -> Difference:
    """``value`` is the first's minus the second's, ``gaps`` the first's shares minus the second's, 0 where one lacks a
    case: what the two have in common cancels, and what they do not adds."""
    from scipy.stats import t

    if gaps.fewest < GROUPS:
        method = f"no interval: {gaps.fewest} clusters, {GROUPS} needed"
        return Difference(value, None, None, None, method, gaps.fewest)
    variance, freedom = gaps.variance()
    error = float(np.sqrt(variance))
    p = float(2 * t.sf(abs(value) / error, freedom)) if error > 0 else float(value == 0)
    reach = _t(level, freedom) * error
    pairs = sum(len(side) for side in gaps.sides)
    method = f"paired {METHOD}, {pairs} clusters, t"
    return Difference(value, value - reach, value + reach, p, method, pairs, error)


def _t(level: float, freedom: float) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + level) / 2, freedom))

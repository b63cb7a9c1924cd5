"""Are two models apart on one metric? Where a table asks for a test of all its columns, and needs no more than p.

The pairing is that of ``reports.comparing.differences``. Where no scores are stored, two models count as apart only if
their 95 % intervals do not touch, which is the stricter rule when both saw the same cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.contracts import Estimate
from reports.comparing.differences import (
    Monotone,
    RatioPairs,
    grouped_difference,
    is_shared,
    is_within_strata,
    scale_of,
    shared_difference,
)
from reports.reading.runs import CaseScores, Run

LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """How the best and another differ: ``p`` before correction, or None where only the intervals were compared."""

    p: float | None
    apart: bool
    method: Literal["paired", "intervals", "too few cases"]


def compare(best: Run, other: Run, metric: str) -> Comparison:
    """Whether ``best`` and ``other`` differ on ``metric``; ``apart`` is before any correction for many tests."""
    ours, theirs = best.scores.get(metric), other.scores.get(metric)
    if ours is None or theirs is None:
        return Comparison(None, _intervals_apart(best.estimate(metric), other.estimate(metric)), "intervals")
    if is_shared(best.estimate(metric)) and is_shared(other.estimate(metric)):
        p = shared_p(ours, theirs)
    else:
        p = paired_p(ours, theirs, is_within_strata(best.estimate(metric)), _scale(best, other, metric))
    if p is None:
        return Comparison(None, False, "too few cases")
    return Comparison(p, p < LEVEL, "paired")


def shared_p(ours: CaseScores, theirs: CaseScores) -> float | None:
    """Two-sided p of the difference of a set's metric, from the shares of its cases; None for too few clusters."""
    return shared_difference(ours, theirs).p


def paired_p(
    ours: CaseScores, theirs: CaseScores, within_strata: bool = False, monotone: Monotone | None = None
) -> float | None:
    """Two-sided p of the paired difference of two ratios of sums, on common cases; None where those are too few.

    What lies far from zero is not resampled (``RatioPairs.far_p``). For jackknife groups the paired t test over groups;
    None where the two models do not have the same ones.
    """
    if ours.jackknife or theirs.jackknife:
        found = grouped_difference(ours, theirs)
        return None if found is None else found.p
    pairs = RatioPairs.of(ours, theirs, within_strata)
    if pairs is None:
        return None
    far = pairs.far_p()
    return pairs.difference(monotone).p if far is None else far


def _scale(best: Run, other: Run, metric: str) -> Monotone | None:
    """Of a rising function that is not known, whether two values differ is told by the ratios."""
    try:
        return scale_of(best, other, metric)
    except LookupError:
        return None


def _intervals_apart(one: Estimate | None, two: Estimate | None) -> bool:
    if one is None or two is None or one.low is None or one.high is None or two.low is None or two.high is None:
        return False
    return one.high < two.low or two.high < one.low


def holm(p_values: Mapping[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """Holm's step-down correction by name."""
    from harness.statistics import holm as corrected

    names = sorted(p_values)
    return dict(zip(names, corrected([p_values[name] for name in names]), strict=True))

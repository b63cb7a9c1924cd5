"""Are two models apart on one metric? The only place where a report asks for a test.

Ratio metrics are tested pairwise on the cases that both models scored, resampled by cluster (``harness.statistics``),
within strata where the metric's own interval is (GenEval's tags, MME's subtasks): its protocol says so.
Metrics of a set are tested pairwise on the shares of their cases (Frechet distances) or on their jackknife groups,
which then stand in place of cases in the stored scores. Where no scores are stored, two models count as apart only if
their 95 % intervals do not touch, which is the stricter rule when both saw the same cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.contracts import Estimate
from harness.influences import METHOD
from harness.measure import WITHIN_STRATA
from reports.reading.runs import CaseScores, Run

LEVEL = 0.05
# Past this many standard errors a bootstrap adds only time, and its smallest p (1 / resamples) loses power under Holm.
FAR = 8.0
FAR_CLUSTERS = 100


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
    if _is_shared(best.estimate(metric)) and _is_shared(other.estimate(metric)):
        p = shared_p(ours, theirs)
    else:
        p = paired_p(ours, theirs, _within_strata(best.estimate(metric)))
    if p is None:
        return Comparison(None, False, "too few cases")
    return Comparison(p, p < LEVEL, "paired")


def _within_strata(estimate: Estimate | None) -> bool:
    return estimate is not None and estimate.fingerprint.get("resampled") == WITHIN_STRATA


def _is_shared(estimate: Estimate | None) -> bool:
    """Whether the stored scores are shares of the metric's value."""
    return estimate is not None and estimate.method.startswith(METHOD)


def shared_p(ours: CaseScores, theirs: CaseScores) -> float | None:
    """Two-sided p of the difference of a set's metric, from the shares of its cases: those that both have are paired,
    and what only one has adds to the spread. None for too few clusters."""
    import numpy as np

    from harness.influences import Shares, share_difference

    gaps: dict[str, float] = {}
    clusters, sides = {}, {}
    for scores, sign in ((ours, 1), (theirs, -1)):
        parts = sign * (scores.numerators - scores.numerators.mean()) / len(scores.numerators)
        for case, part, group, side in zip(scores.cases, parts.tolist(), scores.groups, scores.strata, strict=True):
            gaps[str(case)] = gaps.get(str(case), 0.0) + part
            clusters[str(case)], sides[str(case)] = str(group), str(side)
    names = sorted(gaps)
    shares = Shares.of(
        np.array([gaps[name] for name in names]), [clusters[name] for name in names], [sides[name] for name in names]
    )
    return share_difference(float(ours.numerators.mean() - theirs.numerators.mean()), shares).p


def paired_p(ours: CaseScores, theirs: CaseScores, within_strata: bool = False) -> float | None:
    """Two-sided p of the paired difference of two ratios of sums, on common cases; None where those are too few.

    From the clustered bootstrap, except where the linearised difference lies more than 8 standard errors from zero
    with at least 100 clusters: there that t statistic's own p stands, and no resample could have disagreed. With
    ``within_strata`` cases that weigh nothing are left out and clusters are resampled within their stratum; the
    shortcut then errs to the side of no difference. For jackknife groups the paired t test over groups; None where the
    two models do not have the same ones.
    """
    import numpy as np

    from harness.statistics import cluster_sums, ratio_difference

    if ours.jackknife or theirs.jackknife:
        return _jackknife_p(ours, theirs)
    _, left, right = np.intersect1d(ours.cases, theirs.cases, return_indices=True)
    if within_strata:
        weighty = (ours.denominators[left] > 0) & (theirs.denominators[right] > 0)
        left, right = left[weighty], right[weighty]
    first = (ours.numerators[left], ours.denominators[left])
    second = (theirs.numerators[right], theirs.denominators[right])
    if not len(left) or first[1].sum() == 0 or second[1].sum() == 0:
        return None
    groups = [str(group) for group in ours.groups[left]]
    strata = [str(stratum) for stratum in ours.strata[left]] if within_strata else None
    sums = cluster_sums(groups, *first, *second)
    if len(sums) >= FAR_CLUSTERS:
        from scipy.stats import t

        totals = sums.sum(axis=0)
        first_influence = (sums[:, 0] - totals[0] / totals[1] * sums[:, 1]) / totals[1]
        second_influence = (sums[:, 2] - totals[2] / totals[3] * sums[:, 3]) / totals[3]
        error = float(np.sqrt(np.sum((first_influence - second_influence) ** 2)))
        gap = abs(float(totals[0] / totals[1] - totals[2] / totals[3]))
        if error > 0 and gap > FAR * error:
            return float(2 * t.sf(gap / error, len(sums) - 1))
    return ratio_difference(first, second, groups, strata=strata).p


def _jackknife_p(ours: CaseScores, theirs: CaseScores) -> float | None:
    import numpy as np

    from harness.statistics import Jackknife, jackknife_difference

    if not np.array_equal(ours.cases, theirs.cases):
        return None
    # the mean of the stored scores is the value of the set
    first, second = (Jackknife(float(scores.mean()), scores) for scores in (ours.numerators, theirs.numerators))
    return jackknife_difference(first, second).p


def _intervals_apart(one: Estimate | None, two: Estimate | None) -> bool:
    if one is None or two is None or one.low is None or one.high is None or two.low is None or two.high is None:
        return False
    return one.high < two.low or two.high < one.low


def holm(p_values: Mapping[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """Holm's step-down correction by name."""
    from harness.statistics import holm as corrected

    names = sorted(p_values)
    return dict(zip(names, corrected([p_values[name] for name in names]), strict=True))

"""How far two runs lie apart on one metric, paired, with an interval. Every command that decides asks here.

Ratios are paired on the cases that both scored and resampled by cluster, within strata where the metric's own interval
is (its protocol says so). Metrics of a set are paired by the shares of their cases, or by their jackknife groups, which
then stand in place of cases in the stored scores. What has no stored scores cannot be paired.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.contracts import Estimate
from harness.influences import METHOD
from harness.measure import WITHIN_STRATA
from reports.comparing.protocols import what_differs
from reports.reading.runs import CaseScores, Run
from reports.reading.samples import case_order

if TYPE_CHECKING:
    import numpy as np

    from harness.statistics import Difference

FEWEST_SHARED = 0.5
"""The share of the larger set of cases that two runs must have in common."""
# Past this many standard errors a bootstrap's smallest p (1 / resamples) says too little, and loses power under Holm.
FAR = 8.0
FAR_CLUSTERS = 100
LARGEST_EXPONENT = 700.0
Monotone = Callable[["np.ndarray"], "np.ndarray"]


def difference(
    first: Run, second: Run, metric: str, *, level: float = 0.95, seed: int = 0, resamples: int | None = None
) -> Difference | None:
    """The value of ``first`` minus that of ``second`` in the metric's own unit, with its interval and two-sided p.

    Pairs what both have; whether they may be compared at all ``unlike`` says. None where nothing is stored to pair, or
    nothing of it is common. Two equal runs differ by 0 with the interval [0, 0]. It is not cut at the metric's bounds.
    """
    ours, theirs = first.scores.get(metric), second.scores.get(metric)
    one, two = first.estimate(metric), second.estimate(metric)
    if ours is None or theirs is None or one is None or two is None:
        return None
    if ours.jackknife or theirs.jackknife:
        return grouped_difference(ours, theirs, level=level)
    if is_shared(one) and is_shared(two):
        return shared_difference(ours, theirs, level=level)
    pairs = RatioPairs.of(ours, theirs, is_within_strata(one))
    if pairs is None:
        return None
    try:
        scale = scale_of(first, second, metric)
    except LookupError as error:
        found = pairs.difference(level=level, seed=seed, resamples=resamples)
        gap = math.nan if one.value is None or two.value is None else one.value - two.value
        return replace(found, value=gap, low=None, high=None, error=None, method=f"no interval: {error}")
    return pairs.difference(scale, level=level, seed=seed, resamples=resamples)


def unlike(first: Run, second: Run, metric: str) -> str:
    """Why the two must not be compared, in words; "" where they may: the metric is missing, fingerprint or version
    differ, or fewer than half of the cases are common (of a set that is paired by groups: not all)."""
    one, two = first.estimate(metric), second.estimate(metric)
    for run, estimate in ((first, one), (second, two)):
        if estimate is None:
            return f"{run.label} has no {metric}"
        if estimate.value is None:
            return f"{run.label} has no {metric} ({estimate.absent or 'not measured'})"
    assert one is not None and two is not None
    if differs := what_differs(first, second, one, two):
        return f"the protocols of {first.label} and {second.label} differ: {differs}"
    if _same_cases(first, second):
        return ""
    common, ours, theirs = shared_cases(first, second, metric)
    said = f"{first.label} and {second.label} share {common:,} cases, of {ours:,} and {theirs:,}"
    if common < FEWEST_SHARED * max(ours, theirs) or not common:
        return f"{said}: fewer than half"
    grouped = (scores for run in (first, second) if (scores := run.scores.get(metric)) is not None)
    if any(scores.jackknife for scores in grouped):
        return f"{said}: {metric} is paired by groups, which need the same cases"
    return ""


def shared_cases(first: Run, second: Run, metric: str) -> tuple[int, int, int]:
    """How many cases are common, and how many each has: those scored, of a metric that is paired by groups those that
    were asked."""
    ours, theirs = _cases(first, metric), _cases(second, metric)
    return len(ours & theirs), len(ours), len(theirs)


def _same_cases(first: Run, second: Run) -> bool:
    return first.measure is not None and second.measure is not None and first.measure.digest == second.measure.digest


def _cases(run: Run, metric: str) -> set[str]:
    scores = run.scores.get(metric)
    if scores is not None and not scores.jackknife:
        return set(map(str, scores.cases))
    others = (set(map(str, item.cases)) for item in run.scores.values() if not item.jackknife)
    return next(others, None) or set(case_order(run.folder))


def is_within_strata(estimate: Estimate | None) -> bool:
    """Whether its interval was made within strata."""
    return estimate is not None and estimate.fingerprint.get("resampled") == WITHIN_STRATA


def is_shared(estimate: Estimate | None) -> bool:
    """Whether the stored scores are shares of the metric's value."""
    return estimate is not None and estimate.method.startswith(METHOD)


# ------------------------------------------------------------------------------------------------ ratios of sums


@dataclass(frozen=True)
class RatioPairs:
    """Numerators and denominators of two models on the cases that both scored, in the order of their names."""

    first: tuple[np.ndarray, np.ndarray]
    second: tuple[np.ndarray, np.ndarray]
    groups: list[str]
    strata: list[str] | None

    @classmethod
    def of(cls, ours: CaseScores, theirs: CaseScores, within_strata: bool) -> RatioPairs | None:
        """None where nothing is common. Within strata, cases that weigh nothing are none of the metric's."""
        import numpy as np

        _, left, right = np.intersect1d(ours.cases, theirs.cases, return_indices=True)
        if within_strata:
            weighty = (ours.denominators[left] > 0) & (theirs.denominators[right] > 0)
            left, right = left[weighty], right[weighty]
        first = (ours.numerators[left], ours.denominators[left])
        second = (theirs.numerators[right], theirs.denominators[right])
        if not len(left) or first[1].sum() == 0 or second[1].sum() == 0:
            return None
        strata = [str(stratum) for stratum in ours.strata[left]] if within_strata else None
        return cls(first, second, [str(group) for group in ours.groups[left]], strata)

    def difference(
        self, monotone: Monotone | None = None, *, level: float = 0.95, seed: int = 0, resamples: int | None = None
    ) -> Difference:
        """By the paired bootstrap; of two that lie far apart p is that of ``far_p``."""
        from harness.statistics import RESAMPLES, ratio_difference

        found = ratio_difference(
            self.first,
            self.second,
            self.groups,
            strata=self.strata,
            monotone=monotone,
            seed=seed,
            level=level,
            resamples=resamples or RESAMPLES,
        )
        far = None if found.p is None else self.far_p()
        return found if far is None else replace(found, p=far)

    def far_p(self) -> float | None:
        """p of the linearised difference where it lies more than 8 standard errors from zero with at least 100
        clusters: no resample could disagree."""
        from harness.statistics import linearised

        if len(set(self.groups)) < FAR_CLUSTERS:
            return None
        beyond, p = linearised(self.first, self.second, self.groups, strata=self.strata)
        return p if beyond > FAR else None


def scale_of(first: Run, second: Run, metric: str) -> Monotone | None:
    """What the metric shows in place of its ratio, told by the values that are stored: the ratio itself (None) or its
    exponential, as a perplexity does. Raises LookupError where it is neither."""
    import numpy as np

    found = set()
    for run in (first, second):
        estimate, scores = run.estimate(metric), run.scores[metric]
        top, bottom = float(scores.numerators.sum()), float(scores.denominators.sum())
        if estimate is None or estimate.value is None or bottom == 0:
            continue
        ratio = top / bottom
        if math.isclose(ratio, estimate.value, rel_tol=1e-6, abs_tol=1e-12):
            found.add("ratio")
        elif ratio < LARGEST_EXPONENT and math.isclose(math.exp(ratio), estimate.value, rel_tol=1e-6):
            found.add("exponential")
        else:
            found.add("other")
    if len(found) > 1 or "other" in found:
        raise LookupError("how the metric shows its ratio is not known here")
    return np.exp if found == {"exponential"} else None


# ------------------------------------------------------------------------------------------------ metrics of a set


def shared_difference(ours: CaseScores, theirs: CaseScores, *, level: float = 0.95) -> Difference:
    """From the shares of cases: those that both have are paired, and what only one has adds to the spread."""
    import numpy as np

    from harness.influences import Shares, share_difference
    from harness.statistics import THE_SAME, Difference

    if _equal(ours, theirs):
        return Difference(0.0, 0.0, 0.0, 1.0, THE_SAME, len(ours.cases), 0.0)
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
    return share_difference(float(ours.numerators.mean() - theirs.numerators.mean()), shares, level=level)


def grouped_difference(ours: CaseScores, theirs: CaseScores, *, level: float = 0.95) -> Difference | None:
    """Of jackknife groups; None where the two do not have the same ones."""
    import numpy as np

    from harness.statistics import THE_SAME, Difference, Jackknife, jackknife_difference

    if not np.array_equal(ours.cases, theirs.cases):
        return None
    if _equal(ours, theirs):
        return Difference(0.0, 0.0, 0.0, 1.0, THE_SAME, len(ours.cases), 0.0)
    # the mean of the stored scores is the value of the set
    first, second = (Jackknife(float(scores.mean()), scores) for scores in (ours.numerators, theirs.numerators))
    return jackknife_difference(first, second, level=level)


def _equal(ours: CaseScores, theirs: CaseScores) -> bool:
    import numpy as np

    same = np.array_equal(ours.cases, theirs.cases) and np.array_equal(ours.numerators, theirs.numerators)
    return same and np.array_equal(ours.denominators, theirs.denominators)

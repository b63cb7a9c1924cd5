"""Intervals, paired differences and corrections. Arithmetic only: it knows no file, metric name or model.

Three kinds of number, three kinds of interval, all at 95 % unless told otherwise and all seeded:

* a **ratio of sums** over cases: bootstrap over clusters, bias corrected and accelerated (BCa; Efron 1987), with the
  percentiles widened for few clusters (Hesterberg 2015, "What teachers should know about the bootstrap", section
  4.3.3); where the design fixes how many clusters each stratum has (prompts of a tag), within strata;
* a **metric of a set** (kernel distance, perplexity ...): delete-a-group jackknife with a t interval, or shares of
  cases (``harness.influences``). Never a bootstrap: duplicates shrink covariances and bias such distances upwards;
* a value per **training seed**: a t interval over at least three seeds.

An interval is about what varies in it. The first two take cases as the unit, so they speak about two checkpoints;
only the third speaks about two ways of training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.seeding import rng_for, seed_for

Floats = NDArray[np.float64]

RESAMPLES = 2000
FEWEST_CLUSTERS = 8
"""Below this many clusters a bootstrap has too few distinct resamples to say anything about a 95 % interval."""
GROUPS = 20
FEWEST_SEEDS = 3
THE_SAME = "the same on every case"
"""How a difference of nothing at all was made."""
_CHUNK_CELLS = 1 << 20
_MANY_CLUSTERS = 1 << 16
"""From so many on equal clusters are counted, where that gives the same sums (``_few_kinds``): in less time."""
_KINDS = 256
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Interval:
    """A value and its interval. ``low`` and ``high`` are None where the data cannot give one; ``method`` says why."""

    value: float
    low: float | None
    high: float | None
    method: str


@dataclass(frozen=True)
class Difference:
    """First minus second, paired. ``p`` is two-sided; the interval excludes 0 exactly where ``p < 1 - level``.

    ``p`` is None where the data cannot give one. ``pairs`` counts clusters. ``error`` is the standard error (None: the
    data cannot give one). No difference is cut at the bounds of a metric: where both values lie at one, its interval
    still says how far they may be apart.
    """

    value: float
    low: float | None
    high: float | None
    p: float | None
    method: str
    pairs: int
    error: float | None = None


# -------------------------------------------------------------------------------- ratios of sums: clustered bootstrap


def cluster_sums(clusters: Sequence[str], *parts: Floats) -> Floats:
    """Sums of each part within each cluster, clusters in sorted order: ``clusters parts``.

    Within a cluster the terms are added in the order given, so sort the cases first if bytes must not depend on their
    order.
    """
    names, index = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    return np.stack([np.bincount(index, weights=part, minlength=len(names)) for part in parts], axis=1)


def ratio_interval(
    numerators: Floats,
    denominators: Floats,
    clusters: Sequence[str],
    *,
    strata: Sequence[str] | None = None,
    seed: int = 0,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> Interval:
    """sum(numerators) / sum(denominators) with a clustered BCa bootstrap interval.

    Arguments hold one entry per case; cases of one cluster are resampled together, and with ``strata`` (the stratum of
    each case) clusters within their stratum, so that what differs between strata is no part of the interval. Raises
    ZeroDivisionError where the denominators add up to 0, ValueError for a cluster in two strata. Where every case has
    the same ratio (a constant such as bits per image) the interval is that value.

    Examples:
        >>> right, asked = np.tile([1.0, 1.0, 0.0, 1.0], 5), np.ones(20)
        >>> found = ratio_interval(right, asked, [f"prompt-{case // 2}" for case in range(20)])
        >>> found.value, found.method
        (0.75, 'clustered BCa bootstrap, 10 clusters, 2000 resamples')
    """
    total = float(np.sum(denominators))
    if total == 0:
        raise ZeroDivisionError("undefined, nothing was there to count (0 / 0)")
    value = float(np.sum(numerators)) / total
    known = int(np.flatnonzero(denominators)[0])
    if np.array_equal(numerators * denominators[known], denominators * numerators[known]):
        return Interval(value, value, value, "the same for every case")
    sums = cluster_sums(clusters, numerators, denominators)
    blocks = _blocks(clusters, strata)
    within = f" within {len(blocks)} strata" if len(blocks) > 1 else ""
    if len(sums) < FEWEST_CLUSTERS + len(blocks) - 1:
        needed = FEWEST_CLUSTERS + len(blocks) - 1
        return Interval(value, None, None, f"no interval: {len(sums)} clusters{within}, {needed} needed")
    bootstrap = _Bootstrap(sums, _ratio, rng_for("bootstrap", seed), resamples, blocks)
    low, high = bootstrap.interval(level)
    return Interval(value, low, high, f"clustered BCa bootstrap{within}, {len(sums)} clusters, {resamples} resamples")


def _blocks(clusters: Sequence[str], strata: Sequence[str] | None) -> list[NDArray[np.int64]]:
    """Which rows of ``cluster_sums`` belong to each stratum, all to one without strata."""
    pairs = sorted(set(zip(clusters, strata or [""] * len(clusters), strict=True)))
    for (cluster, first), (other, second) in pairwise(pairs):
        if cluster == other:
            raise ValueError(f"cluster '{cluster}' lies in two strata, '{first}' and '{second}'")
    names, numbers = np.unique(np.array([stratum for _, stratum in pairs]), return_inverse=True)
    return [np.flatnonzero(numbers == number) for number in range(len(names))]


def ratio_difference(
    first: tuple[Floats, Floats],
    second: tuple[Floats, Floats],
    clusters: Sequence[str],
    *,
    strata: Sequence[str] | None = None,
    monotone: Callable[[Floats], Floats] | None = None,
    seed: int = 0,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> Difference:
    """Ratio of sums of the first minus that of the second, on the same cases in the same order: (numerators,
    denominators) each.

    Both are resampled together, so what the cases have in common cancels; with ``strata`` within each stratum, as
    ``ratio_interval`` does. ``monotone`` is a rising function of arrays that is shown in place of either ratio: the
    difference is between what is shown. Where no resample lies on the other side of 0, all that the bootstrap can say
    of p is that it is below about 1 / resamples, which many comparisons corrected together would not show: there the p
    of the linearised difference stands (``linearised``). Raises ValueError for a cluster in two strata.
    """
    if np.sum(first[1]) == 0 or np.sum(second[1]) == 0:
        raise ZeroDivisionError("undefined, nothing was there to count (0 / 0)")
    sums = cluster_sums(clusters, *first, *second)
    statistic = partial(_ratio_difference, monotone=monotone)
    value = float(statistic(sums.sum(axis=0)))
    if np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1]):
        return Difference(0.0, 0.0, 0.0, 1.0, THE_SAME, len(sums), 0.0)
    blocks = _blocks(clusters, strata)
    within = f" within {len(blocks)} strata" if len(blocks) > 1 else ""
    needed = FEWEST_CLUSTERS + len(blocks) - 1
    if len(sums) < needed:
        method = f"no interval: {len(sums)} clusters{within}, {needed} needed"
        return Difference(value, None, None, None, method, len(sums))
    bootstrap = _Bootstrap(sums, statistic, rng_for("bootstrap", seed), resamples, blocks)
    low, high = bootstrap.interval(level)
    method = f"paired clustered BCa bootstrap{within}, {len(sums)} clusters, {resamples} resamples"
    p = bootstrap.p(0.0)
    if bootstrap.all_beyond(0.0):
        p = min(p, _linearised(sums, blocks)[1])
    return Difference(value, low, high, p, method, len(sums), bootstrap.error)


def linearised(
    first: tuple[Floats, Floats],
    second: tuple[Floats, Floats],
    clusters: Sequence[str],
    *,
    strata: Sequence[str] | None = None,
) -> tuple[float, float]:
    """(by how many standard errors the difference of two ratios lies from zero, the two-sided p of that t), to first
    order in the clusters (the delta method), within strata. Where every cluster differs by the same there is no
    spread: p is then that of the exact test by signs. Arguments as of ``ratio_difference``."""
    return _linearised(cluster_sums(clusters, *first, *second), _blocks(clusters, strata))


def _linearised(sums: Floats, blocks: Sequence[NDArray[np.int64]]) -> tuple[float, float]:
    from scipy.stats import t

    totals = sums.sum(axis=0)
    gap = abs(float(_ratio_difference(totals)))
    influence = (sums[:, 0] - totals[0] / totals[1] * sums[:, 1]) / totals[1]
    influence = influence - (sums[:, 2] - totals[2] / totals[3] * sums[:, 3]) / totals[3]
    parts = [influence[block] for block in blocks if len(block) > 1]
    variance = sum(float(np.sum((part - part.mean()) ** 2)) * len(part) / (len(part) - 1) for part in parts)
    freedom, error = sum(len(part) - 1 for part in parts), math.sqrt(variance)
    if not gap or not freedom:
        return 0.0, 1.0
    if error <= _ROUNDING * gap:
        return math.inf, float(2.0 ** (1 - len(sums)))
    return gap / error, float(2 * t.sf(gap / error, freedom))


def _ratio(totals: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(totals[..., 0] / totals[..., 1])


def _ratio_difference(totals: Floats, monotone: Callable[[Floats], Floats] | None = None) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        first, second = totals[..., 0] / totals[..., 1], totals[..., 2] / totals[..., 3]
        return np.asarray(first - second if monotone is None else monotone(first) - monotone(second))


class _Bootstrap:
    """BCa for a smooth function of cluster totals: bias from resamples, acceleration from leaving out each cluster."""

    def __init__(
        self,
        sums: Floats,
        statistic: Callable[[Floats], Floats],
        rng: np.random.Generator,
        resamples: int,
        blocks: Sequence[NDArray[np.int64]] | None = None,
    ) -> None:
        from scipy.special import ndtri

        blocks = blocks or [np.arange(len(sums))]
        # Each stratum's mean takes a degree of freedom.
        self._clusters = len(sums) - len(blocks) + 1
        drawn = (_resampled_totals(sums[block], rng, resamples) for block in blocks)
        values = statistic(sum(drawn, np.zeros((resamples, sums.shape[1]))))
        # A resample without any denominator has no value; it says nothing about the statistic's spread.
        self._values = np.sort(values[np.isfinite(values)])
        centre = statistic(sums.sum(axis=0))
        # Ties count half, so that a discrete statistic is not taken for a biased one.
        self._bias = float(ndtri(self._share_below(float(centre))))
        left_out = statistic(sums.sum(axis=0) - sums)
        parts = [left_out[block][np.isfinite(left_out[block])] for block in blocks]
        deviations = np.concatenate([part.mean() - part for part in parts if len(part)])
        spread = float(np.sum(deviations**2))
        self._acceleration = float(np.sum(deviations**3)) / (6 * spread**1.5) if spread > 0 else 0.0

    @property
    def error(self) -> float:
        """Standard error, with the variance that a bootstrap of few clusters falls short by."""
        if not len(self._values):
            return math.nan
        return float(self._values.std()) * math.sqrt(self._clusters / (self._clusters - 1))

    def all_beyond(self, null: float) -> bool:
        """Whether all resamples lie on one side of it."""
        return bool(len(self._values)) and not self._values[0] <= null <= self._values[-1]

    def _share_below(self, value: float) -> float:
        below = np.searchsorted(self._values, value, "left")
        through = np.searchsorted(self._values, value, "right")
        return float((below + through + 1) / (2 * len(self._values) + 2))

    def interval(self, level: float) -> tuple[float, float]:
        from scipy.special import ndtr
        from scipy.stats import t

        # Widened percentiles: t instead of z, and the bootstrap's variance is short by (n - 1) / n.
        reach = float(t.ppf((1 + level) / 2, self._clusters - 1)) * np.sqrt(self._clusters / (self._clusters - 1))
        ends = []
        for side in (-reach, reach):
            shifted = self._bias + side
            level_there = ndtr(self._bias + shifted / (1 - self._acceleration * shifted))
            ends.append(float(np.quantile(self._values, level_there)))
        return ends[0], ends[1]

    def p(self, null: float) -> float:
        """Two-sided p of ``null``: the level at which the interval's end would lie on it."""
        from scipy.special import ndtri
        from scipy.stats import t

        gap = float(ndtri(self._share_below(null))) - self._bias
        side = gap / (1 + self._acceleration * gap) - self._bias
        return float(2 * t.sf(abs(side) * np.sqrt((self._clusters - 1) / self._clusters), self._clusters - 1))


def _resampled_totals(sums: Floats, rng: np.random.Generator, resamples: int) -> Floats:
    """Totals of ``resamples`` draws of as many clusters as there are, with replacement: ``resamples parts``."""
    clusters, parts = sums.shape
    totals = np.empty((resamples, parts))
    known = _few_kinds(sums) if clusters >= _MANY_CLUSTERS else None
    step = max(1, _CHUNK_CELLS // clusters)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, clusters, (rows, clusters), dtype=np.int32)
        if known is not None:  # sums of whole numbers are exact in any order
            kinds, kind_of = known
            for row in range(rows):
                totals[start + row] = np.bincount(kind_of[drawn[row]], minlength=len(kinds)) @ kinds
            continue
        for part in range(parts):
            totals[start : start + rows, part] = sums[:, part][drawn].sum(axis=1)
    return totals


def _few_kinds(sums: Floats) -> tuple[Floats, NDArray[np.uint8]] | None:
    """(the different rows, which of them each cluster has), where these are few and whole numbers that add without
    rounding: right and wrong answers, say. Else None."""
    if not np.array_equal(sums, np.rint(sums)) or len(sums) * float(np.abs(sums).max()) >= 2.0**53:
        return None
    codes = np.zeros(len(sums), np.int64)
    for part in sums.T:
        values, places = np.unique(part, return_inverse=True)
        if len(values) > _KINDS:
            return None
        codes = codes * len(values) + places
    _, first, kind_of = np.unique(codes, return_index=True, return_inverse=True)
    return (sums[first], kind_of.astype(np.uint8)) if len(first) <= _KINDS else None


# --------------------------------------------------------------------------------------- sets: delete-a-group jackknife


def jackknife_groups(clusters: Sequence[str], *, seed: int = 0, groups: int = GROUPS) -> NDArray[np.int64] | None:
    """The group of each case, or None where there are fewer clusters than groups.

    Clusters are dealt to groups in the order of a seeded hash of their names: the result depends neither on the order
    of the cases nor on what was measured, so two models asked the same cases fall into the same groups, and groups
    differ by at most one cluster.
    """
    names = sorted(set(clusters), key=lambda name: (seed_for("jackknife", seed, name), name))
    if len(names) < groups:
        return None
    group_of = {name: place % groups for place, name in enumerate(names)}
    return np.array([group_of[name] for name in clusters], dtype=np.int64)


def leave_one_out(states: Sequence[Any]) -> list[Any]:
    """For each state the sum of all others, by additions only (statistics add; they need not subtract)."""
    after: list[Any] = [None] * len(states)
    running: Any = None
    for place in range(len(states) - 1, -1, -1):
        after[place] = running
        running = states[place] if running is None else states[place] + running
    sums, before = [], None
    for place, state in enumerate(states):
        pieces = [piece for piece in (before, after[place]) if piece is not None]
        sums.append(pieces[0] + pieces[1] if len(pieces) == 2 else pieces[0])
        before = state if before is None else before + state
    return sums


@dataclass(frozen=True)
class Jackknife:
    """A set's value, and one score per group left out. The scores' mean is the value and their spread its error.

    They are pseudo-values for groups of unequal size (Busing, Meijer and van der Leeden 1999, "Delete-m jackknife for
    unequal m"), scaled so that mean and standard error are those of a plain sample. So whatever compares two models
    case by case can also compare them group by group.
    """

    value: float
    scores: Floats

    @classmethod
    def of(
        cls,
        states: Sequence[Any],
        sizes: Sequence[int],
        value: Callable[[Any], float],
        sides: Sequence[str] | None = None,
    ) -> Jackknife:
        """From one state per group; ``sizes`` are the cases in each, all > 0. Calls ``value`` once per group and once
        for all. Groups of different ``sides`` are parts of independent sets, whose variances add."""
        whole = value(_total(states))
        left_out = np.array([value(state) for state in leave_one_out(states)])
        counts, of = np.asarray(sizes, dtype=np.float64), np.asarray(sides or [""] * len(states))
        gaps = np.empty(len(states))
        for side in np.unique(of):
            here, groups = of == side, int(np.sum(of == side))
            same_spread = np.sqrt(len(of) * (len(of) - 1) / (groups * (groups - 1)))
            gaps[here] = same_spread * _pseudo_gaps(whole, left_out[here], counts[here] / counts[here].sum())
        return cls(whole, whole + gaps)


def _pseudo_gaps(whole: float, left_out: Floats, share: Floats) -> Floats:
    """By how much each group's pseudo-value differs from their mean."""
    pseudo = whole / share - (1 / share - 1) * left_out
    centre = len(left_out) * whole - float(np.sum((1 - share) * left_out))
    scaled = (pseudo - centre) * np.sqrt((len(share) - 1) / (1 / share - 1))
    return np.asarray(scaled - scaled.mean())


def jackknife_interval(jackknife: Jackknife, *, level: float = 0.95) -> Interval:
    """A t interval over groups, about the value at this number of cases: a bias with N is not corrected for here."""
    reach, groups = _t_reach(jackknife.scores, level), len(jackknife.scores)
    method = f"delete-a-group jackknife, {groups} groups, t"
    return Interval(jackknife.value, jackknife.value - reach, jackknife.value + reach, method)


def jackknife_difference(first: Jackknife, second: Jackknife, *, level: float = 0.95) -> Difference:
    """First minus second, paired by group: the same cases must be in the same groups on both sides."""
    from scipy.stats import t

    gaps = first.scores - second.scores
    whole, groups = first.value - second.value, len(gaps)
    error = float(gaps.std(ddof=1)) / math.sqrt(groups)
    p = float(2 * t.sf(abs(whole) / error, groups - 1)) if error > 0 else float(whole == 0)
    reach = _t_reach(gaps, level)
    method = f"paired delete-a-group jackknife, {groups} groups, t"
    return Difference(whole, whole - reach, whole + reach, p, method, groups, error)


def _total(states: Sequence[Any]) -> Any:
    total = states[0]
    for state in states[1:]:
        total = total + state
    return total


# ---------------------------------------------------------------------------------------------- training seeds


def t_interval(values: Sequence[float], *, level: float = 0.95) -> Interval:
    """The mean over training seeds with a t interval. Fewer than three seeds: *undetermined*, no interval.

    Examples:
        >>> t_interval([0.336, 0.337, 0.340]).method
        't interval over 3 training seeds'
        >>> t_interval([0.336]).method
        'undetermined: 1 training seed, 3 needed'
    """
    data = np.asarray(values, dtype=np.float64)
    if data.size == 0:
        raise ValueError("a mean over no seed at all")
    mean = float(data.mean())
    if data.size < FEWEST_SEEDS:
        plural = "s" if data.size > 1 else ""
        return Interval(mean, None, None, f"undetermined: {data.size} training seed{plural}, {FEWEST_SEEDS} needed")
    reach = _t_reach(data, level)
    return Interval(mean, mean - reach, mean + reach, f"t interval over {data.size} training seeds")


def _t_reach(sample: Floats, level: float) -> float:
    """Half the width of a t interval of the sample's mean."""
    from scipy.stats import t

    return float(t.ppf((1 + level) / 2, len(sample) - 1)) * float(sample.std(ddof=1)) / float(np.sqrt(len(sample)))


def seed_contrast(groups: Sequence[Sequence[float]], weights: Sequence[float], *, level: float = 0.95) -> Difference:
    """The sum of the groups' means times their weights, unpaired: each group holds a value per training seed.

    Student's t with Welch and Satterthwaite's degrees of freedom, which for two groups of weights 1 and -1 is Welch's
    t (Welch 1947). Fewer than three seeds in a group: *undetermined*, no interval. Raises ValueError for an empty one.

    Examples:
        >>> found = seed_contrast([[0.340, 0.336, 0.337], [0.289, 0.283, 0.286]], [1, -1])
        >>> f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}] p {found.p:.0e}"
        '0.0517 [0.0455, 0.0578] p 4e-05'
        >>> seed_contrast([[0.340], [0.289, 0.283, 0.286]], [1, -1]).method
        'undetermined: 1 and 3 training seeds, 3 of each needed'
    """
    from scipy.stats import t

    data = [np.asarray(group, dtype=np.float64) for group in groups]
    if not all(group.size for group in data):
        raise ValueError("a mean over no seed at all")
    seeds = sum(group.size for group in data)
    value = float(sum(weight * group.mean() for weight, group in zip(weights, data, strict=True)))
    counts = " and ".join(str(group.size) for group in data)
    if min(group.size for group in data) < FEWEST_SEEDS:
        method = f"undetermined: {counts} training seeds, {FEWEST_SEEDS} of each needed"
        return Difference(value, None, None, None, method, seeds)
    parts = [weight**2 * float(group.var(ddof=1)) / group.size for weight, group in zip(weights, data, strict=True)]
    method = f"Welch's t over {counts} training seeds"
    if sum(parts) == 0:
        return Difference(value, value, value, float(value == 0), method, seeds, 0.0)
    free = sum(parts) ** 2 / sum(part**2 / (group.size - 1) for part, group in zip(parts, data, strict=True))
    error = float(np.sqrt(sum(parts)))
    reach = float(t.ppf((1 + level) / 2, free)) * error
    p = float(2 * t.sf(abs(value) / error, free))
    return Difference(value, value - reach, value + reach, p, method, seeds, error)


# ---------------------------------------------------------------------------------------------- many comparisons


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: adjusted p in the order given, for the family-wise error.

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return [float(value) for value in adjusted]

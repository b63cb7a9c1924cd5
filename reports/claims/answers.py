"""What stored runs say of a claim: supported, refuted or undetermined, with effect, interval, n and the runs.

Supported: the interval lies wholly beyond the margin on the claim's side; refuted: wholly on the other side of 0. A
claim about kinds of tokenizers takes the training seed as its unit, at least three on each side, unpaired: Welch's t,
for several terms with Welch and Satterthwaite's degrees of freedom. A claim about checkpoints takes cases, paired.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from harness.statistics import FEWEST_SEEDS
from reports.claims.populations import Trained, cells, meant, usable
from reports.claims.statements import Claim
from reports.comparing.differences import RatioPairs, difference, is_within_strata, shared_cases, unlike
from reports.reading.runs import Run
from reports.scaling.design import Refusal, levels, refuse_size
from reports.scaling.lines import power_law
from reports.scaling.trainings import Training, one_stage, trained_alike, trainings
from reports.tables.numbers import plain, with_unit_prefix

if TYPE_CHECKING:
    from harness.statistics import Difference

Verdict = Literal["supported", "refuted", "undetermined"]


@dataclass(frozen=True)
class Answer:
    """``value``: the effect, in ``unit``; ``n`` counts it in the claim's unit, in words; ``why``: of an undetermined
    one what is missing. ``sizes``: parameters of the models, as far as they are stated."""

    claim: Claim
    verdict: Verdict
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: str = ""
    method: str = ""
    why: str = ""
    label: str = ""
    unit: str = ""
    runs: tuple[tuple[Run, ...], ...] = ()
    sizes: tuple[float, ...] = ()


def answer(claim: Claim, runs: Sequence[Run]) -> Answer:
    """What the runs say of the claim."""
    mine = usable(runs, claim)
    lacking = [term for term in claim.terms if not meant(mine, term, claim.metric)]
    if lacking:
        whom = " and ".join(dict.fromkeys(map(str, lacking)))
        return Answer(claim, "undetermined", why=f"not measured for {whom}: {claim.measured_by}")
    tests = {"welch": _welch, "paired": _paired, "interval": _interval, "exponent": _trend, "slope": _trend}
    return tests[claim.test](claim, mine)


def judged(claim: Claim, low: float, high: float) -> tuple[Verdict, str]:
    """(the verdict of an interval, why it is undetermined)."""
    side = 1.0 if claim.side == "above" else -1.0
    nearest, farthest = sorted((side * low, side * high))
    if nearest > claim.margin:
        return "supported", ""
    if farthest < 0:
        return "refuted", ""
    inside = nearest > 0 and claim.margin > 0
    return "undetermined", "the effect is shown, but not that it exceeds the margin" if inside else ""


def _judged(claim: Claim, found: Difference, n: str, groups: Sequence[Sequence[Run]], why: str = "") -> Answer:
    """The answer that a difference gives; ``why`` is what it lacks, if anything."""
    first = groups[0][0]
    estimate = first.estimate(claim.metric)
    base = Answer(
        claim,
        "undetermined",
        value=found.value,
        n=n,
        method=found.method,
        label=first.metric(claim.metric).label or claim.metric,
        unit=estimate.unit if estimate is not None else "",
        runs=tuple(map(tuple, groups)),
        sizes=tuple(sorted({Trained.of(run).parameters for group in groups for run in group} - {0.0})),
    )
    if found.low is None or found.high is None or not math.isfinite(found.high - found.low):
        return replace(base, why=why or found.method)
    verdict, reason = judged(claim, found.low, found.high)
    return replace(base, verdict=verdict, low=found.low, high=found.high, why=why or reason)


# ------------------------------------------------------------------------------------------------ training seeds


def _welch(claim: Claim, runs: Sequence[Run]) -> Answer:
    from harness.statistics import seed_contrast

    places = cells(runs, claim)
    if not places:
        why = f"no size and stage of training at which all have a seed by one protocol: {claim.measured_by}"
        return Answer(claim, "undetermined", why=why)
    best = places[0]
    sides = list(zip(claim.terms, best.of, strict=True))
    values = [[one.value(term.metric or claim.metric) for one in group.values()] for term, group in sides]
    found = seed_contrast(values, [term.weight for term in claim.terms])
    counts = " and ".join(str(len(group)) for group in best.of)
    few = [f"{term}: {len(group)}" for term, group in sides if len(group) < FEWEST_SEEDS]
    why = ""
    if few:
        why = f"{FEWEST_SEEDS} seeds of each are needed ({'; '.join(few)}): {claim.measured_by}"
    at = f" of {with_unit_prefix(best.parameters)} parameters" if best.parameters else ""
    groups = [[one.run for one in group.values()] for group in best.of]
    return _judged(claim, found, f"{counts} training seeds{at}", groups, why)


# ------------------------------------------------------------------------------------------------ cases


def _interval(claim: Claim, runs: Sequence[Run]) -> Answer:
    """Of the checkpoint that saw most tokens, with most cases."""
    from harness.statistics import Difference

    run = max(meant(runs, claim.terms[0], claim.metric), key=_weight)
    estimate = run.estimate(claim.terms[0].metric or claim.metric)
    assert estimate is not None and estimate.value is not None
    found = Difference(estimate.value, estimate.low, estimate.high, None, estimate.method, estimate.scored)
    return _judged(claim, found, f"{estimate.scored:,} cases", [[run]])


def _paired(claim: Claim, runs: Sequence[Run]) -> Answer:
    """Of the two checkpoints that saw most tokens, of those that may be compared."""
    one, two = claim.terms
    ours, theirs = meant(runs, one, claim.metric), meant(runs, two, claim.metric)
    first, second = one.metric or claim.metric, two.metric or claim.metric
    if first != second:
        both = [run for run in ours if run in theirs]
        if not both:
            return Answer(claim, "undetermined", why=f"no run has both metrics: {claim.measured_by}")
        run = max(both, key=_weight)
        found = _within(run, first, second)
        if found is None:
            return Answer(claim, "undetermined", why=f"{first} and {second} cannot be paired: they share no cases")
        return _judged(claim, found, _counted(shared_cases(run, run, first)[0], found.pairs), [[run]])
    alike = [(a, b) for a in ours for b in theirs if a is not b and _alike(a, b)]
    if not alike:
        return Answer(claim, "undetermined", why=f"no two runs of one size and stage of training: {claim.measured_by}")
    alike.sort(key=lambda pair: (min(map(_weight, pair)), pair[0].key, pair[1].key), reverse=True)
    pairs = [pair for pair in alike if not unlike(*pair, first)]
    if not pairs:
        return Answer(claim, "undetermined", why=f"{unlike(*alike[0], first)}: {claim.measured_by}")
    a, b = pairs[0]
    told = difference(a, b, first)
    if told is None:
        return Answer(claim, "undetermined", why="no stored scores to pair: measure again")
    return _judged(claim, told, _counted(shared_cases(a, b, first)[0], told.pairs), [[a], [b]])


def _within(run: Run, first: str, second: str) -> Difference | None:
    """One metric minus another on the same cases of one run."""
    ours, theirs = run.scores.get(first), run.scores.get(second)
    if ours is None or theirs is None or ours.jackknife or theirs.jackknife:
        return None
    pairs = RatioPairs.of(ours, theirs, is_within_strata(run.estimate(first)))
    return None if pairs is None else pairs.difference()


def _counted(cases: int, clusters: int) -> str:
    return f"{cases:,} cases" + (f" in {clusters:,} groups" if clusters != cases else "")


def _weight(run: Run) -> tuple[float, int]:
    return Trained.of(run).tokens, run.measure.size if run.measure else 0


def _alike(one: Run, two: Run) -> bool:
    """Whether two checkpoints are of one size and stage; what states neither is."""
    ours, theirs = Trained.of(one), Trained.of(two)
    sizes = sorted((ours.parameters, theirs.parameters))
    return (ours.stage, ours.share) == (theirs.stage, theirs.share) and sizes[1] <= 1.1 * sizes[0]


# ------------------------------------------------------------------------------------------------ trends


def _trend(claim: Claim, runs: Sequence[Run]) -> Answer:
    """The exponent a of A / N^a, or the slope per tenfold N, over trainings that saw equally many tokens."""
    own = meant(runs, claim.terms[0], claim.metric)
    points = one_stage(trainings(own, claim.metric))
    alike = trained_alike(points) or points
    refused: Refusal | None = refuse_size(alike)
    found = None if refused else (_exponent(alike) if claim.test == "exponent" else _slope(alike))
    if found is None:
        why = str(refused) if refused else "its values have no logarithm, or are all the same"
        return Answer(claim, "undetermined", why=f"{why}: {claim.measured_by}")
    keys = {one.run for one in alike}
    sizes = len(levels([one.parameters for one in alike]))
    return _judged(claim, found, f"{len(alike)} trainings of {sizes} sizes", [[run for run in own if run.key in keys]])


def _exponent(alike: Sequence[Training]) -> Difference | None:
    from harness.statistics import Difference

    line = power_law([(one.parameters, one.value.y) for one in alike])
    if line is None:
        return None
    return Difference(-line.exponent, -line.high, -line.low, None, "a of A / N^a, Student's t", len(alike))


def _slope(alike: Sequence[Training]) -> Difference | None:
    from scipy import stats

    from harness.statistics import Difference

    fit = stats.linregress([math.log10(one.parameters) for one in alike], [one.value.y for one in alike])
    half = float(stats.t.ppf(0.975, len(alike) - 2) * fit.stderr)
    slope = float(fit.slope)
    if not math.isfinite(half):
        return None
    return Difference(slope, slope - half, slope + half, None, "rise per tenfold N, Student's t", len(alike))


def effect(found: Answer) -> str:
    """The effect and its interval with signs, or "" where there is none."""
    if found.value is None:
        return ""
    from reports.tables.numbers import show

    value, interval = show(found.value, found.low, found.high)
    sign = "+" if found.value > 0 else ""
    unit = f" {found.unit}" if found.unit and found.claim.test not in ("exponent",) else ""
    return f"{sign}{value} {interval}".strip() + unit


def wanted(claim: Claim) -> str:
    """Where the effect must lie: ``above 0.05``."""
    edge = claim.margin if claim.side == "above" else -claim.margin
    return f"{claim.side} {plain(edge)}"

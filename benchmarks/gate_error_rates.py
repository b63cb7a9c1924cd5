"""How often the gate is wrong, by simulation from stored pairs of runs.

    python benchmarks/gate_error_rates.py NEW OLD [NEW OLD ...] [--trials 500] [--seed 0] [--policy FILE]

Each NEW and OLD is a run folder, or what ``ddtbench regress`` takes. They should differ in nothing but the sampling
seed, so that their paired differences are those of no change; of answers that do not depend on the seed, two
neighbouring checkpoints stand in, whose differences scatter more.

NEW's scores are moved to OLD's value first. A trial draws, for each gated metric, as many clusters as there are, with
replacement (within strata where the metric's own interval is), and swaps NEW and OLD of each at random, so that nothing
has changed on average. Of a metric of a set
the shares of cases are drawn so; jackknife groups are swapped only. Then NEW loses exactly the margin: right answers
become wrong at random where high is better and scores are not negative, else all of its scores are shifted. Both are
judged as ``ddtbench regress`` judges, Holm over the blocking metrics included, of which only the one in question lost.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness.errors import UserError
from harness.statistics import Difference
from reports.comparing.differences import (
    RatioPairs,
    grouped_difference,
    is_shared,
    is_within_strata,
    scale_of,
    shared_difference,
)
from reports.gating.judge import Row, judge_sides
from reports.gating.policy import Policy, read_policy
from reports.gating.sides import Side, read_side
from reports.gating.verdict import Damage, corrected, judge
from reports.reading.runs import CaseScores

RESAMPLES = 500


@dataclass(frozen=True)
class Pair:
    """The stored scores of one gated metric on the cases that both have, in one order."""

    row: Row
    new: CaseScores
    old: CaseScores
    kind: str
    within_strata: bool
    scale: object = None

    @property
    def cases(self) -> int:
        return len(self.new.cases)


def pairs_of(new: Side, old: Side, policy: Policy) -> list[Pair]:
    """A pair for each metric that the gate judges, and that has stored scores."""
    found = []
    for row in judge_sides(new, old, policy).rows:
        ours, theirs = new.of_task(row.task), old.of_task(row.task)
        if ours is None or theirs is None or row.damage is None or row.damage.high is None:
            continue
        first, second = ours.scores[row.metric], theirs.scores[row.metric]
        _, left, right = np.intersect1d(first.cases, second.cases, return_indices=True)
        estimate = ours.estimate(row.metric)
        kind = "groups" if first.jackknife else "shares" if estimate and is_shared(estimate) else "ratio"
        scale = scale_of(ours, theirs, row.metric) if kind == "ratio" else None
        pair = Pair(row, _taken(first, left), _taken(second, right), kind, is_within_strata(estimate), scale)
        found.append(_alike_on_average(pair))
    return found


def _alike_on_average(pair: Pair) -> Pair:
    """NEW's scores moved to OLD's value: what is left is how single cases differ."""
    new, old = (float(scores.numerators.sum() / scores.denominators.sum()) for scores in (pair.new, pair.old))
    scaled = pair.kind == "ratio" and new > 0 and old > 0
    moved = pair.new.numerators * (old / new) if scaled else pair.new.numerators + (old - new) * pair.new.denominators
    return replace(pair, new=replace(pair.new, numerators=moved))


def _taken(
    scores: CaseScores, places: np.ndarray, cases: np.ndarray | None = None, suffix: Sequence[str] = ()
) -> CaseScores:
    """These cases; drawn twice they are cases and clusters of their own."""
    names, groups = scores.cases[places], scores.groups[places]
    if len(suffix):
        names, groups = np.char.add(names.astype(str), suffix), np.char.add(groups.astype(str), suffix)
    return CaseScores(names, groups, scores.strata[places], scores.numerators[places], scores.denominators[places])


def nothing_changed(pair: Pair, rng: np.random.Generator) -> tuple[CaseScores, CaseScores]:
    """Clusters drawn anew, NEW and OLD of each swapped at random."""
    clusters, index = np.unique(pair.new.groups, return_inverse=True)
    if pair.kind == "groups":
        places, suffix, of = np.arange(pair.cases), (), index
    else:
        places, suffix, of = _drawn(pair, clusters, index, rng)
    swap = (rng.random(int(of.max()) + 1) < 0.5)[of]
    first, second = _taken(pair.new, places, suffix=suffix), _taken(pair.old, places, suffix=suffix)
    return _mixed(first, second, swap), _mixed(second, first, swap)


def _drawn(
    pair: Pair, clusters: np.ndarray, index: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(places of the cases, a suffix that tells draws apart, the draw of each)."""
    stratum = np.full(len(clusters), "", dtype=object)
    if pair.within_strata:
        stratum[index] = pair.new.strata
    members = np.split(np.argsort(index, kind="stable"), np.cumsum(np.bincount(index))[:-1])
    drawn = np.concatenate(
        [rng.choice(np.flatnonzero(stratum == name), int(np.sum(stratum == name))) for name in sorted(set(stratum))]
    )
    places = np.concatenate([members[cluster] for cluster in drawn])
    of = np.repeat(np.arange(len(drawn)), [len(members[cluster]) for cluster in drawn])
    return places, np.array([f"#{number}" for number in of]), of


def _mixed(first: CaseScores, second: CaseScores, swap: np.ndarray) -> CaseScores:
    return replace(
        first,
        numerators=np.where(swap, second.numerators, first.numerators),
        denominators=np.where(swap, second.denominators, first.denominators),
    )


def lost_the_margin(pair: Pair, new: CaseScores, rng: np.random.Generator) -> CaseScores:
    """NEW with its value worse by the margin, on average."""
    tops, margin = new.numerators, pair.row.margin
    value = float(tops.sum() / new.denominators.sum())
    if pair.row.direction == "higher" and (tops >= 0).all() and value > margin and pair.kind == "ratio":
        return replace(new, numerators=tops * (rng.random(len(tops)) >= margin / value))
    sign = -1.0 if pair.row.direction == "higher" else 1.0
    return replace(new, numerators=tops + sign * margin * new.denominators)


def difference(pair: Pair, new: CaseScores, old: CaseScores, seed: int) -> Difference | None:
    """As the gate takes it, with fewer resamples."""
    if pair.kind == "groups":
        return grouped_difference(new, old)
    if pair.kind == "shares":
        return shared_difference(new, old)
    pairs = RatioPairs.of(new, old, pair.within_strata)
    return None if pairs is None else pairs.difference(pair.scale, seed=seed, resamples=RESAMPLES)  # type: ignore[arg-type]


@dataclass
class Rates:
    """How often, of the trials: per metric, and over the family."""

    pairs: Sequence[Pair]
    trials: int
    unchanged: list[dict[str, int]]
    lost: list[dict[str, int]]
    any_regressed: int = 0
    all_hold: int = 0

    def share(self, place: int, kind: str, verdict: str) -> float:
        return getattr(self, kind)[place].get(verdict, 0) / self.trials


def simulate(pairs: Sequence[Pair], trials: int, seed: int = 0) -> Rates:
    """``trials`` gates in which nothing changed, and as many in which each metric alone lost its margin."""
    rng = np.random.default_rng(seed)
    rates = Rates(pairs, trials, [{} for _ in pairs], [{} for _ in pairs])
    family = [pair.row.tier == "blocks" for pair in pairs]
    for trial in range(trials):
        calm, worse = [], []
        for pair in pairs:
            new, old = nothing_changed(pair, rng)
            direction = "higher" if pair.row.direction == "higher" else "lower"
            for found, scores in ((calm, new), (worse, lost_the_margin(pair, new, rng))):
                gap = difference(pair, scores, old, seed=trial)
                found.append(None if gap is None else Damage.of(gap, direction))
        verdicts = _verdicts(pairs, calm, family)
        for counts, verdict in zip(rates.unchanged, verdicts, strict=True):
            counts[verdict] = counts.get(verdict, 0) + 1
        blocking = [verdict for verdict, blocks in zip(verdicts, family, strict=True) if blocks]
        rates.any_regressed += "regressed" in blocking
        rates.all_hold += all(verdict == "holds" for verdict in blocking)
        for place, counts in enumerate(rates.lost):
            verdict = _verdicts(pairs, [*calm[:place], worse[place], *calm[place + 1 :]], family)[place]
            counts[verdict] = counts.get(verdict, 0) + 1
    return rates


def _verdicts(pairs: Sequence[Pair], damages: Sequence[Damage | None], family: Sequence[bool]) -> list[str]:
    p_values = corrected([damage.p if damage else None for damage in damages], family)
    return [judge(damage, pair.row.margin, p) for pair, damage, p in zip(pairs, damages, p_values, strict=True)]


def table(rates: Rates) -> str:
    """Markdown."""
    lines = [
        "| task | metric | cases | margin | regressed, no change | holds, no change | holds, margin lost | "
        "regressed, margin lost |",
        "|:--|:--|--:|--:|--:|--:|--:|--:|",
    ]
    for place, pair in enumerate(rates.pairs):
        row = pair.row
        shares = [
            rates.share(place, kind, verdict)
            for kind, verdict in (
                ("unchanged", "regressed"),
                ("unchanged", "holds"),
                ("lost", "holds"),
                ("lost", "regressed"),
            )
        ]
        words = " | ".join(f"{100 * share:.1f} %" for share in shares)
        name = row.label if row.tier == "blocks" else f"{row.label} ({row.tier})"
        lines.append(f"| {row.task} | {name} | {row.cases:,} | {row.margin:.3g} | {words} |")
    share = 100 / rates.trials
    lines.append(f"| all that block | | | | {share * rates.any_regressed:.1f} % | {share * rates.all_hold:.1f} % | | |")
    return "\n".join(lines)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="How often the gate is wrong, from stored pairs of runs.")
    parser.add_argument("sides", nargs="+", metavar="NEW OLD")
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--policy", default="", help="as of regress; default: as the metrics say")
    asked = parser.parse_args()
    if len(asked.sides) % 2:
        print("name an OLD for each NEW", file=sys.stderr)
        return 2
    pairs: list[Pair] = []
    try:
        policy = read_policy(Path(asked.policy)) if asked.policy else Policy()
        for new, old in zip(asked.sides[::2], asked.sides[1::2], strict=True):
            pairs += pairs_of(read_side(new), read_side(old), policy)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(table(simulate(pairs, asked.trials, asked.seed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

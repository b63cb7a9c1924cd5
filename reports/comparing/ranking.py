"""Who may be ranked, who is best, and whom the data cannot tell from the best.

Two numbers are ranked together only if their protocols are equal: fingerprint, version of the metric and set of cases.
Controls and runs with more than 1 % of their cases failed take no part. The best of a column is tested against each
other model; the p values of all columns of a table are corrected together (Holm).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from reports.comparing.paired import LEVEL, Comparison, compare, holm
from reports.comparing.protocols import protocol_of
from reports.reading.runs import Run

FAILED_LIMIT = 0.01
INTERVALS_NOTE = "no stored scores to pair: models count as apart only where their 95 % intervals do not touch"


@dataclass(frozen=True)
class Group:
    """Runs whose numbers share one protocol."""

    letter: str
    keys: tuple[str, ...]
    protocol: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True)
class Ranking:
    """(run key, metric) -> mark, and what to know about a column's ranking."""

    marks: Mapping[tuple[str, str], Literal["best", "tied"]]
    caveats: Mapping[str, str]

    def mark(self, key: str, metric: str) -> Literal["", "best", "tied"]:
        return self.marks.get((key, metric), "")


def protocol_groups(runs: Sequence[Run], metric: str) -> list[Group]:
    """The runs that measured ``metric``, by protocol, the largest group first."""
    found: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for run in runs:
        estimate = run.estimate(metric)
        if estimate is None or estimate.value is None:
            continue
        protocol = protocol_of(run, estimate)
        found.setdefault(json.dumps(protocol, sort_keys=True, default=str), (protocol, []))[1].append(run.key)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1][1]), item[0]))
    return [
        Group(chr(ord("A") + place % 26), tuple(keys), protocol) for place, (_, (protocol, keys)) in enumerate(ordered)
    ]


def rank(runs: Sequence[Run], metrics: Sequence[str]) -> Ranking:
    """Best and not separable from best, per metric and protocol group."""
    return rank_together([(runs, metrics)])


def rank_together(blocks: Sequence[tuple[Sequence[Run], Sequence[str]]]) -> Ranking:
    """As ``rank`` for runs and metrics of several tasks, whose p values are corrected together."""
    by_key = {run.key: run for runs, _ in blocks for run in runs}
    bests: list[tuple[str, str]] = []
    comparisons: dict[tuple[str, ...], Comparison] = {}
    for runs, metric in [(runs, name) for runs, metrics in blocks for name in metrics if not is_rate(runs, name)]:
        for group in protocol_groups(runs, metric):
            competing = [by_key[key] for key in group.keys if _competes(by_key[key], metric)]
            # where all are equal (all solve nothing, say) nobody is the best
            if len({_goodness(run, metric) for run in competing}) < 2:
                continue
            best = max(competing, key=lambda run: _goodness(run, metric))
            for other in competing:
                if _goodness(other, metric) == _goodness(best, metric):
                    bests.append((other.key, metric))
                else:
                    comparisons[metric, other.key] = compare(best, other, metric)
    corrected = holm({name: item.p for name, item in comparisons.items() if item.p is not None})
    marks: dict[tuple[str, str], Literal["best", "tied"]] = {name: "best" for name in bests}
    for name, item in comparisons.items():
        apart = corrected[name] < LEVEL if name in corrected else item.apart
        if not apart:
            marks[name[1], name[0]] = "tied"
    return Ranking(marks, _caveats(comparisons))


def is_rate(runs: Iterable[Run], metric: str) -> bool:
    """Whether it is what a model spends, not what it achieves: that stands beside the scores, and nobody wins by it."""
    return any(run.metric(metric).role != "score" for run in runs)


def _competes(run: Run, metric: str) -> bool:
    estimate = run.estimate(metric)
    usable = estimate is not None and estimate.value is not None and estimate.direction != "none"
    return usable and not run.control and run.failed_share <= FAILED_LIMIT


def _goodness(run: Run, metric: str) -> float:
    estimate = run.estimate(metric)
    assert estimate is not None and estimate.value is not None
    return estimate.value if estimate.direction == "higher" else -estimate.value


def _caveats(comparisons: Mapping[tuple[str, ...], Comparison]) -> dict[str, str]:
    caveats = {}
    for (metric, _), item in comparisons.items():
        if item.method == "intervals":
            caveats[metric] = INTERVALS_NOTE
        elif item.method == "too few cases":
            caveats[metric] = "too few cases in common for a paired test: nobody is called worse"
    return caveats

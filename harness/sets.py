"""The value of a set's metric, its interval, and scores to pair it by.

Where the metric shares its value out to the cases (``SharesItsValue``), the interval is made of these shares, and each
case's score is the value plus its share times the number of cases: their mean is the value. Elsewhere, and where shares
cannot be had, groups of clusters are left out in turn, and the scores are one pseudo-value each (``case`` =
``jackknife-07``).

**Two sets that are not paired.** Cases of a run whose task says so (``SETS``) are pictures of one side each, outputs or
references, told by their stratum. A metric that says ``unpaired`` gets them one side at a time: the column of the other
side is then empty. Shares or groups are taken of each side, and the variances add.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.contracts import Columns, HoldsFixed, SharesItsValue, traits_of
from harness.influences import Shares, share_interval
from harness.metrics import NotMeasured
from harness.statistics import GROUPS, Interval, Jackknife, jackknife_groups, jackknife_interval
from harness.store.stored_vectors import ROWS, in_memory, states_by_group, take

Floats = NDArray[np.float64]

SETS = "sets"
"""What a task's fingerprint says of them."""
UNPAIRED = "two, not paired"
SIDES = ("output", "reference")
JACKKNIFE_CASE = "jackknife-"
"""How the name of a jackknife group begins, where it stands in place of a case."""


def side_of(need: str) -> str:
    """The side that a column belongs to: ``output``, ``reference``, or "" for neither."""
    name = need.rpartition(".")[2]
    return next((side for side in SIDES if name.startswith(side)), "")


@dataclass(frozen=True)
class Sides:
    """The columns of the scored cases, and the side of each: "" where a case has both."""

    columns: Columns
    needs: Sequence[str]
    side: NDArray[np.str_]

    @classmethod
    def of(cls, columns: Columns, needs: Sequence[str], unpaired: bool) -> Sides:
        """Of two unpaired sets only the cases of the sides that are needed."""
        cases = len(columns["case"])
        if not unpaired:
            return cls(columns, needs, np.full(cases, ""))
        wanted = {side_of(need) for need in needs} - {""}
        side = np.asarray(columns["stratum"], dtype=str)
        rows = np.flatnonzero(np.isin(side, sorted(wanted or set(SIDES))))
        return cls(take(columns, rows), needs, side[rows])

    @property
    def names(self) -> list[str]:
        return sorted(set(self.side.tolist()))

    def part(self, side: str) -> Columns:
        """The cases of one side, without the columns of the other."""
        rows = np.flatnonzero(self.side == side)
        theirs = {need for need in self.needs if side and side_of(need) not in ("", side)}
        return take({name: values for name, values in self.columns.items() if name not in theirs}, rows)

    def empty(self, side: str) -> Columns:
        """The columns of the other side, without rows."""
        theirs = (need for need in self.needs if side and side_of(need) not in ("", side))
        return {need: np.zeros((0, *self.columns[need].shape[1:]), self.columns[need].dtype) for need in theirs}

    def with_column(self, need: str) -> Columns:
        """The cases that have this column."""
        side = side_of(need)
        return self.columns if not side or set(self.names) <= {"", side} else self.part(side)

    def whole(self) -> Columns:
        """All at once; of two unpaired sets each column has the rows of its side, and the others those of outputs."""
        if set(self.names) <= {""}:
            return self.columns
        first, second = self.part(SIDES[0]), self.part(SIDES[1])
        return {**second, **first}

    def blocks(self) -> Iterator[Columns]:
        """Some rows of one side at a time, in memory."""
        for side in self.names:
            part, empty = self.part(side), self.empty(side)
            for start in range(0, len(part["case"]), ROWS):
                rows = np.arange(start, min(start + ROWS, len(part["case"])))
                yield {**in_memory(take(part, rows)), **empty}


@dataclass(frozen=True)
class SetScores:
    """An interval, and rows (case, group, side, score)."""

    interval: Interval
    rows: Sequence[tuple[str, str, str, float]] = ()


def measure_set(
    metric: Any, sides: Sides, clusters: Mapping[str, str], side_of_case: Mapping[str, str], seed: int
) -> SetScores:
    """``clusters`` and ``side_of_case`` are of all cases that were asked, failed ones among them.

    Raises NotMeasured where two sets are not paired and the metric pairs them.
    """
    if len(sides.names) > 1 and not traits_of(metric).unpaired:
        raise NotMeasured("it compares each output with its own reference, and these two sets are not paired")
    if isinstance(metric, SharesItsValue):
        found = _by_shares(metric, sides)
        if found is not None:
            return found
    # A metric may hold something of all cases fixed (the references of precision and recall) while its groups vary.
    fixed = isinstance(metric, HoldsFixed)
    given: Any = metric.given(sides.whole()) if fixed else metric
    varying = sides.names[:1] if fixed else sides.names
    groups = {
        side: _groups(sides.part(side), {case: clusters[case] for case in clusters if side_of_case[case] == side}, seed)
        for side in varying
    }
    if not all(groups.values()):
        states = [_OneSide(given, sides.empty(side)).whole(sides.part(side)) for side in varying]
        return SetScores(Interval(float(given.value(_total(states))), None, None, _why_not(clusters)))
    states, names = [], []
    for side, parts in groups.items():
        states += _OneSide(given, sides.empty(side)).states(sides.part(side), [rows for _, rows in parts])
        names += [(name if side in ("", SIDES[0]) else name.replace("-", f"-{side}-"), side) for name, _ in parts]
    sizes = [len(rows) for parts in groups.values() for _, rows in parts]
    jackknife = Jackknife.of(states, sizes, given.value, [side for _, side in names])
    rows = [(name, name, side, score) for (name, side), score in zip(names, jackknife.scores.tolist(), strict=True)]
    return SetScores(jackknife_interval(jackknife), rows)


def _by_shares(metric: Any, sides: Sides) -> SetScores | None:
    """None where the metric cannot tell its shares, and for too few clusters to make anything of them."""
    clusters = (len(set(sides.part(side)["group"].tolist())) for side in sides.names)
    if min(clusters) < GROUPS:
        return None
    states = [_OneSide(metric, sides.empty(side)).whole(sides.part(side)) for side in sides.names]
    found = metric.influences(_total(states), sides.blocks)
    if found is None:
        return None
    order = np.concatenate([np.flatnonzero(sides.side == side) for side in sides.names])
    cases, groups = (np.asarray(sides.columns[name], dtype=str)[order] for name in ("case", "group"))
    shares = Shares.of(found.shares, groups.tolist(), sides.side[order].tolist())
    interval = share_interval(found.value, shares, found.twice)
    scores = found.value + found.shares * len(order)
    rows = zip(cases.tolist(), groups.tolist(), sides.side[order].tolist(), scores.tolist(), strict=True)
    return SetScores(interval, list(rows))


@dataclass(frozen=True)
class _OneSide:
    """A metric that is shown one side: the column of the other is empty."""

    metric: Any
    empty: Columns

    def state(self, columns: Columns) -> Any:
        return self.metric.state({**columns, **self.empty})

    def whole(self, columns: Columns) -> Any:
        return self.states(columns, [np.arange(len(columns["case"]))])[0]

    def states(self, columns: Columns, groups: Sequence[NDArray[np.int64]]) -> list[Any]:
        return states_by_group(self.state, columns, groups, traits_of(self.metric).streams)


def _groups(columns: Columns, clusters: Mapping[str, str], seed: int) -> list[tuple[str, NDArray[np.int64]]]:
    """(name, rows) of each group; none where there are too few clusters, or a group of which no case was scored."""
    known = sorted(set(clusters.values()))
    numbers = jackknife_groups(known, seed=seed)
    if numbers is None:
        return []
    number_of = dict(zip(known, numbers.tolist(), strict=True))
    group = np.array([number_of[name] for name in columns["group"]])
    if len(np.unique(group)) < GROUPS:
        return []
    return [(f"{JACKKNIFE_CASE}{number:02d}", np.flatnonzero(group == number)) for number in range(GROUPS)]


def _why_not(clusters: Mapping[str, str]) -> str:
    count = len(set(clusters.values()))
    why = f"{count} clusters" if count < GROUPS else "a jackknife group failed as a whole"
    return f"no interval: {why}, {GROUPS} groups needed"


def _total(states: Sequence[Any]) -> Any:
    total = states[0]
    for state in states[1:]:
        total = total + state
    return total

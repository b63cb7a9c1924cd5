"""Who is faster: programs that take turns in one run, so that what the machine does falls on all of them.

A ratio is that of two programs in the same round; its value is the median over rounds, its spread the lowest and the
highest round.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """A measured number with its spread over rounds."""

    value: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Ratio:
        """Median, lowest and highest.

        Examples:
            >>> Ratio.of([2.0, 1.0, 4.0])
            Ratio(value=2.0, low=1.0, high=4.0, rounds=3)
        """
        return cls(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True)
class Turns:
    """``seconds``: name -> its time in each round; ``values``: name -> what it returned last."""

    seconds: Mapping[str, Sequence[float]]
    values: Mapping[str, Any]

    def median(self, name: str) -> float:
        """Seconds."""
        return statistics.median(self.seconds[name])

    def fastest(self, names: Iterable[str]) -> str:
        """By the median, of those that took part to the end."""
        most = max(map(len, self.seconds.values()))
        return min((name for name in names if len(self.seconds[name]) == most), key=self.median)

    def time_of(self, ours: str, other: str) -> Ratio:
        """Our time over the other's, round by round: below 1 where we are faster."""
        return Ratio.of([one / two for one, two in zip(self.seconds[ours], self.seconds[other], strict=True)])

    def speed_of(self, ours: str, other: str) -> Ratio:
        """The other's time over ours: above 1 where we are faster."""
        return self.time_of(other, ours)

    def told(self) -> str:
        """A line for each program."""
        width = max(map(len, self.seconds))
        lines = [
            f"    {name:<{width}}  {self.median(name):9.4f} s  ({min(all_):.4f} to {max(all_):.4f})"
            for name, all_ in self.seconds.items()
        ]
        return "\n".join(lines)


def take_turns(
    calls: Mapping[str, Callable[[], Any]],
    rounds: int,
    *,
    warm: int = 1,
    budget: float = float("inf"),
    fewest: int = 3,
    behind: float = float("inf"),
    clock: Callable[[], float] = time.perf_counter,
) -> Turns:
    """Each program once a round, another first each time. ``warm`` rounds before are not counted; no round begins after
    ``budget`` seconds once there are ``fewest``. The first program is ours; of the others those that took ``behind``
    times as long as the fastest of them in the first round are out after it, since they will not be the fastest."""
    names = list(calls)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    values: dict[str, Any] = {}
    begun = time.perf_counter()
    for number in range(-warm, rounds):
        if number >= min(fewest, rounds) and time.perf_counter() - begun > budget:
            break
        if number == 1 and len(names) > 2:
            bound = behind * min(seconds[name][0] for name in names[1:])
            names = [name for name in names if name == names[0] or seconds[name][0] <= bound]
        first = number % len(names)
        for name in names[first:] + names[:first]:
            values.pop(name, None)
            gc.collect()
            start = clock()
            value = calls[name]()
            passed = clock() - start
            values[name] = value
            if number >= 0:
                seconds[name].append(passed)
    return Turns(seconds, values)

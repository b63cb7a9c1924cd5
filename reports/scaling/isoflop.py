"""Which size is best at equal compute: as measured at one compute (a parabola through log N), and by the law of both.

Hoffmann et al. 2022, arXiv 2203.15556, approach 2, and equation 4: N grows as C ** (b / (a + b)). The parabola is known
to be biased where sizes lie far from the best one (arXiv 2603.22339): the law of both is the better guide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.scaling.design import Refusal
from reports.scaling.lines import FEWEST_SIZES
from reports.scaling.trainings import Training, sizes
from reports.scaling.values import ISOFLOP, Fitted, Quantity
from reports.tables.numbers import with_unit_prefix

SAME_COMPUTE = 1.15
"""Runs whose compute differs by a smaller factor took as much."""
FLOPS_A_TOKEN = 6.0
"""Of training, for each parameter."""


@dataclass(frozen=True)
class Valley:
    """Runs of equal compute and three sizes or more: log value = parabola of log N. ``best`` is None where its lowest
    point lies outside the sizes."""

    flops: float
    of: tuple[Training, ...]
    curve: tuple[float, float, float]
    best: float | None

    def at(self, parameters: float) -> float:
        x = math.log(parameters)
        return math.exp(self.curve[0] * x * x + self.curve[1] * x + self.curve[2])


def valleys(own: Sequence[Training]) -> list[Valley]:
    """One for each compute at which three sizes or more were trained."""
    import numpy as np

    found = []
    waiting = sorted(own, key=lambda one: one.flops)
    while waiting:
        group = [one for one in waiting if one.flops < SAME_COMPUTE * waiting[0].flops]
        waiting = waiting[len(group) :]
        if sizes(one.parameters for one in group) < FEWEST_SIZES:
            continue
        x = np.log([one.parameters for one in group])
        square, slope, level = (float(part) for part in np.polyfit(x, np.log([one.value.y for one in group]), 2))
        lowest = -slope / (2 * square) if square > 0 else math.nan
        best = math.exp(lowest) if float(x.min()) <= lowest <= float(x.max()) else None
        flops = math.exp(math.fsum(math.log(one.flops) for one in group) / len(group))
        found.append(Valley(flops, tuple(group), (square, slope, level), best))
    return found


def isoflop_fits(family: str, own: Sequence[Training], both: Fitted) -> list[Fitted]:
    """How the best size grows with compute, by the law of both; and the best size at each compute that was measured."""
    found = []
    if both.drawn is not None:
        drawn = both.drawn
        grows = Quantity("N ~ C^", *drawn.interval(lambda law: law.exponents[1] / sum(law.exponents)))
        found.append(Fitted(ISOFLOP, family, (grows,), both.of, "by the law in N and D"))
    for valley in valleys(own):
        there = with_unit_prefix(valley.flops)
        if valley.best is None:
            why = f"at {there} FLOPs the best of the sizes trained is the last one"
            refused = Refusal(why, f"a size beyond it at {there} FLOPs would show the turn")
            found.append(Fitted(ISOFLOP, family, of=valley.of, refused=refused))
            continue
        best = Quantity(f"N at {there} FLOPs", valley.best, math.nan, math.nan)
        found.append(Fitted(ISOFLOP, family, (best,), valley.of, "parabola through the logarithms"))
    if not found:
        most = max(own, key=lambda one: one.flops)
        wanted = with_unit_prefix(most.flops)
        refused = Refusal("no compute was spent on three sizes", f"three sizes of {wanted} FLOPs each would")
        found.append(Fitted(ISOFLOP, family, of=tuple(own), refused=refused))
    return found

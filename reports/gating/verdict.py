"""From a paired difference and a margin to a verdict. Pure: it knows no run, no file and no metric.

The damage d is how much worse NEW is than OLD, in the metric's own unit, with its 95 % interval [l, u].

* **holds**: u < margin. A drop that is shown (l > 0) but lies inside the margin is marked.
* **regressed**: l > 0, not *holds*, and the p of the drop stays below 5 % after Holm's correction over the family.
* **cannot tell**: the rest, also where the data give no interval.
* **missing**: no number to judge.

Of a gate as a whole: regressed if a blocking metric is; else cannot tell if one is undecided or missing; else holds.
*Holds* needs no correction, since all of them must hold: to pass wrongly, every one that dropped must pass wrongly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.contracts.shown import Tier

if TYPE_CHECKING:
    from harness.statistics import Difference

Verdict = Literal["holds", "regressed", "cannot tell", "missing"]
LEVEL = 0.95
ALPHA = 0.05
REACH = 2.8
"""Standard errors of the smallest margin that is decided four times in five: 1.96 for the interval, 0.84 for 80 %."""


@dataclass(frozen=True)
class Damage:
    """How much worse NEW is, in the metric's own unit; below 0 it is better. ``p`` is that of a drop: 1 where there is
    none. ``low``, ``high``, ``p`` and ``error`` (the standard error) are None where the data cannot give them."""

    value: float
    low: float | None
    high: float | None
    p: float | None
    error: float | None = None
    pairs: int = 0
    method: str = ""

    @classmethod
    def of(cls, difference: Difference, direction: Literal["higher", "lower"]) -> Damage:
        """From NEW minus OLD."""
        sign = -1.0 if direction == "higher" else 1.0
        ends = (difference.low, difference.high) if sign > 0 else (difference.high, difference.low)
        low, high = (None if end is None or not math.isfinite(end) else sign * end + 0.0 for end in ends)
        value = sign * difference.value + 0.0
        p = difference.p if difference.p is None or value > 0 else 1.0
        return cls(value, low, high, p, difference.error, difference.pairs, difference.method)

    @property
    def shown(self) -> bool:
        """Whether the interval lies wholly on the side of a drop."""
        return self.low is not None and self.low > 0


def judge(damage: Damage | None, margin: float, p: float | None) -> Verdict:
    """``p`` is the damage's own, corrected over its family where it belongs to one.

    Examples:
        >>> judge(Damage(0.01, -0.01, 0.03, 0.4), 0.05, 0.4)
        'holds'
        >>> judge(Damage(0.09, 0.04, 0.14, 0.001), 0.05, 0.008)
        'regressed'
        >>> judge(Damage(0.04, -0.01, 0.09, 0.1), 0.05, 0.8)
        'cannot tell'
    """
    if damage is None:
        return "missing"
    if damage.high is not None and damage.high < margin:
        return "holds"
    if damage.shown and p is not None and p < ALPHA:
        return "regressed"
    return "cannot tell"


def overall(judged: Sequence[tuple[Tier, Verdict]]) -> Verdict:
    """Of a gate with at least one blocking metric. Raises ValueError where none blocks.

    Examples:
        >>> overall([("blocks", "holds"), ("blocks", "missing"), ("warns", "regressed")])
        'cannot tell'
    """
    blocking = [verdict for tier, verdict in judged if tier == "blocks"]
    if not blocking:
        raise ValueError("no metric of the gate blocks")
    if "regressed" in blocking:
        return "regressed"
    return "holds" if all(verdict == "holds" for verdict in blocking) else "cannot tell"


def corrected(p_values: Sequence[float | None], family: Sequence[bool]) -> list[float | None]:
    """Holm's correction over those that are of the family and have a p; the others keep theirs."""
    from harness.statistics import holm

    found = list(p_values)
    places = [place for place, p in enumerate(p_values) if p is not None and family[place]]
    for place, p in zip(places, holm([p for place in places if (p := p_values[place]) is not None]), strict=True):
        found[place] = p
    return found


def cases_needed(damage: Damage, cases: int, margin: float) -> int | None:
    """About how many cases would tell a checkpoint that changed nothing from one that lost the margin, four times in
    five; None where the data do not say."""
    if damage.error is None or damage.error <= 0 or margin <= 0:
        return None
    return math.ceil(cases * (REACH * damage.error / margin) ** 2)

"""What a metric may say of itself beside what its Protocol asks: ``traits``, one frozen value, and a few methods.

class Guessing:
    name, version, direction, unit, worst, needs = "guessing", 1, "higher", "", 0.0, ("number.right",)
    traits = MetricTraits(bounds=(0.0, 1.0), chance=0.25)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from harness.errors import UserError, nearest

if TYPE_CHECKING:
    from typing import Self

    from harness.contracts.stages import Columns


@dataclass(frozen=True)
class MetricTraits:
    """By default nothing special. An unknown keyword is a TypeError that names the nearest trait.

    ``bounds``: the lowest and the highest value; an interval is cut there. ``chance``: what a subject that knows
    nothing reaches, or the name of the metric of the same task that measures it. ``protocol``, JSON-able, joins the
    fingerprint of the estimates.

    Of a ratio: ``monotone`` is a rising function of the ratio that is shown in its place; ``within_strata`` resamples
    clusters within their stratum, and leaves out cases of no weight; without ``by_stratum`` it is not broken down, as
    befits a total. Of a set: ``unpaired`` says that outputs and references may be two sets of their own, which
    ``state`` is then shown one at a time, the column of the other empty; ``streams`` that its states do not grow with
    the cases, so that those of a large group may be summed over parts of it.
    """

    bounds: tuple[float, float] = (-math.inf, math.inf)
    chance: float | str | None = None
    protocol: Mapping[str, Any] = field(default_factory=dict)
    monotone: Callable[[float], float] | None = None
    within_strata: bool = False
    by_stratum: bool = True
    unpaired: bool = False
    streams: bool = False

    def __new__(cls, *_: Any, **stated: Any) -> Self:
        for name in stated:
            if name not in cls.__dataclass_fields__:
                raise TypeError(f"MetricTraits knows no '{name}'{nearest(name, cls.__dataclass_fields__)}")
        return super().__new__(cls)


NOTHING_SPECIAL = MetricTraits()
SHARE = MetricTraits(bounds=(0.0, 1.0))
"""Of a share."""
NOT_NEGATIVE = MetricTraits(bounds=(0.0, math.inf))


@runtime_checkable
class ChanceOnData(Protocol):
    """A metric whose chance depends on the data; it goes before ``MetricTraits.chance``."""

    def chance_on(self, columns: Columns) -> float | None: ...


@runtime_checkable
class SharesItsValue(Protocol):
    """A metric of a set whose value is shared out to the cases, which makes its interval in place of groups."""

    def influences(self, state: Any, blocks: Any) -> Any:
        """``harness.metrics.influence.Influences`` of what ``blocks()`` yields; None where shares cannot be had."""
        ...


@runtime_checkable
class HoldsFixed(Protocol):
    """A metric of a set in which something does not vary with the groups of the jackknife."""

    def given(self, columns: Columns) -> Any:
        """What has ``state`` and ``value``, and holds fixed what is fixed. Called once, with all scored cases."""
        ...


@runtime_checkable
class NotesPublished(Protocol):
    """A metric of which there are published numbers."""

    def published_note(self, fingerprint: Mapping[str, Any]) -> str | None:
        """What stands in the way of a comparison with them ("": nothing); it joins the fingerprint as ``published``.
        None where there are none."""
        ...


@runtime_checkable
class GivesReasons(Protocol):
    """A metric that can say in words why a case is not right."""

    def reasons(self, columns: Columns) -> Sequence[str]:
        """One per case, "" where it is right."""
        ...


_METHODS = ("chance_on", "influences", "given", "published_note", "reasons")
_TRAITS = tuple(item.name for item in fields(MetricTraits))
_NEAR = 0.8


def traits_of(metric: Any) -> MetricTraits:
    """What the metric says of itself. Raises TypeError for ``traits`` that are none."""
    traits = getattr(metric, "traits", NOTHING_SPECIAL)
    if not isinstance(traits, MetricTraits):
        raise TypeError(f"its traits are of type {type(traits).__name__}: write traits=MetricTraits(...)")
    return traits


def require_read(metric: Any, what: str) -> None:
    """Raise UserError, which begins with ``what`` the metric is, where it has a name that is or looks like a trait's or
    an optional method's, but that nothing reads."""
    for name in dir(metric):
        if name.startswith("_") or name in _METHODS or name == "traits":
            continue
        meant = _meant(name)
        if meant in _TRAITS:
            cure = f"write traits=MetricTraits({meant}=...)"
        elif meant:
            cure = f"is '{meant}' meant?"
        else:
            continue
        other = "" if name == meant else " Or call it something else."
        raise UserError(f"{what} states '{name}', which nothing reads: {cure}{other}")


def _meant(name: str) -> str:
    """The trait or method that this is, or is nearly: ``bound``, ``monotonic``, ``chance_level``. Else ""."""
    known = (*_TRAITS, *_METHODS, "traits")
    near = get_close_matches(name, known, n=1, cutoff=_NEAR) or [word for word in known if name.startswith(word)]
    return near[0] if near else ""

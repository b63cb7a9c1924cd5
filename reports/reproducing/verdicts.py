"""Does a measured number reproduce a published one?

The two agree where the published value lies within ``1.96 sqrt(se^2 + se_published^2)`` plus half a published digit of
the measured one. *Reproduced* is said where that width is no larger than the metric's margin, else *cannot tell*; *off*
where they do not agree. Before any of it their protocols must be alike, as far as the published one is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.contracts import Estimate
from harness.contracts.published import CASES, UNKNOWN, PublishedColumn, PublishedNumber, PublishedRow, PublishedTable

Word = Literal["", "reproduced", "off", "cannot tell", "protocol mismatch", "not measured", "not published"]
REACH = 1.96
"""Standard errors on either side of a 95 % interval."""
NOTE = "published"
"""Where a fingerprint says what stands in the way of a comparison with published rows (``NotesPublished``)."""
NOT_STATED = "not stated"
LONGEST = 44
_MISSING = object()


@dataclass(frozen=True)
class Verdict:
    """``word``: "" where nothing was put beside a number. ``width``: how far apart the two may lie, in the table's unit
    (None: not worked out). ``why`` and ``unknown`` (keys of the published protocol that no source tells) are in
    words."""

    word: Word
    why: str = ""
    width: float | None = None
    unknown: tuple[str, ...] = ()


def judge(
    number: PublishedNumber, measured: float, error: float | None, published_error: float, margin: float
) -> Verdict:
    """All in the table's unit; ``error`` None: the measured number has no interval. ``margin`` 0: none is stated."""
    if error is None:
        return Verdict("cannot tell", "the measured number has no interval")
    width = REACH * math.hypot(error, published_error) + number.half_digit
    # a hair for binary fractions: 0.66 is no float
    if abs(number.value - measured) > width * (1 + 1e-9):
        return Verdict("off", width=width)
    if not margin:
        return Verdict("cannot tell", "no margin is stated for this metric", width)
    if width > margin * (1 + 1e-9):
        return Verdict("cannot tell", f"within {width:.3g}, and the margin is {margin:.3g}: more cases decide", width)
    return Verdict("reproduced", width=width)


def standard_error(estimate: Estimate) -> float | None:
    """Half the 95 % interval over 1.96, in the metric's unit; None without an interval."""
    if estimate.low is None or estimate.high is None:
        return None
    return (estimate.high - estimate.low) / (2 * REACH)


def published_error(table: PublishedTable, row: PublishedRow, column: PublishedColumn) -> float:
    """The standard error of a published number in the table's unit, where the source allows one: of a share by its
    number of trials, of a mean of such shares by theirs. 0 where it allows none."""
    if not row.counted:
        return 0.0
    if column.trials:
        scale = float(column.scale)
        share = min(1.0, max(0.0, row.values[column.name].value / scale))
        return scale * math.sqrt(share * (1 - share) / column.trials)
    parts = [table.column(name) for name in column.mean_of]
    if parts and all(part.trials and part.name in row.values for part in parts):
        return math.hypot(*(published_error(table, row, part) for part in parts)) / len(parts)
    return 0.0


def differences(published: Mapping[str, Any], estimate: Estimate, cases: int) -> tuple[list[str], tuple[str, ...]]:
    """(what differs, in words; keys that no source tells). Only what is known of the published protocol is compared;
    what the run does not state differs."""
    found, unknown = [], []
    here = {**dict(_flat("", estimate.fingerprint)), **dict(estimate.fingerprint), CASES: cases}
    for key, wanted in published.items():
        if key not in here and wanted != UNKNOWN:
            found.append(_difference(key, _MISSING, wanted))
            continue
        for name, value in _flat("", {key: wanted}):
            if value == UNKNOWN:
                unknown.append(name)
                continue
            have = here.get(name, _MISSING)
            if not _alike(have, value):
                found.append(_difference(name, have, value))
    return found, tuple(unknown)


def _difference(name: str, have: Any, wanted: Any) -> str:
    if name == NOTE:
        return f"the run says: {have}" if isinstance(have, str) else "no published row is of this metric"
    return f"{name} is {_words(have)} here, published {_words(wanted)}"


def _alike(have: Any, wanted: Any) -> bool:
    if isinstance(wanted, str) and wanted.endswith("*"):
        return isinstance(have, str) and have.startswith(wanted[:-1])
    return bool(have == wanted)


def _flat(before: str, value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """``{"a": {"b": 1}}`` as ``a.b``; an empty mapping stays."""
    for key, inner in value.items():
        name = f"{before}.{key}" if before else str(key)
        if isinstance(inner, Mapping) and inner:
            yield from _flat(name, inner)
        else:
            yield name, inner


def _words(value: Any) -> str:
    if value is _MISSING:
        return NOT_STATED
    if isinstance(value, Mapping):
        value = ", ".join(str(item) for item in value.values())
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else " ".join(str(value).split())
    text = text.removesuffix("*")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"

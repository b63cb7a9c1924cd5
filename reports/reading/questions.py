"""A case in words: what was asked, as the task says where it stands, and what was said."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.contracts import ShownTask
from reports.reading.samples import StoredSample

LONGEST = 60
"""Characters of an answer that are shown."""
_PLACE = re.compile(r"{([^{}]+)}")


def asked(shown: ShownTask, sample: StoredSample) -> tuple[str, ...]:
    """The question in words, a line for each where there are several, with the right answers behind them."""
    for pattern in shown.asked:
        found = [_at(sample.facts, place) for place in _PLACE.findall(pattern)]
        if any(value is None for value in found):
            continue
        several = next((value for value in found if isinstance(value, list)), None)
        said = [str(value) for value in several] if several is not None else [_filled(pattern, found)]
        truths = _at(sample.facts, shown.truth) if shown.truth else None
        behind = [f" ({truth})" for truth in truths] if isinstance(truths, list) else []
        behind += [""] * (len(said) - len(behind))
        return tuple(text.removesuffix(shown.drop or "\0") + end for text, end in zip(said, behind, strict=False))
    return (sample.case,)


def _at(facts: Mapping[str, Any], place: str) -> Any:
    """What stands at ``a.b`` in the facts; None for nothing."""
    value: Any = facts
    for name in place.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _filled(pattern: str, values: Sequence[Any]) -> str:
    left = iter(values)
    return _PLACE.sub(lambda _: str(next(left)), pattern)


def spoken(text: str) -> list[str]:
    """What was said, in quotation marks: of a JSON list each of its parts."""
    if not text.strip():
        return []
    try:
        found = json.loads(text)
    except ValueError:
        found = text
    said = found if isinstance(found, list) else [text]
    return [f"\N{LEFT DOUBLE QUOTATION MARK}{_short(part)}\N{RIGHT DOUBLE QUOTATION MARK}" for part in said]


def _short(text: Any) -> str:
    words = " ".join(str(text).split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"

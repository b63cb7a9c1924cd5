"""What a subject says of how it came to its answers, put beside the samples that hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.contracts import KeepsRecord, Sample

Records = Sequence[Sequence[Mapping[str, Any]]]


def take_records(subject: Any) -> Records:
    """Of every call since this was asked last; nothing of a subject that keeps none."""
    return subject.take_records() if isinstance(subject, KeepsRecord) else ()


def with_records(samples: Sequence[Sample], calls: Records) -> list[Sample]:
    """Each sample with its row of every call, in the order of the calls (two questions to one case are two calls).

    A call with another number of rows than there are samples belongs to no case that could be told, so that it is left
    out.
    """
    of_cases = [rows for rows in calls if len(rows) == len(samples)]
    if not of_cases:
        return list(samples)
    return [replace(sample, record=tuple(record)) for sample, *record in zip(samples, *of_cases, strict=True)]

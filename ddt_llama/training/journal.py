"""The log of a training: one JSON line per some steps, which a resumed training continues."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

LOG_EVERY = 20


def mean_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each value over the rows that have it (a discriminator's values begin late)."""
    values: dict[str, list[float]] = {}
    for row in rows:
        for key, value in row.items():
            values.setdefault(key, []).append(value)
    return {key: sum(found) / len(found) for key, found in values.items()}


def forget_after(log: Path, step: int) -> None:
    """Drop the log's lines of steps that a resumed training takes again."""
    if log.is_file():
        kept = [line for line in log.read_text(encoding="utf-8").splitlines() if json.loads(line)["step"] <= step]
        log.write_text("".join(line + "\n" for line in kept), encoding="utf-8")


def append(log: Path, line: Mapping[str, float]) -> None:
    """One more line."""
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def silent(line: str) -> None:
    """What all but the first process of a training say."""

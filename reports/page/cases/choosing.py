"""Which cases a page holds: all of them, or as many as stay usable, chosen by a seeded hash of their ids.

They are chosen in runs of neighbours, since those stand in one part of a run folder: of a million samples a few hundred
parts are read, and not all.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from harness.seeding import seed_for

MOST_SAMPLES = 60_000
"""Cases times models of one task up to which a page holds all of them."""
SAMPLED = 20_000
"""Cases times models that it holds where there are more."""
BYTES = 256_000_000
"""Of one task, as the samples are stored."""
FEWEST = 20
NEIGHBOURS = 64
"""Cases that are chosen together."""


@dataclass(frozen=True)
class Chosen:
    """``cases``: case -> stratum, in the order in which they were asked; ``all``: how many there are."""

    cases: dict[str, str]
    all: int


def choose(orders: Iterable[Iterable[tuple[str, str]]], stored: int, most_bytes: int = BYTES) -> Chosen:
    """``orders``: the (case, stratum) of each model; ``stored``: the bytes of all their samples."""
    every: dict[str, str] = {}
    models = 0
    for order in orders:
        models += 1
        for case, stratum in order:
            every.setdefault(case, stratum)
    models = max(1, models)
    few = len(every) * models <= MOST_SAMPLES
    room = min(len(every) if few else SAMPLED // models, len(every) * most_bytes // max(1, stored))
    room = max(room, FEWEST)
    if len(every) <= room:
        return Chosen(every, len(every))
    names = list(every)
    together = min(NEIGHBOURS, max(1, room // FEWEST))
    starts = range(0, len(names), together)
    first = heapq.nsmallest(-(-room // together), starts, key=lambda at: (seed_for("cases", names[at]), at))
    kept = [case for at in first for case in names[at : at + together]][:room]
    where = set(kept)
    return Chosen({case: stratum for case, stratum in every.items() if case in where}, len(every))

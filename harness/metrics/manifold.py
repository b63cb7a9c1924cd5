"""The balls around two sets of features: which output lies in the ball of which reference, and the other way round.

The ball around a vector reaches to its k-th nearest other vector of the same set. Those of the references are fixed;
those of the outputs depend on which outputs are there, so that some can be left out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from harness.metrics import NotMeasured
from harness.metrics.neighbours import (
    SLACK,
    Floats,
    Ints,
    Neighbours,
    blocks,
    nearest_others,
    points_in_balls,
    slack_of,
    squared_distances,
)

NEAREST = 5
SPARE = 3
"""So many times k nearest neighbours are kept of an output, so that k are left when some outputs are taken away."""
WITNESSES = 64
"""Outputs whose balls hold a reference, of which so many are kept per reference."""


@dataclass(frozen=True)
class Geometry:
    """Outputs and references, ``count width`` each, and what lies in whose ball. Compared by a digest."""

    digest: str
    nearest: int
    outputs: Floats = field(compare=False, repr=False)
    references: Floats = field(compare=False, repr=False)

    @classmethod
    def of(cls, outputs: Any, references: Any, nearest: int = NEAREST) -> Geometry:
        """Raises NotMeasured where a set has no k-th nearest neighbour."""
        x, y = (np.ascontiguousarray(values, dtype=np.float64) for values in (outputs, references))
        if min(len(x), len(y)) <= nearest:
            raise NotMeasured(f"needs more than {nearest} pictures, not {min(len(x), len(y))}")
        digest = hashlib.sha256(repr((x.shape, y.shape)).encode() + x.tobytes() + y.tobytes()).hexdigest()
        return _latest(cls(digest, nearest, x, y))

    @cached_property
    def inside(self) -> csr_array:
        """``outputs references``: which output lies in the ball of which reference."""
        radii = nearest_others(self.references, self.nearest + 1).distances[:, self.nearest - 1]
        return points_in_balls(self.outputs, self.references, radii)

    @cached_property
    def balls_of_outputs(self) -> OutputBalls:
        return OutputBalls(self.outputs, self.references, self.nearest)


@lru_cache(maxsize=1)
def _latest(geometry: Geometry) -> Geometry:
    """The four metrics of a run ask for the same geometry in turn: it is computed once."""
    return geometry


class OutputBalls:
    """Which references lie in the balls of some of the outputs, where each ball depends on which others are there.

    The nearest neighbours of every output are found once, and so is which balls could hold a reference. Where these do
    not tell (most neighbours of an output were taken away) what is missing is computed, so that the answer is exact.
    """

    def __init__(self, outputs: Floats, references: Floats, nearest: int) -> None:
        self.outputs, self.references, self.nearest = outputs, references, nearest
        self.known: Neighbours = nearest_others(outputs, SPARE * nearest)
        self.pairs, self.cut = self._candidates()

    def _candidates(self) -> tuple[tuple[Ints, Ints, Floats], NDArray[np.bool_]]:
        """((output, reference, distance) of the pairs that may count, references of which not all pairs were kept)."""
        surely, perhaps = self.known.distances[:, self.nearest - 1], self.known.distances[:, -1]
        slack = slack_of(self.references, self.outputs)
        kept: list[tuple[Ints, Ints, Floats]] = []
        cut = np.zeros(len(self.references), dtype=bool)
        for start, block in blocks(self.references, self.outputs):
            # A ball only grows when others are taken away: who is in it now stays in it.
            sure = block <= surely - slack
            many = sure.sum(axis=1) >= WITNESSES
            cut[start : start + len(block)] = many
            chosen = block <= perhaps * (1 + SLACK) + slack
            chosen[many] = sure[many] & (np.cumsum(sure[many], axis=1) <= WITNESSES)
            reference, output = np.nonzero(chosen)
            reference += start
            kept.append((output, reference, squared_distances(self.outputs, self.references, output, reference)))
        output, reference, distance = (np.concatenate(parts) for parts in zip(*kept, strict=True))
        return (output, reference, distance), cut

    def radii(self, present: NDArray[np.bool_]) -> Floats:
        """Squared radii of the balls of the outputs that are present (of the others: -1)."""
        there = present[self.known.indices]
        enough = present & (there.sum(axis=1) >= self.nearest)
        place = (np.cumsum(there, axis=1) >= self.nearest).argmax(axis=1)
        found = np.where(enough, self.known.distances[np.arange(len(present)), place], -1.0)
        rows = np.flatnonzero(present & ~enough)
        others = np.flatnonzero(present)
        for row in rows:
            distances = squared_distances(self.outputs, self.outputs, np.full(len(others), row), others)
            found[row] = np.partition(distances[others != row], self.nearest - 1)[self.nearest - 1]
        return found

    def covered(self, present: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which references lie in the ball of an output that is present. Raises NotMeasured for too few outputs."""
        if present.sum() <= self.nearest:
            raise NotMeasured(f"needs more than {self.nearest} pictures, not {present.sum()}")
        radii = self.radii(present)
        output, reference, distance = self.pairs
        found = np.zeros(len(self.references), dtype=bool)
        found[reference[distance <= radii[output]]] = True
        # Beyond the neighbours that are kept, a ball may hold pairs that were no candidates.
        wide = np.flatnonzero(radii > self.known.distances[:, -1])
        if len(wide):
            found |= self._reached(wide, radii, np.flatnonzero(~found))
        unsure = np.flatnonzero(self.cut & ~found)
        return found | self._reached(np.flatnonzero(present), radii, unsure) if len(unsure) else found

    def _reached(self, outputs: Ints, radii: Floats, references: Ints) -> NDArray[np.bool_]:
        found = np.zeros(len(self.references), dtype=bool)
        inside = points_in_balls(self.references[references], self.outputs[outputs], radii[outputs])
        found[references[np.diff(inside.indptr) > 0]] = True
        return found

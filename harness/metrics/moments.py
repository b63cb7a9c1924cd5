"""Count, mean and scatter of feature vectors: all that a Frechet distance needs of a set. They add, so that memory does
not grow with the number of pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

ROWS = 4096
"""Vectors that are brought to float64 at a time."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, mean and scatter (sum of outer products of deviations) of feature vectors, in float64. They add with
    ``+``.

    Examples:
        >>> half, rest = np.arange(8.0).reshape(4, 2), np.ones((3, 2))
        >>> (Moments.of(half) + Moments.of(rest)).count
        7
    """

    count: int
    mean: Floats
    scatter: Floats

    @classmethod
    def of(cls, features: ArrayLike) -> Moments:
        """Of features ``samples width``. Deviations are taken from the mean first, so a large common offset costs no
        digits. Raises ValueError, naming the row, for one that is not finite."""
        # What stays on disk is read block by block.
        rows: Any = features if hasattr(features, "ndim") else np.asarray(features)
        if rows.ndim != 2:
            raise ValueError(f"features must be samples x width, not {rows.shape}")
        total = cls._of_block(rows[:ROWS], 0)
        for start in range(ROWS, len(rows), ROWS):
            total = total + cls._of_block(rows[start : start + ROWS], start)
        return total

    @classmethod
    def over(cls, batches: Iterable[ArrayLike]) -> Moments:
        """Of a stream of batches, one of which is held at a time. Raises ValueError for an empty stream."""
        total: Moments | None = None
        for batch in batches:
            found = cls.of(batch)
            total = found if total is None else total + found
        if total is None:
            raise ValueError("no features: the stream is empty")
        return total

    @classmethod
    def _of_block(cls, features: NDArray[np.floating], first: int) -> Moments:
        rows = np.asarray(features, dtype=np.float64)
        if not np.isfinite(rows).all():
            row = first + int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
            raise ValueError(f"row {row} of the features is not finite")
        mean = rows.mean(axis=0) if len(rows) else np.zeros(rows.shape[1])
        centred = rows - mean
        return cls(len(rows), mean, centred.T @ centred)

    def __add__(self, other: Moments) -> Moments:
        """Pairwise update of Chan, Golub and LeVeque (1979)."""
        if len(self.mean) != len(other.mean):
            raise ValueError(f"features of {len(self.mean)} and of {len(other.mean)} dimensions do not add")
        if not self.count or not other.count:
            return self if self.count else other
        count = self.count + other.count
        gap = other.mean - self.mean
        mean = self.mean + gap * (other.count / count)
        scatter = self.scatter + other.scatter + np.outer(gap, gap) * (self.count * other.count / count)
        return Moments(count, mean, scatter)

    def covariance(self) -> Floats:
        """With n - 1. Raises ValueError for fewer than two samples."""
        if self.count < 2:
            raise ValueError(f"a covariance needs two samples, not {self.count}")
        return np.asarray(self.scatter / (self.count - 1))

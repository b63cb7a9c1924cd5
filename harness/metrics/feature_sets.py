"""Sets of feature vectors as a Frechet distance needs them: mean, variance, and a factor of the covariance.

Of fewer vectors than dimensions the vectors themselves are kept, since they are smaller than their covariance and make
the distance at once; of more, their moments. Sets add.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.metrics.moments import Floats, Moments
from harness.metrics.transport import Spread, distance

WIDE = 512
"""Dimensions beyond which vectors are kept; up to here moments are small enough for any number."""
SURE = 10.0
"""Times rounding error: what of a variable's variance the variables before it must leave over, so that a Cholesky
factor has full rank beyond doubt."""


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A mean and a covariance."""

    mean: Floats
    covariance: Floats

    def distance(self, other: Spread) -> float:
        """The Frechet distance; see ``harness.metrics.frechet``."""
        return distance(self, other)

    @cached_property
    def factor(self) -> Floats:
        """F with F' F = covariance, without the directions whose variance is rounding error."""
        scales = self.covariance.diagonal()
        try:
            lower = np.linalg.cholesky(self.covariance)
            if (lower.diagonal() ** 2 > SURE * len(scales) * np.finfo(np.float64).eps * scales).all():
                return np.asarray(lower.T)
        except np.linalg.LinAlgError:
            pass  # singular
        values, vectors = np.linalg.eigh(self.covariance)
        kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
        return np.asarray((vectors[:, kept] * np.sqrt(values[kept])).T)

    @cached_property
    def variance(self) -> float:
        return float(np.trace(self.covariance))


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """``count`` vectors of ``width`` dimensions: ``rows`` where they are at most as many as their many dimensions, else
    ``moments``."""

    count: int
    width: int
    rows: NDArray[np.floating] | None
    moments: Moments | None

    @classmethod
    def of(cls, features: ArrayLike) -> FeatureSet:
        """Of ``samples width``. Raises ValueError, naming the row, for one that is not finite."""
        values: Any = features if hasattr(features, "ndim") else np.asarray(features)
        if values.ndim != 2:
            raise ValueError(f"features must be samples x width, not {values.shape}")
        count, width = values.shape
        if count > width or width <= WIDE:
            return cls(count, width, None, Moments.of(values))
        rows = np.asarray(values)
        if not np.isfinite(rows).all():
            row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
            raise ValueError(f"row {row} of the features is not finite")
        return cls(count, width, rows, None)

    def __add__(self, other: FeatureSet) -> FeatureSet:
        if self.width != other.width:
            raise ValueError(f"features of {self.width} and of {other.width} dimensions do not add")
        count = self.count + other.count
        if self.rows is not None and other.rows is not None:
            both = np.concatenate([self.rows, other.rows])
            return FeatureSet.of(both)
        return FeatureSet(count, self.width, None, self.as_moments() + other.as_moments())

    def as_moments(self) -> Moments:
        """Count, mean and scatter, whatever is kept."""
        if self.moments is not None:
            return self.moments
        return Moments.of(self.rows if self.rows is not None else np.zeros((0, self.width)))

    @cached_property
    def mean(self) -> Floats:
        if self.moments is not None:
            return self.moments.mean
        return np.asarray(np.mean(self._float64, axis=0))

    @cached_property
    def factor(self) -> Floats:
        """Raises ValueError for fewer than two vectors."""
        if self.moments is not None:
            return self._gaussian.factor
        if self.count < 2:
            raise ValueError(f"a covariance needs two samples, not {self.count}")
        return np.asarray(_without_mean(self._float64) / np.sqrt(self.count - 1))

    @cached_property
    def variance(self) -> float:
        if self.moments is not None:
            return self._gaussian.variance
        return float(np.sum(self.factor**2))

    @cached_property
    def _gaussian(self) -> Gaussian:
        """Raises ValueError for fewer than two vectors."""
        moments = self.as_moments()
        return Gaussian(moments.mean, moments.covariance())

    @property
    def _float64(self) -> Floats:
        return np.asarray(self.rows, dtype=np.float64)


def _without_mean(rows: Floats) -> Floats:
    """One row fewer with the scatter of these about their mean: reflected so that their mean is the first row. Centred
    rows would have a direction without variance, whose rounding error has a root."""
    count = len(rows)
    axis = np.full(count, 1 / np.sqrt(count))
    axis[0] += 1
    centred = rows - rows.mean(axis=0)
    return np.asarray((centred - np.outer(axis, axis @ centred) / (1 + 1 / np.sqrt(count)))[1:])


@dataclass(frozen=True, eq=False)
class FeaturePair:
    """The features of outputs and of references."""

    output: FeatureSet
    reference: FeatureSet

    def __add__(self, other: FeaturePair) -> FeaturePair:
        return FeaturePair(self.output + other.output, self.reference + other.reference)

    @property
    def fewest(self) -> int:
        return min(self.output.count, self.reference.count)

    def distance(self) -> float:
        return distance(self.output, self.reference)

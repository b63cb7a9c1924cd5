"""Frechet distance between Gaussians fitted to two feature sets (Heusel et al. 2017).

    d = |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2),     covariances with n - 1

**Bias with N.** From N samples the distance comes out too large, by about b / N with a b that differs between models
(Chong and Forsyth 2020). So N is part of the fingerprint, two values rank only at equal N, and ``fd-infinity`` gives
the extrapolated value.

A distance on features of our own net is named after that net (FD-world), never "FID".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from harness.contracts import Columns
from harness.metrics import NotMeasured
from harness.metrics.moments import Floats, Moments

PROTOCOL = {"distance": "frechet/float64/n-1", "biased_with_n": True}


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A mean and a covariance."""

    mean: Floats
    covariance: Floats

    def distance(self, other: Gaussian) -> float:
        """>= 0 and real, also where a covariance is singular. Raises ValueError for another number of dimensions.

        The trace of the square root is the nuclear norm of F1' F2 with C = F F'. Directions without variance (fewer
        samples than dimensions) leave F altogether; the usual square root of C1 C2 would turn their rounding error e
        into sqrt(e).
        """
        if len(self.mean) != len(other.mean):
            raise ValueError(f"no distance between {len(self.mean)} and {len(other.mean)} dimensions")
        overlap = self.factor.T @ other.factor
        root = float(np.linalg.svd(overlap, compute_uv=False).sum()) if overlap.size else 0.0
        gap = self.mean - other.mean
        return max(0.0, float(gap @ gap) + self.variance + other.variance - 2 * root)

    @cached_property
    def factor(self) -> Floats:
        """F with F F' = covariance, without the directions whose variance is rounding error."""
        values, vectors = np.linalg.eigh(self.covariance)
        kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
        return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))

    @cached_property
    def variance(self) -> float:
        """Of all dimensions together."""
        return float(np.trace(self.covariance))


def frechet_distance(mean1: Floats, covariance1: Floats, mean2: Floats, covariance2: Floats) -> float:
    """The distance between two Gaussians."""
    return Gaussian(mean1, covariance1).distance(Gaussian(mean2, covariance2))


def gaussian_of(moments: Moments) -> Gaussian:
    """Raises ValueError for fewer than two samples."""
    return Gaussian(moments.mean, moments.covariance())


def between(first: Moments, second: Moments) -> float:
    """The Frechet distance between two sets given by their moments."""
    return gaussian_of(first).distance(gaussian_of(second))


@dataclass(frozen=True, eq=False)
class MomentPair:
    """Moments of the outputs and of the references of the same cases."""

    output: Moments
    reference: Moments

    def __add__(self, other: MomentPair) -> MomentPair:
        return MomentPair(self.output + other.output, self.reference + other.reference)

    def distance(self) -> float:
        return between(self.output, self.reference)


@dataclass(frozen=True)
class Frechet:
    """Frechet distance of outputs to references on the features of one instrument (``contracts.SetMetric``). 0 is best.

    The same cases stand on both sides, so an identical reconstruction has distance 0 at any N. ``layer`` is the end of
    the columns' names where it is not the instrument's main one (sFID's ``_spatial``).
    """

    name: str = "fd-world"
    features: str = "world-features"
    version: int = 1
    direction: Literal["higher", "lower", "none"] = "lower"
    unit: str = ""
    bounds: tuple[float, float] = (0.0, np.inf)
    protocol: dict[str, Any] = field(default_factory=lambda: dict(PROTOCOL))
    layer: str = ""

    streams = True  # its states are small: they may be summed over parts of a large set

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.features}.output{self.layer}", f"{self.features}.reference{self.layer}")

    def state(self, columns: Columns) -> MomentPair:
        output, reference = (Moments.of(columns[name]) for name in self.needs)
        return MomentPair(output, reference)

    def value(self, state: MomentPair) -> float:
        if state.output.count < 2:
            raise NotMeasured(f"a Frechet distance needs two images or more, not {state.output.count}")
        return state.distance()


def fd_world() -> Frechet:
    """Frechet distance on the features of the embedded world's net."""
    return Frechet()

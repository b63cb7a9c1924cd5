"""Frechet distance between Gaussians fitted to two feature sets (Heusel et al. 2017), and its extrapolation to
infinite N.

    d = |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2),     covariances with n - 1

**Bias with N.** From N samples the distance comes out too large, by about b / N with a b that differs between models
(Chong and Forsyth 2020). So N is part of the fingerprint, two values rank only at equal N, and ``fd-infinity`` gives
the extrapolated value.

A distance on features of our own net is named after that net (FD-world), never "FID".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import hadamard

from harness.contracts import Columns
from harness.metrics import NotMeasured
from harness.seeding import seed_for

Floats = NDArray[np.float64]

_BLOCKS = 8


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, mean and scatter (sum of outer products of deviations) of feature vectors, in float64. They add with
    ``+``."""

    count: int
    mean: Floats
    scatter: Floats

    @classmethod
    def of(cls, features: ArrayLike) -> Moments:
        """Of features ``samples width``. Deviations are taken from the mean first, so a large common offset costs no
        digits."""
        rows = np.asarray(features, dtype=np.float64)
        if rows.ndim != 2:
            raise ValueError(f"features must be samples x width, not {rows.shape}")
        mean = rows.mean(axis=0) if len(rows) else np.zeros(rows.shape[1])
        centred = rows - mean
        return cls(len(rows), mean, centred.T @ centred)

    def __add__(self, other: Moments) -> Moments:
        """Pairwise update of Chan, Golub and LeVeque (1979)."""
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


def frechet_distance(mean1: Floats, covariance1: Floats, mean2: Floats, covariance2: Floats) -> float:
    """The distance between two Gaussians, >= 0 and real also where a covariance is singular.

    The trace of the square root is the nuclear norm of F1' F2 with C = F F'. Directions without variance (fewer
    samples than dimensions) leave F altogether; the usual square root of C1 C2 would turn their rounding error e into
    sqrt(e).
    """
    overlap = _factor(covariance1).T @ _factor(covariance2)
    root = float(np.linalg.svd(overlap, compute_uv=False).sum()) if overlap.size else 0.0
    gap = mean1 - mean2
    distance = float(gap @ gap) + float(np.trace(covariance1)) + float(np.trace(covariance2)) - 2 * root
    return max(0.0, distance)


def _factor(covariance: Floats) -> Floats:
    """F with F F' = covariance, without the directions whose variance is rounding error."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))


def between(first: Moments, second: Moments) -> float:
    """The Frechet distance between two sets given by their moments."""
    return frechet_distance(first.mean, first.covariance(), second.mean, second.covariance())


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

    The same cases stand on both sides, so an identical reconstruction has distance 0 at any N.
    """

    name: str = "fd-world"
    features: str = "world-features"
    version: int = 1
    direction: Literal["higher", "lower", "none"] = "lower"
    unit: str = ""
    bounds: tuple[float, float] = (0.0, np.inf)
    protocol: dict[str, Any] = field(default_factory=lambda: {"distance": "frechet/float64/n-1", "biased_with_n": True})

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.features}.output", f"{self.features}.reference")

    def state(self, columns: Columns) -> MomentPair:
        output, reference = (Moments.of(columns[name]) for name in self.needs)
        return MomentPair(output, reference)

    def value(self, state: MomentPair) -> float:
        if state.output.count < 2:
            raise NotMeasured(f"a Frechet distance needs two images or more, not {state.output.count}")
        return state.distance()


@dataclass(frozen=True, eq=False)
class MomentBlocks:
    """Moments in eight blocks, so that the distance can be had for many halves of the data."""

    blocks: tuple[MomentPair, ...]

    def __add__(self, other: MomentBlocks) -> MomentBlocks:
        return MomentBlocks(tuple(mine + theirs for mine, theirs in zip(self.blocks, other.blocks, strict=True)))


@dataclass(frozen=True)
class FrechetInfinity:
    """The Frechet distance extrapolated to infinitely many images: the intercept of a line in 1 / N (Chong and
    Forsyth 2020).

    The line goes through the distance of all images and the mean distance of 14 halves (seven balanced splits of
    eight blocks). It is right as far as the bias is linear in 1 / N, so halves of fewer images than twice the features'
    dimensions are not extrapolated from. The extrapolated value can fall below 0 where the true distance is near 0.
    """

    name: str = "fd-infinity"
    features: str = "world-features"
    version: int = 1
    direction: Literal["higher", "lower", "none"] = "lower"
    unit: str = ""
    protocol: dict[str, Any] = field(
        default_factory=lambda: {
            "distance": "frechet/float64/n-1",
            "extrapolated": "line in 1/N through N and 14 halves",
        }
    )

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.features}.output", f"{self.features}.reference", "group")

    def state(self, columns: Columns) -> MomentBlocks:
        # Clusters go to blocks by a hash of their name, so that states of disjoint cases agree on the blocks.
        block = np.array([seed_for("fd-infinity", group) % _BLOCKS for group in columns["group"]], dtype=np.int64)
        output, reference = (np.asarray(columns[name]) for name in self.needs[:2])
        pairs = (MomentPair(Moments.of(output[block == b]), Moments.of(reference[block == b])) for b in range(_BLOCKS))
        return MomentBlocks(tuple(pairs))

    def value(self, state: MomentBlocks) -> float:
        halves = [_sum(state.blocks, row == sign) for row in hadamard(_BLOCKS)[1:] for sign in (1, -1)]
        fewest, needed = min(half.output.count for half in halves), 2 * len(halves[0].output.mean)
        if fewest < needed:
            raise NotMeasured(f"too few images to extrapolate from: a half has {fewest}, and {needed} are needed")
        whole = _sum(state.blocks, np.ones(_BLOCKS, dtype=bool))
        at_all, at_half = whole.distance(), float(np.mean([half.distance() for half in halves]))
        inverse_all, inverse_half = 1 / whole.output.count, float(np.mean([1 / half.output.count for half in halves]))
        return at_all - inverse_all * (at_half - at_all) / (inverse_half - inverse_all)


def _sum(blocks: tuple[MomentPair, ...], chosen: NDArray[np.bool_]) -> MomentPair:
    total: MomentPair | None = None
    for block, take in zip(blocks, chosen, strict=True):
        if take:
            total = block if total is None else total + block
    assert total is not None  # every row of the Hadamard matrix but the first has four of each sign
    return total


def fd_world() -> Frechet:
    """Frechet distance on the features of the embedded world's net."""
    return Frechet()


def fd_infinity() -> FrechetInfinity:
    """FD-world extrapolated to infinitely many images."""
    return FrechetInfinity()

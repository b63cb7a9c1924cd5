"""Frechet distance between Gaussians fitted to two feature sets (Heusel et al. 2017).

    d = |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2),     covariances with n - 1

``harness.metrics.transport`` works it out, and ``harness.metrics.influence`` what it owes to each picture.

**Bias with N.** From N samples the distance comes out too large, by about b / N with a b that differs between models
(Chong and Forsyth 2020). So N is part of the fingerprint, two values rank only at equal N, and ``fd-infinity`` gives
the extrapolated value. An interval is about the distance that is to be expected at this N.

A distance on features of our own net is named after that net (FD-world), never "FID".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.contracts import Columns, MetricTraits
from harness.metrics import NotMeasured
from harness.metrics.feature_sets import FeaturePair, FeatureSet, Gaussian
from harness.metrics.influence import Blocks, Influences, of_pair
from harness.metrics.moments import Moments

PROTOCOL = {"distance": "frechet/float64/n-1", "biased_with_n": True}


def gaussian_of(moments: Moments) -> Gaussian:
    """Raises ValueError for fewer than two samples."""
    return Gaussian(moments.mean, moments.covariance())


def between(first: Moments, second: Moments) -> float:
    """The Frechet distance between two sets given by their moments.

    Examples:
        >>> here = Moments.of([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> there = Moments.of([[3.0, 0.0], [4.0, 0.0], [3.0, 1.0]])
        >>> round(between(here, there), 6)
        9.0
    """
    return gaussian_of(first).distance(gaussian_of(second))


@dataclass(frozen=True)
class Frechet:
    """Frechet distance of outputs to references on the features of one instrument (``contracts.SetMetric``). 0 is best.

    Of a reconstruction the same cases stand on both sides, so an identical one has distance 0 at any N. ``layer`` is
    the end of the columns' names where it is not the instrument's main one (sFID's ``_spatial``); ``about`` is what
    fingerprints say of it.
    """

    name: str
    features: str
    version: int = 2
    direction: Literal["higher", "lower", "none"] = "lower"
    unit: str = ""
    about: Mapping[str, Any] = field(default_factory=lambda: dict(PROTOCOL))
    layer: str = ""

    @property
    def traits(self) -> MetricTraits:
        """Its states are small: they may be summed over parts of a large set."""
        return MetricTraits(bounds=(0.0, math.inf), protocol=self.about, streams=True, unpaired=True)

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.features}.output{self.layer}", f"{self.features}.reference{self.layer}")

    def state(self, columns: Columns) -> FeaturePair:
        output, reference = (FeatureSet.of(columns[name]) for name in self.needs)
        return FeaturePair(output, reference)

    def value(self, state: FeaturePair) -> float:
        require_two(state.fewest)
        return state.distance()

    def influences(self, state: FeaturePair, blocks: Blocks) -> Influences | None:
        require_two(state.fewest)
        return of_pair(state, self.needs, blocks)


def require_two(count: int) -> None:
    """Raise NotMeasured for fewer than two pictures."""
    if count < 2:
        raise NotMeasured(f"a Frechet distance needs two images or more, not {count}")

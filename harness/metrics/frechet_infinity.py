"""The Frechet distance extrapolated to infinitely many pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import hadamard

from harness.contracts import Columns
from harness.metrics import NotMeasured
from harness.metrics.frechet import MomentPair
from harness.metrics.moments import Moments
from harness.seeding import seed_for

PROTOCOL = {"distance": "frechet/float64/n-1", "extrapolated": "line in 1/N through N and 14 halves"}
_BLOCKS = 8


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
    protocol: dict[str, Any] = field(default_factory=lambda: dict(PROTOCOL))

    streams = True  # its states are small: they may be summed over parts of a large set

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.features}.output", f"{self.features}.reference", "group")

    def state(self, columns: Columns) -> MomentBlocks:
        # Clusters go to blocks by a hash of their name, so that states of disjoint cases agree on the blocks.
        block = np.array([seed_for("fd-infinity", group) % _BLOCKS for group in columns["group"]], dtype=np.int64)
        output, reference = (columns[name] for name in self.needs[:2])
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


def fd_infinity() -> FrechetInfinity:
    """FD-world extrapolated to infinitely many images."""
    return FrechetInfinity()

"""The Frechet distance extrapolated to infinitely many pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import hadamard

from harness.contracts import Columns, MetricTraits
from harness.metrics import NotMeasured
from harness.metrics.feature_sets import FeaturePair, FeatureSet
from harness.metrics.influence import Blocks, Influences, of_pair
from harness.seeding import seed_for

PROTOCOL = {"distance": "frechet/float64/n-1", "extrapolated": "line in 1/N through N and 14 halves"}
_BLOCKS = 8


@dataclass(frozen=True, eq=False)
class SetBlocks:
    """Sets in eight blocks, so that the distance can be had for many halves of the data."""

    blocks: tuple[FeaturePair, ...]

    def __add__(self, other: SetBlocks) -> SetBlocks:
        return SetBlocks(tuple(mine + theirs for mine, theirs in zip(self.blocks, other.blocks, strict=True)))


@dataclass(frozen=True)
class FrechetInfinity:
    """The Frechet distance extrapolated to infinitely many images: the intercept of a line in 1 / N (Chong and
    Forsyth 2020).

    The line goes through the distance of all images and the mean distance of 14 halves (seven balanced splits of
    eight blocks). It is right as far as the bias is linear in 1 / N, so halves of fewer images than twice the features'
    dimensions are not extrapolated from. The extrapolated value can fall below 0 where the true distance is near 0.
    """

    name: str
    features: str
    version: int = 2
    direction: Literal["higher", "lower", "none"] = "lower"
    unit: str = ""
    about: Mapping[str, Any] = field(default_factory=lambda: dict(PROTOCOL))

    @property
    def traits(self) -> MetricTraits:
        """Its states are small: they may be summed over parts of a large set."""
        return MetricTraits(protocol=self.about, streams=True, unpaired=True)

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.features}.output", f"{self.features}.reference", "group")

    def state(self, columns: Columns) -> SetBlocks:
        block = _block_of(columns)
        parts = (_rows(columns, self.needs[:2], block == number) for number in range(_BLOCKS))
        pairs = (FeaturePair(*(FeatureSet.of(part[name]) for name in self.needs[:2])) for part in parts)
        return SetBlocks(tuple(pairs))

    def value(self, state: SetBlocks) -> float:
        line = _Line.through(state)
        return line.intercept(line.whole.distance(), [half.distance() for _, half in line.halves])

    def influences(self, state: SetBlocks, blocks: Blocks) -> Influences | None:
        line, needs = _Line.through(state), self.needs[:2]
        found = [of_pair(line.whole, needs, blocks)]
        found += [of_pair(half, needs, partial(_within, blocks, needs, chosen)) for chosen, half in line.halves]
        whole, *halves = [one for one in found if one is not None]
        if len(halves) < len(line.halves):
            return None
        shares = (1 + line.reach) * whole.shares
        places = np.concatenate([_block_of(columns) for columns in blocks()])
        for (chosen, _), half in zip(line.halves, halves, strict=True):
            shares[chosen[places]] -= line.reach / len(halves) * half.shares
        # Taking twice the whole less its halves takes the squares of the errors away, not their products.
        twice = whole.twice * _BLOCKS / (_BLOCKS - 1)
        return Influences(line.intercept(whole.value, [half.value for half in halves]), shares, twice)


def _block_of(columns: Columns) -> NDArray[np.int64]:
    """Clusters go to blocks by a hash of their name, so that states of disjoint cases agree on the blocks."""
    return np.array([seed_for("fd-infinity", group) % _BLOCKS for group in columns["group"]], dtype=np.int64)


def _rows(columns: Columns, needs: Sequence[str], chosen: NDArray[np.bool_]) -> Columns:
    """A side without pictures stays so."""
    return {name: columns[name][chosen] if len(columns[name]) else columns[name] for name in needs}


def _within(blocks: Blocks, needs: Sequence[str], chosen: NDArray[np.bool_]) -> Iterator[Columns]:
    for columns in blocks():
        yield _rows(columns, needs, chosen[_block_of(columns)])


@dataclass(frozen=True, eq=False)
class _Line:
    """All pictures, and halves of them with the blocks that each is made of; ``reach``: how far the intercept lies
    beyond the whole, in steps from half to whole."""

    whole: FeaturePair
    halves: Sequence[tuple[NDArray[np.bool_], FeaturePair]]
    reach: float

    @classmethod
    def through(cls, state: SetBlocks) -> _Line:
        """Raises NotMeasured for too few pictures."""
        chosen = [row == sign for row in hadamard(_BLOCKS)[1:] for sign in (1, -1)]
        counts = [sum(block.fewest for block, take in zip(state.blocks, row, strict=True) if take) for row in chosen]
        needed = 2 * state.blocks[0].output.width
        if min(counts) < needed:
            raise NotMeasured(f"too few images to extrapolate from: a half has {min(counts)}, and {needed} are needed")
        halves = [(row, _sum(state.blocks, row)) for row in chosen]
        whole = _sum(state.blocks, np.ones(_BLOCKS, dtype=bool))
        at_all, at_half = 1 / whole.output.count, float(np.mean([1 / half.output.count for _, half in halves]))
        return cls(whole, halves, at_all / (at_half - at_all))

    def intercept(self, at_all: float, at_halves: Sequence[float]) -> float:
        return at_all - self.reach * (float(np.mean(at_halves)) - at_all)


def _sum(blocks: tuple[FeaturePair, ...], chosen: NDArray[np.bool_]) -> FeaturePair:
    total: FeaturePair | None = None
    for block, take in zip(blocks, chosen, strict=True):
        if take:
            total = block if total is None else total + block
    assert total is not None  # every row of the Hadamard matrix but the first has four of each sign
    return total

"""Sums over all pairs, in parts that remember their sums: a jackknife costs one pass over the pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PairSum = Callable[[Floats, Floats], float]
"""Sum of a kernel, over all pairs of rows or over equal places."""


@dataclass(frozen=True, eq=False)
class Block:
    """Some cases' features. ``diagonal`` sums the kernel over equal places, which are then left out; None keeps
    them."""

    output: Floats
    reference: Floats
    pair_sum: PairSum
    diagonal: PairSum | None = None
    sums: WeakKeyDictionary[Block, float] = field(default_factory=WeakKeyDictionary)

    def with_block(self, other: Block) -> float:
        """Sum over ordered pairs (i here, j there) of k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(y_i, x_j), x outputs
        and y references."""
        known = self.sums.get(other)
        if known is None:
            x, y = self.output, self.reference
            known = self.pair_sum(x, other.output) + self.pair_sum(y, other.reference)
            known -= self.pair_sum(x, other.reference) + self.pair_sum(y, other.output)
            if other is self and self.diagonal:
                known -= self.diagonal(x, x) + self.diagonal(y, y) - 2 * self.diagonal(x, y)
            self.sums[other] = known
        return known


@dataclass(frozen=True, eq=False)
class Blocks:
    """Adding joins them."""

    blocks: tuple[Block, ...]

    def __add__(self, other: Blocks) -> Blocks:
        return Blocks(self.blocks + other.blocks)

    @property
    def count(self) -> int:
        return sum(len(block.output) for block in self.blocks)

    def total(self) -> float:
        """The sum over all ordered pairs of cases."""
        total = 0.0
        for place, block in enumerate(self.blocks):
            total += block.with_block(block)
            total += 2 * sum(block.with_block(other) for other in self.blocks[place + 1 :])
        return total


@dataclass(frozen=True, eq=False)
class Part:
    """Some outputs and some references that have nothing to do with one another; the one or the other may be none."""

    output: Floats
    reference: Floats
    pair_sum: PairSum
    sums: WeakKeyDictionary[Part, Sums] = field(default_factory=WeakKeyDictionary)

    def with_part(self, other: Part) -> Sums:
        """Over ordered pairs, the first here and the second there, or for ``across`` either way."""
        known = self.sums.get(other)
        if known is None:
            x, y, u, v = self.output, self.reference, other.output, other.reference
            outputs, references = self._sum(x, u), self._sum(y, v)
            across = self._sum(x, v) if other is self else self._sum(x, v) + self._sum(u, y)
            known = self.sums[other] = Sums(outputs, references, across)
        return known

    def _sum(self, first: Floats, second: Floats) -> float:
        return self.pair_sum(first, second) if len(first) and len(second) else 0.0


@dataclass(frozen=True)
class Sums:
    """Of a kernel over pairs of outputs, of references, and of an output and a reference."""

    outputs: float = 0.0
    references: float = 0.0
    across: float = 0.0


@dataclass(frozen=True, eq=False)
class TwoSets:
    """Two sets that are not paired, of any number each. Adding joins them."""

    parts: tuple[Part, ...]

    def __add__(self, other: TwoSets) -> TwoSets:
        return TwoSets(self.parts + other.parts)

    @property
    def counts(self) -> tuple[int, int]:
        """(outputs, references)."""
        return sum(len(part.output) for part in self.parts), sum(len(part.reference) for part in self.parts)

    def total(self) -> Sums:
        """Over all ordered pairs within each set, and all pairs across."""
        outputs = references = across = 0.0
        for place, part in enumerate(self.parts):
            own = part.with_part(part)
            others = [part.with_part(other) for other in self.parts[place + 1 :]]
            outputs += own.outputs + 2 * sum(found.outputs for found in others)
            references += own.references + 2 * sum(found.references for found in others)
            across += own.across + sum(found.across for found in others)
        return Sums(outputs, references, across)

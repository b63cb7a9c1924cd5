"""Sums over all pairs of cases, in blocks that remember their sums: a jackknife costs one pass over the pairs."""

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

"""Kernel distance: squared maximum mean discrepancy with the cubic polynomial kernel of KID (Binkowski et al. 2018).

    k(a, b) = (a . b / width + 1)^3

Unlike the Frechet distance it has no bias with N. Values near 0 can be negative, as an unbiased estimate must be
allowed to be. It is exact over all pairs of images: no random subsets, so nothing to seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.contracts import Columns
from harness.metrics import NotMeasured
from harness.metrics.pairwise import Block, Blocks

Floats = NDArray[np.float64]

PROTOCOL = {"distance": "mmd2/cubic/paired-unbiased/all-pairs/float64"}
_ROWS = 1024


def polynomial_kernel(first: Floats, second: Floats) -> Floats:
    """The cubic kernel between all rows: ``rows1 rows2``."""
    base = first @ second.T
    base /= first.shape[1]
    base += 1
    return np.asarray(base * base * base)


def kernel_distance(first: ArrayLike, second: ArrayLike) -> float:
    """The unbiased estimate for two independent sets, ``n width`` and ``m width``, as KID defines it.

    Within a set the pairs of a sample with itself are left out. Raises ValueError for fewer than two samples.
    """
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    n, m = len(x), len(y)
    if min(n, m) < 2:
        raise ValueError("a kernel distance needs two samples on either side")
    return (
        (_pair_sum(x, x) - _diagonal_sum(x, x)) / (n * (n - 1))
        + (_pair_sum(y, y) - _diagonal_sum(y, y)) / (m * (m - 1))
        - 2 * _pair_sum(x, y) / (n * m)
    )


def paired_kernel_distance(first: ArrayLike, second: ArrayLike) -> float:
    """The unbiased estimate where row i of both sets belongs to the same case (Gretton et al. 2012, Lemma 6,
    U-statistic).

    k(x_i, y_i) is left out too: an image is like its own reconstruction, and keeping these pairs would make the
    estimate too small (negative for an identical set, where this one is 0 up to rounding).
    """
    return _distance(_blocks(first, second))


def _blocks(first: ArrayLike, second: ArrayLike) -> Blocks:
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    return Blocks((Block(x, y, _pair_sum, _diagonal_sum),))


def _distance(blocks: Blocks) -> float:
    return blocks.total() / (blocks.count * (blocks.count - 1))


def _pair_sum(first: Floats, second: Floats) -> float:
    total = 0.0
    for i in range(0, len(first), _ROWS):
        for j in range(0, len(second), _ROWS):
            total += float(polynomial_kernel(first[i : i + _ROWS], second[j : j + _ROWS]).sum())
    return total


def _diagonal_sum(first: Floats, second: Floats) -> float:
    return float(np.sum((np.einsum("nw,nw->n", first, second) / first.shape[1] + 1) ** 3))


@dataclass(frozen=True)
class KernelDistance:
    """Paired kernel distance of outputs to references on one instrument's features (``contracts.SetMetric``).

    0 is best; state holds the features, since a kernel needs all pairs.
    """

    name: str = "kd-world"
    features: str = "world-features"
    version: int = 1
    direction: Literal["higher", "lower", "none"] = "lower"
    unit: str = ""
    protocol: dict[str, Any] = field(default_factory=lambda: dict(PROTOCOL))

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.features}.output", f"{self.features}.reference")

    def state(self, columns: Columns) -> Blocks:
        output, reference = (columns[name] for name in self.needs)
        return _blocks(output, reference)

    def value(self, state: Blocks) -> float:
        if state.count < 2:
            raise NotMeasured(f"a kernel distance needs two images or more, not {state.count}")
        return _distance(state)


def kd_world() -> KernelDistance:
    """Kernel distance on the features of the embedded world's net."""
    return KernelDistance()


def kid_efficientnet_lite0() -> KernelDistance:
    """Kernel distance on the features of EfficientNet-Lite0, which learned ImageNet: KID's kernel, another network."""
    return KernelDistance("kid-efficientnet-lite0", "efficientnet-lite0")

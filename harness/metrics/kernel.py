"""Kernel distance: squared maximum mean discrepancy with the cubic polynomial kernel of KID (Binkowski et al. 2018).

    k(a, b) = (a . b / width + 1)^3

Unlike the Frechet distance it has no bias with N. Values near 0 can be negative, as an unbiased estimate must be
allowed to be. It is exact over all pairs of images: no random subsets, so nothing to seed; the published form with
subsets has a name of its own. Of generated pictures the two sets are independent; a reconstruction is compared with its
own original, whose pair is then left out, which is another estimate and has another name (``-paired``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.contracts import Columns, MetricTraits
from harness.metrics import NotMeasured
from harness.metrics.pairwise import Block, Blocks, Part, TwoSets

Floats = NDArray[np.float64]

PROTOCOL = {"distance": "mmd2/cubic/unbiased/all-pairs/float64"}
PAIRED = {"distance": "mmd2/cubic/paired-unbiased/all-pairs/float64"}
SUBSETS, SUBSET_SIZE = 100, 1000
"""Binkowski et al. 2018; the defaults of torch-fidelity, torchmetrics and clean-fid."""
SUBSET_SEED = 2020
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
    sets = _two_sets(first, second)
    if min(sets.counts) < 2:
        raise ValueError("a kernel distance needs two samples on either side")
    return _unpaired(sets)


def _two_sets(first: ArrayLike, second: ArrayLike) -> TwoSets:
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    return TwoSets((Part(x, y, _pair_sum),))


def _unpaired(sets: TwoSets) -> float:
    (n, m), sums = sets.counts, sets.total()
    own_outputs = sum(_diagonal_sum(part.output, part.output) for part in sets.parts)
    own_references = sum(_diagonal_sum(part.reference, part.reference) for part in sets.parts)
    within = (sums.outputs - own_outputs) / (n * (n - 1)) + (sums.references - own_references) / (m * (m - 1))
    return within - 2 * sums.across / (n * m)


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
    """Kernel distance of outputs to references on one instrument's features (``contracts.SetMetric``): as KID defines
    it, which reference stands beside which output makes no difference.

    0 is best; state holds the features, since a kernel needs all pairs.
    """

    name: str
    features: str
    version: int = 2
    direction: Literal["higher", "lower", "none"] = "lower"
    unit: str = ""
    about: Mapping[str, Any] = field(default_factory=lambda: dict(PROTOCOL))

    @property
    def traits(self) -> MetricTraits:
        return MetricTraits(protocol=self.about, unpaired=True)

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.features}.output", f"{self.features}.reference")

    def state(self, columns: Columns) -> TwoSets:
        output, reference = (columns[name] for name in self.needs)
        return _two_sets(output, reference)

    def value(self, state: TwoSets) -> float:
        _require_two(min(state.counts))
        return _unpaired(state)


@dataclass(frozen=True)
class PairedKernelDistance:
    """Kernel distance of reconstructions to their own originals: an identical one has distance 0.

    The unbiased estimate where row i of both sets belongs to the same case (Gretton et al. 2012, Lemma 6, U-statistic).
    k(x_i, y_i) is left out too: an image is like its own reconstruction, and keeping these pairs would make the
    estimate too small (negative for an identical set, where this one is 0 up to rounding).
    """

    name: str
    features: str
    version: int = 1
    direction: Literal["higher", "lower", "none"] = "lower"
    unit: str = ""
    about: Mapping[str, Any] = field(default_factory=lambda: dict(PAIRED))

    @property
    def traits(self) -> MetricTraits:
        return MetricTraits(protocol=self.about)

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.features}.output", f"{self.features}.reference")

    def state(self, columns: Columns) -> Blocks:
        output, reference = (columns[name] for name in self.needs)
        return _blocks(output, reference)

    def value(self, state: Blocks) -> float:
        _require_two(state.count)
        return _distance(state)


@dataclass(frozen=True)
class KernelSubsets:
    """The mean of KID over random subsets (``contracts.StatedMetric``): what the published tables call KID. Its
    expectation is that of ``KernelDistance``, which all pictures make, and which has the interval.

    The subsets are torch-fidelity's: drawn without replacement by NumPy's RandomState of its default seed, outputs
    first. Raises NotMeasured for fewer pictures than a subset has.
    """

    name: str
    features: str
    version: int = 1
    direction: Literal["higher", "lower", "none"] = "lower"
    unit: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    method = f"mean of {SUBSETS} subsets of {SUBSET_SIZE:,}, no interval"

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.features}.output", f"{self.features}.reference")

    @property
    def traits(self) -> MetricTraits:
        subsets = f"{SUBSETS} subsets of {SUBSET_SIZE}, RandomState({SUBSET_SEED})"
        return MetricTraits(protocol={**PROTOCOL, "subsets": subsets, **self.about}, unpaired=True)

    def stated(self, columns: Columns, asked: int) -> float:
        output, reference = (np.asarray(columns[name], dtype=np.float64) for name in self.needs)
        fewest = min(len(output), len(reference))
        if fewest < SUBSET_SIZE:
            raise NotMeasured(f"a subset has {SUBSET_SIZE:,} pictures, and here are {fewest}: take kid")
        return float(np.mean(subset_distances(output, reference, SUBSETS, SUBSET_SIZE)))


def subset_distances(output: Floats, reference: Floats, subsets: int, size: int) -> list[float]:
    """The unbiased estimate of each pair of random subsets."""
    draw = np.random.RandomState(SUBSET_SEED)
    found = []
    for _ in range(subsets):
        first = output[draw.choice(len(output), size, replace=False)]
        second = reference[draw.choice(len(reference), size, replace=False)]
        found.append(kernel_distance(first, second))
    return found


def _require_two(count: int) -> None:
    if count < 2:
        raise NotMeasured(f"a kernel distance needs two images or more, not {count}")


def kid_efficientnet_lite0() -> KernelDistance:
    """Kernel distance on the features of EfficientNet-Lite0, which learned ImageNet: KID's kernel, another network."""
    return KernelDistance("kid-efficientnet-lite0", "efficientnet-lite0")


def kid_efficientnet_lite0_paired() -> PairedKernelDistance:
    """The same of reconstructions and their originals."""
    return PairedKernelDistance("kid-efficientnet-lite0-paired", "efficientnet-lite0")

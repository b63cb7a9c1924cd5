"""CMMD (Jayasumana et al. 2024, arXiv 2401.09603): squared maximum mean discrepancy of CLIP embeddings with a Gaussian
kernel, times 1000.

    k(a, b) = exp(-|a - b|^2 / (2 * 10^2)),     the biased estimate (Gretton et al. 2012, eq. 5)

Embeddings have unit length, so that 1 - k is at most 0.02 and the factor 1000 makes readable numbers. The estimate
keeps each picture's pair with itself, as published, so it is biased upwards by about 1 / N. Known deviations: none in
the arithmetic, which is in float64; ``harness.instruments.clip_cmmd`` states the network's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.contracts import Columns, MetricTraits
from harness.metrics import NotMeasured
from harness.metrics.pairwise import Part, TwoSets

Floats = NDArray[np.float64]

SIGMA = 10.0
SCALE = 1000.0
PROTOCOL = {"distance": "mmd2/gaussian-10/biased/all-pairs/float64/x1000", "biased_with_n": True}
_ROWS = 2048
_TRAITS = MetricTraits(bounds=(0.0, np.inf), protocol=PROTOCOL, unpaired=True)


def gaussian_pair_sum(first: Floats, second: Floats) -> float:
    """Sum over all pairs of k - 1, which keeps the digits that a sum of numbers near 1 would lose."""
    norms = np.einsum("nw,nw->n", second, second)
    total = 0.0
    for start in range(0, len(first), _ROWS):
        rows = first[start : start + _ROWS]
        squared = np.einsum("nw,nw->n", rows, rows)[:, None] + norms - 2 * rows @ second.T
        total += float(np.expm1(-np.maximum(squared, 0) / (2 * SIGMA**2)).sum())
    return total


@dataclass(frozen=True)
class Cmmd:
    """CMMD of outputs to references (``contracts.SetMetric``). 0 is best; state holds the embeddings, since a kernel
    needs all pairs."""

    name: str = "cmmd"
    features: str = "clip-vitl14-336"
    version: int = 1
    direction: Literal["higher", "lower", "none"] = "lower"
    unit: str = ""
    traits: MetricTraits = _TRAITS

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.features}.output", f"{self.features}.reference")

    def state(self, columns: Columns) -> TwoSets:
        output, reference = (np.asarray(columns[name], dtype=np.float64) for name in self.needs)
        return TwoSets((Part(output, reference, gaussian_pair_sum),))

    def value(self, state: TwoSets) -> float:
        (n, m), sums = state.counts, state.total()
        if not n or not m:
            raise NotMeasured("a mean discrepancy needs an image on either side")
        return SCALE * (sums.outputs / n**2 + sums.references / m**2 - 2 * sums.across / (n * m))


def cmmd() -> Cmmd:
    """The catalogue's factory."""
    return Cmmd()

"""What a tokenizer's codes cost and how evenly they are used: bits, share of codes used, perplexities.

Counts of codes come from the set of images at hand; with few images fewer codes are seen, so shares and perplexities
rise with N.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from harness.contracts import Columns, MetricTraits
from harness.metrics import NotMeasured
from harness.metrics.ratio import Ratio

CODEBOOK_SIZE = "number.codebook_size"
Counts = csr_array  # ``positions codebook_size``, int64: how often each code stood at each position

_COUNTED = MetricTraits(bounds=(0.0, math.inf), protocol={"biased_with_n": True})


def bits_per_image() -> Ratio:
    """Mean number of bits that an image costs: codes times log2 of the codebook's size, or what a control spends."""
    return Ratio("bits-per-image", ("number.bits",), direction="lower", unit="bit")


def bits_per_pixel() -> Ratio:
    """All bits over all pixels (not the mean of the images' rates)."""
    return Ratio("bits-per-pixel", ("number.bits",), ("number.pixels",), direction="lower", unit="bit/px")


@dataclass(frozen=True)
class CodeMetric:
    """A number made from the counts of codes (``contracts.SetMetric``).

    Reads ``codes`` and the codebook's size as the task states it: a codec's bits do not tell, since its files vary.
    """

    name: str
    measure: Callable[[NDArray[np.int64], int], float]
    """(counts of the codes that occur, or of all; the codebook's size) -> the number"""
    positions: Literal["together", "mean", "sum"]
    direction: Literal["higher", "lower", "none"] = "none"
    unit: str = ""
    version: int = 1
    traits: MetricTraits = _COUNTED

    @property
    def needs(self) -> tuple[str, ...]:
        return ("codes", CODEBOOK_SIZE)

    def state(self, columns: Columns) -> Counts:
        lengths = {len(codes) for codes in columns["codes"]}
        if lengths <= {0}:
            raise NotMeasured("this model makes no codes")
        if len(lengths) > 1:
            raise NotMeasured(f"the images have different numbers of codes: {sorted(lengths)[:3]}")
        codes = np.array([np.asarray(row) for row in columns["codes"]], dtype=np.int64)
        size = _codebook_size(columns)
        if codes.min() < 0 or codes.max() >= size:
            raise ValueError(f"codes from {codes.min()} to {codes.max()} do not fit a codebook of {size}")
        positions = np.broadcast_to(np.arange(codes.shape[1]), codes.shape)
        ones = np.ones(codes.size, dtype=np.int64)
        # Sparse: at full size (512 positions, 16,384 codes) most cells are empty. Equal cells add up.
        return csr_array((ones, (positions.ravel(), codes.ravel())), shape=(codes.shape[1], size))

    def value(self, state: Counts) -> float:
        size = state.shape[1]
        if self.positions == "together":
            return self.measure(np.asarray(state.sum(axis=0)).ravel(), size)
        rows = (state.data[start:end] for start, end in zip(state.indptr[:-1], state.indptr[1:], strict=True))
        values = [self.measure(row, size) for row in rows]
        return float(np.sum(values) if self.positions == "sum" else np.mean(values))


def _codebook_size(columns: Columns) -> int:
    sizes = np.unique(np.asarray(columns[CODEBOOK_SIZE]))
    if len(sizes) != 1:
        raise NotMeasured("the images were coded with codebooks of different sizes")
    return int(sizes[0])


def share_used(counts: NDArray[np.int64], codebook_size: int) -> float:
    """Share of the codebook that occurs at all."""
    return float(np.count_nonzero(counts) / codebook_size)


def entropy_bits(counts: NDArray[np.int64], codebook_size: int) -> float:
    """Entropy in bits of the frequencies behind these counts, at most log2 of the codebook's size.

    Few counts see too few codes: (codes seen - 1) / 2N nats are added (Miller 1955, known as Miller-Madow).
    """
    seen = counts[counts > 0]
    total = int(seen.sum())
    shares = seen / total
    plain = float(-np.sum(shares * np.log2(shares)))
    return min(plain + (len(seen) - 1) / (2 * total * math.log(2)), math.log2(codebook_size))


def bits_by_position(codes: NDArray[np.int64], codebook_size: int) -> NDArray[np.float64]:
    """``positions``: the entropy in bits of the codes at each position of ``images positions``."""
    counts = (np.bincount(column, minlength=codebook_size) for column in codes.T)
    return np.array([entropy_bits(column, codebook_size) for column in counts])


def perplexity(counts: NDArray[np.int64], codebook_size: int) -> float:
    """exp(entropy) of the codes' frequencies: between 1 and the number of codes in use."""
    shares = counts[counts > 0] / counts.sum()
    return float(np.exp(-np.sum(shares * np.log(shares))))


def codebook_use() -> CodeMetric:
    """Share of the codebook's entries that these images use. No direction: a small book fills by itself."""
    return CodeMetric("codebook-use", share_used, "together", traits=replace(_COUNTED, bounds=(0.0, 1.0)))


def code_perplexity() -> CodeMetric:
    """Perplexity of the codes of all positions together.

    It has no direction: even use spends the bits well, uneven use is easier to predict.
    """
    return CodeMetric("code-perplexity", perplexity, "together")


def code_perplexity_by_position() -> CodeMetric:
    """Perplexity of the codes at one position, mean over positions: what is left when the position is known."""
    return CodeMetric("code-perplexity-by-position", perplexity, "mean")


def bits_used() -> CodeMetric:
    """Bits an image that the codes can say at most: the sum over positions of the entropy of their codes.

    It stands beside the bits spent and has no direction: fuller codes say more and are harder to predict. An upper
    bound, since positions may repeat one another.
    """
    return CodeMetric("bits-used", entropy_bits, "sum", unit="bit")

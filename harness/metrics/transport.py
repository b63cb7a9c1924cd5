"""The best transport between two Gaussians (Dowson and Landau 1982): the Frechet distance, and what it owes to each
sample.

With C = F' F the trace of (C1 C2)^(1/2) is the nuclear norm of M = F1 F2'. It is worked out in the smaller of the two
spaces: of N samples in d > N dimensions M has N rows, and no matrix of d x d is decomposed.

The distance rises with the weight of a sample x of the first set by

    2 (m1 - m2)' (x - m1) + (x - m1)' (I - T) (x - m1) - tr (I - T) C1

with T = C1^(-1/2) (C1^(1/2) C2 C1^(1/2))^(1/2) C1^(-1/2) the map from the first Gaussian to the second; of the second
set likewise with the map back. With M M' = U S^2 U' it is T = W W' for W = F2' M' U S^(-3/2), and the map back that of
W = F1' U S^(-1/2), so that all samples are mapped by one product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from harness.metrics.moments import Floats

SMALL = 512
"""Up to this side singular values are had directly; beyond, as roots of the eigenvalues of M M', which is four times
faster and loses digits where these lie far apart."""
TOLERATED = 1e-9
"""What may be lost so, of both variances together; where it could be more, singular values are had directly."""
MAPPED = 1e-6
"""Of the largest singular value: smaller ones carry nothing of a sample's part."""


class Spread(Protocol):
    """What a distance reads of a set."""

    @property
    def mean(self) -> Floats: ...

    @property
    def variance(self) -> float:
        """Of all dimensions together."""
        ...

    @property
    def factor(self) -> Floats:
        """F, ``rank width``, with F' F the covariance."""
        ...


def distance(first: Spread, second: Spread) -> float:
    """Frechet distance, >= 0 and real, also where a covariance is singular. Raises ValueError for another number of
    dimensions.

    Directions without variance (fewer samples than dimensions) leave the factors altogether or have singular value 0;
    the usual square root of C1 C2 would turn their rounding error e into sqrt(e).
    """
    return _distance(first, second, nuclear_norm(_product(first, second), first.variance + second.variance))


def nuclear_norm(product: Floats, size: float) -> float:
    """The sum of the singular values, to ``TOLERATED`` of ``size``."""
    if min(product.shape) > SMALL:
        from scipy.linalg import eigh

        found = _roots(eigh(_square(product), eigvals_only=True, check_finite=False, driver="evr"), size)
        if found is not None:
            return float(found.sum())
    return _direct(product)


def _direct(product: Floats) -> float:
    return float(np.linalg.svd(product, compute_uv=False).sum()) if product.size else 0.0


def _product(first: Spread, second: Spread) -> Floats:
    if len(first.mean) != len(second.mean):
        raise ValueError(f"no distance between {len(first.mean)} and {len(second.mean)} dimensions")
    return np.asarray(first.factor @ second.factor.T)


def _distance(first: Spread, second: Spread, root: float) -> float:
    gap = first.mean - second.mean
    return max(0.0, float(gap @ gap) + first.variance + second.variance - 2 * root)


def _square(product: Floats) -> Floats:
    """M M' or M' M, whichever is smaller."""
    return np.asarray(product @ product.T if product.shape[0] <= product.shape[1] else product.T @ product)


def _roots(values: Floats, size: float) -> Floats | None:
    """The roots of these eigenvalues; None where too many digits may be lost: a root of rounding error is no rounding
    error."""
    rounding = np.finfo(np.float64).eps * max(values[-1], 0.0)
    if values[0] <= len(values) * rounding:
        return None
    roots = np.sqrt(values)
    return roots if float(np.sum(rounding / (2 * roots))) <= TOLERATED * size else None


@dataclass(frozen=True, eq=False)
class Transport:
    """``value`` is the distance; ``sizes`` are singular values s > 0 of M, and ``forth`` and ``back`` the W of the maps
    from the first Gaussian to the second and back, ``width count``, float32."""

    first: Spread
    second: Spread
    value: float
    sizes: Floats
    forth: Any
    back: Any

    @classmethod
    def between(cls, first: Spread, second: Spread) -> Transport:
        """Raises ValueError for another number of dimensions, ``numpy.linalg.LinAlgError`` where nothing converges."""
        product = _product(first, second)
        if product.shape[0] > product.shape[1]:
            other = cls.between(second, first)
            return cls(first, second, other.value, other.sizes, other.back, other.forth)
        values, vectors = np.linalg.eigh(product @ product.T)
        roots = _roots(values, first.variance + second.variance) if len(values) > SMALL else None
        root = _direct(product) if roots is None else float(roots.sum())
        sizes = np.sqrt(np.maximum(values, 0.0))
        kept = sizes > MAPPED * sizes[-1] if len(sizes) else np.zeros(0, bool)
        sizes, vectors = sizes[kept], vectors[:, kept]
        forth = second.factor.T @ (product.T @ vectors) * sizes**-1.5
        back = first.factor.T @ vectors * sizes**-0.5
        narrow = (np.ascontiguousarray(part, dtype=np.float32) for part in (forth, back))
        return cls(first, second, _distance(first, second, root), sizes, *narrow)

    def of_first(self, rows: Any) -> Mapped:
        """What the distance owes to these samples of the first set, and where they are mapped."""
        return _mapped(self.first.mean, self.first.mean - self.second.mean, self.forth, rows)

    def of_second(self, rows: Any) -> Mapped:
        return _mapped(self.second.mean, self.second.mean - self.first.mean, self.back, rows)


@dataclass(frozen=True, eq=False)
class Mapped:
    """Of each sample: how the distance rises with its weight, by the mean and by the covariance, up to a constant of
    the set; and its ``places`` in the common coordinates of both Gaussians, ``samples count``, whose covariance is
    diag(sizes) in either set."""

    by_mean: Floats
    by_covariance: Floats
    places: Any


def _mapped(mean: Floats, gap: Floats, through: Any, rows: Any) -> Mapped:
    centred = (np.asarray(rows, dtype=np.float64) - mean).astype(np.float32)
    places = centred @ through
    spread, mapped = (np.einsum("nw,nw->n", values, values, dtype=np.float64) for values in (centred, places))
    return Mapped(2 * (centred @ gap.astype(np.float32)).astype(np.float64), spread - mapped, places)

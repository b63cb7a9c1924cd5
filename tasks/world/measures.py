"""Distances and manifolds of pictures of the world, on the features of the world's own net (``world-features``).

They are the harness's metrics of sets on another net, and their values are comparable with nobody else's.
"""

from __future__ import annotations

from harness.metrics.frechet import Frechet
from harness.metrics.frechet_infinity import FrechetInfinity
from harness.metrics.kernel import KernelDistance, PairedKernelDistance
from harness.metrics.precision_recall import ManifoldMetric

FEATURES = "world-features"


def fd_world() -> Frechet:
    """Frechet distance."""
    return Frechet("fd-world", FEATURES)


def fd_infinity() -> FrechetInfinity:
    """FD-world extrapolated to infinitely many images."""
    return FrechetInfinity("fd-infinity", FEATURES)


def kd_world() -> KernelDistance:
    """Kernel distance of generated pictures to references, which no pairs tie."""
    return KernelDistance("kd-world", FEATURES)


def kd_world_paired() -> PairedKernelDistance:
    """Kernel distance of reconstructions to their own originals."""
    return PairedKernelDistance("kd-world-paired", FEATURES)


def precision_world() -> ManifoldMetric:
    """Share of the outputs on the manifold of the references."""
    return ManifoldMetric("precision", "precision-world", FEATURES)


def recall_world() -> ManifoldMetric:
    """Share of the references on the manifold of the outputs."""
    return ManifoldMetric("recall", "recall-world", FEATURES)


def density_world() -> ManifoldMetric:
    """Balls of references that hold an output, over their number expected."""
    return ManifoldMetric("density", "density-world", FEATURES)


def coverage_world() -> ManifoldMetric:
    """Share of the references whose ball holds an output."""
    return ManifoldMetric("coverage", "coverage-world", FEATURES)

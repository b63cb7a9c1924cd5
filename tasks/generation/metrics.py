"""The metrics of generated products, in the features of Fashion-MNIST's net: each is named after that net."""

from __future__ import annotations

from dataclasses import replace

from harness.contracts import SHARE
from harness.metrics.frechet import Frechet
from harness.metrics.frechet_infinity import FrechetInfinity
from harness.metrics.kernel import KernelDistance
from harness.metrics.precision_recall import ManifoldMetric
from harness.metrics.ratio import Ratio

FEATURES = "fashion-features"


def class_agreement() -> Ratio:
    """Share of the outputs in which the network reads the class that was asked for; chance is 0.1. It reads real test
    images with the accuracy that its card states, so more than that means pictures which are easier than real ones."""
    return Ratio("class-agreement", (f"{FEATURES}.agrees",), worst=0.0, traits=replace(SHARE, chance=0.1))


def fd_fashion() -> Frechet:
    """Frechet distance of outputs to references."""
    return Frechet("fd-fashion", FEATURES)


def fd_fashion_infinity() -> FrechetInfinity:
    """The same, extrapolated to infinitely many pictures."""
    return FrechetInfinity("fd-fashion-infinity", FEATURES)


def kd_fashion() -> KernelDistance:
    """Kernel distance of outputs to references."""
    return KernelDistance("kd-fashion", FEATURES)


def precision_fashion() -> ManifoldMetric:
    """Share of the outputs on the manifold of the references."""
    return ManifoldMetric("precision", "precision-fashion", FEATURES)


def recall_fashion() -> ManifoldMetric:
    """Share of the references on the manifold of the outputs."""
    return ManifoldMetric("recall", "recall-fashion", FEATURES)


def density_fashion() -> ManifoldMetric:
    """Balls of references that hold an output, over the number expected."""
    return ManifoldMetric("density", "density-fashion", FEATURES)


def coverage_fashion() -> ManifoldMetric:
    """Share of the references whose ball holds an output."""
    return ManifoldMetric("coverage", "coverage-fashion", FEATURES)

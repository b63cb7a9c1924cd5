"""CMMD: the published arithmetic, in float64."""

from __future__ import annotations

import numpy as np
import pytest

from harness.metrics.cmmd import Cmmd


def embeddings(seed: int, count: int, shift: float = 0.0) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(count, 24)) + shift
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def measured(x: np.ndarray, y: np.ndarray) -> float:
    metric = Cmmd()
    return metric.value(metric.state(dict(zip(metric.needs, (x, y), strict=True))))


def published(x: np.ndarray, y: np.ndarray) -> float:
    """Eq. 5 of Gretton et al. (2012) with sigma 10, times 1000, one pair at a time."""

    def mean(first: np.ndarray, second: np.ndarray) -> float:
        return float(np.mean([[np.exp(-np.sum((a - b) ** 2) / 200) for b in second] for a in first]))

    x, y = x.astype(np.float64), y.astype(np.float64)
    return 1000 * (mean(x, x) + mean(y, y) - 2 * mean(x, y))


@pytest.mark.parametrize(("n", "m", "shift"), [(20, 20, 0.3), (17, 31, 0.0)])
def test_it_is_the_published_formula(n: int, m: int, shift: float) -> None:
    x, y = embeddings(0, n, shift), embeddings(1, m)
    assert measured(x, y) == pytest.approx(published(x, y), rel=1e-9, abs=1e-10)
    assert measured(x, y) == pytest.approx(measured(y, x), rel=1e-12)


def test_zero_for_equal_sets_and_larger_for_farther_ones() -> None:
    x = embeddings(0, 30)
    assert abs(measured(x, x)) <= 1e-12
    assert (
        0 < measured(x, embeddings(1, 30)) < measured(x, embeddings(1, 30, 0.5)) < measured(x, embeddings(1, 30, 2.0))
    )


@pytest.mark.parity
def test_the_kernel_is_that_of_torch_fidelity() -> None:
    from torch_fidelity.metric_kid import kernel_rbf, mmd2

    x, y = embeddings(2, 25).astype(np.float64), embeddings(3, 25, 0.2).astype(np.float64)
    kernels = (kernel_rbf(a, b, kid_kernel_rbf_sigma=10.0) for a, b in ((x, x), (x, y), (y, y)))
    assert measured(x, y) == pytest.approx(1000 * mmd2(*kernels, mmd_est="biased"), rel=1e-6)


def test_the_metric_is_the_same_in_parts() -> None:
    x, y = embeddings(4, 40), embeddings(5, 40, 0.4)
    table = {"clip-vitl14-336.output": x, "clip-vitl14-336.reference": y}
    metric = Cmmd()
    parts = [{name: values[a:b] for name, values in table.items()} for a, b in ((0, 13), (13, 40))]
    joined = metric.state(parts[0]) + metric.state(parts[1])
    assert metric.value(joined) == pytest.approx(measured(x, y), rel=1e-9)

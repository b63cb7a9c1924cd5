"""The transport between two Gaussians: values in either space, and shares against numerical derivatives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from harness.contracts import Columns
from harness.metrics import feature_sets
from harness.metrics import transport as module
from harness.metrics.feature_sets import FeaturePair, FeatureSet, Gaussian
from harness.metrics.frechet import gaussian_of
from harness.metrics.influence import of_one, of_pair
from harness.metrics.moments import Moments
from harness.metrics.transport import Transport, distance
from tasks.world.measures import fd_infinity, fd_world

NEEDS = ("output", "reference")


@pytest.fixture(autouse=True)
def narrow_is_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few dimensions go the way of many."""
    monkeypatch.setattr(feature_sets, "WIDE", 0)


def features(seed: int, count: int, width: int, rank: int | None = None) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, rank or width)) @ rng.normal(size=(rank or width, width)) + rng.normal(size=width)


def weighted(x: np.ndarray, weights: np.ndarray) -> Gaussian:
    """Of weighted samples, with the factor n / (n - 1) of equal weights."""
    share = weights / weights.sum()
    mean = share @ x
    return Gaussian(mean, (x - mean).T @ ((x - mean) * share[:, None]) * len(x) / (len(x) - 1))


@pytest.mark.parametrize(
    ("first", "second", "width"), [(8, 9, 30), (9, 60, 20), (60, 9, 20), (50, 60, 12), (12, 13, 12)]
)
def test_the_smaller_space_gives_the_distance_of_the_covariances(first: int, second: int, width: int) -> None:
    x, y = features(1, first, width), 1.3 * features(2, second, width)
    found = FeaturePair(FeatureSet.of(x), FeatureSet.of(y)).distance()
    by_moments = gaussian_of(Moments.of(x)).distance(gaussian_of(Moments.of(y)))
    assert found == pytest.approx(by_moments, rel=1e-11)
    assert Transport.between(FeatureSet.of(x), FeatureSet.of(y)).value == pytest.approx(found, rel=1e-12)


@pytest.mark.parametrize("rank", [None, 30])
def test_roots_of_eigenvalues_are_taken_only_where_they_keep_the_digits(
    rank: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = [gaussian_of(Moments.of(features(seed, 300, 60, rank))) for seed in (1, 2)]
    exact = distance(*pair)
    monkeypatch.setattr(module, "SMALL", 8)
    assert distance(*pair) == pytest.approx(exact, rel=1e-10)
    near = Gaussian(pair[0].mean, pair[0].covariance * np.logspace(0, -9, 60) * np.logspace(0, -9, 60)[:, None])
    assert distance(near, near) <= 1e-9 * near.variance


@pytest.mark.parametrize(("first", "second", "width"), [(60, 70, 6), (7, 70, 12), (70, 7, 12), (8, 9, 40)])
def test_a_share_is_the_derivative_by_the_weight_of_a_picture(first: int, second: int, width: int) -> None:
    x, y = features(3, first, width), 1.2 * features(4, second, width)

    def blocks() -> Iterator[Columns]:
        for rows in itertools.batched(range(first), 5) if hasattr(itertools, "batched") else [range(first)]:
            yield {"output": x[list(rows)], "reference": y[:0]}
        yield {"output": x[:0], "reference": y}

    found = of_pair(FeaturePair(FeatureSet.of(x), FeatureSet.of(y)), NEEDS, blocks)
    assert found is not None and found.shares[:first].sum() == pytest.approx(0, abs=1e-9 * np.abs(found.shares).sum())
    step = 1e-5
    for row in (0, 3, first, first + 2):
        ends = []
        for sign in (1, -1):
            weights = np.ones(first), np.ones(second)
            side, place = divmod(row, first) if row < first else (1, row - first)
            weights[side][place] += sign * step
            ends.append(weighted(x, weights[0]).distance(weighted(y, weights[1])))
        # 1e-4: shares are worked out in single precision, which an interval never shows
        assert found.shares[row] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=2e-3, abs=1e-4 * found.value)
    fixed = of_one(FeatureSet.of(x), gaussian_of(Moments.of(y)), "output", lambda: iter([{"output": x}]))
    assert fixed is not None and fixed.shares == pytest.approx(found.shares[:first], rel=1e-3, abs=1e-5)


def test_pictures_that_are_all_alike_have_shares_too() -> None:
    x, y = np.ones((30, 5)), features(5, 40, 5)
    columns: list[Columns] = [{"output": x, "reference": y[:0]}, {"output": x[:0], "reference": y}]
    found = of_pair(FeaturePair(FeatureSet.of(x), FeatureSet.of(y)), NEEDS, lambda: iter(columns))
    assert found is not None and np.isfinite(found.shares).all() and not found.shares[:30].any()


def test_an_extrapolated_distance_shares_out_its_halves() -> None:
    x, y = features(6, 300, 8), 1.2 * features(7, 300, 8)
    names = np.array([f"case-{number}" for number in range(300)], object)
    columns = {"world-features.output": x, "world-features.reference": y, "group": names}
    metric = fd_infinity()
    found = metric.influences(metric.state(columns), lambda: iter([columns]))
    assert found is not None and found.value == pytest.approx(metric.value(metric.state(columns)), rel=1e-9)
    for row in (0, 100, 250):
        rest = np.arange(300) != row
        left_out = {name: values[rest] for name, values in columns.items()}
        fall = found.value - metric.value(metric.state(left_out))
        assert found.shares[row] == pytest.approx(fall, rel=0.1, abs=0.01)


def test_sets_add_in_either_form() -> None:
    x = features(8, 50, 12)
    whole = FeatureSet.of(x)
    assert whole.rows is None
    few = FeatureSet.of(x[:4]) + FeatureSet.of(x[4:12])
    assert few.rows is not None and few.variance == pytest.approx(np.trace(np.cov(x[:12], rowvar=False)))
    for edges in ((0, 4, 12, 50), (0, 30, 35, 50), (0, 1, 2, 50)):
        parts = [FeatureSet.of(x[a:b]) for a, b in itertools.pairwise(edges)]
        total = parts[0] + parts[1] + parts[2]
        assert total.mean == pytest.approx(whole.mean) and total.variance == pytest.approx(whole.variance)
        assert total.factor.T @ total.factor == pytest.approx(np.cov(x, rowvar=False))
    assert fd_world().value(FeaturePair(whole, whole)) == pytest.approx(0, abs=1e-10)


def test_few_pictures_of_many_dimensions_decompose_nothing_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault: 32 pictures took minutes, 20 times two eigendecompositions of 2,048 x 2,048."""
    sides: list[int] = []
    for name in ("svd", "eigh", "cholesky"):
        whole = getattr(np.linalg, name)

        def watched(matrix: np.ndarray, *rest: Any, whole: Callable[..., Any] = whole, **options: Any) -> Any:
            sides.append(max(matrix.shape))
            return whole(matrix, *rest, **options)

        monkeypatch.setattr(np.linalg, name, watched)
    metric = fd_world()
    output, reference = metric.needs
    columns = {output: features(9, 32, 2048), reference: features(10, 40, 2048)}
    blocks: list[Columns] = [{**columns, reference: columns[reference][:0]}, {**columns, output: columns[output][:0]}]
    found = metric.influences(metric.state(columns), lambda: iter(blocks))
    assert found is not None and found.value == pytest.approx(metric.value(metric.state(columns)), rel=1e-10)
    assert len(found.shares) == 72 and sides and max(sides) <= 40

"""Intervals from shares: they hold the value that is to be expected at this number of pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.influences import Shares, share_difference, share_interval
from harness.seeding import rng_for
from tasks.world.measures import fd_world

Draw = Callable[[np.random.Generator, int, int], tuple[np.ndarray, np.ndarray]]


def apart(rng: np.random.Generator, count: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    scale = np.exp(np.linspace(-1, 1, width))
    return rng.normal(size=(count, width)) * scale, rng.normal(size=(count, width)) * 1.2 * scale + 0.2


def alike(rng: np.random.Generator, count: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    scale = np.exp(np.linspace(-1.5, 1.5, width))
    return rng.normal(size=(count, width)) * scale, rng.normal(size=(count, width)) * scale


def rebuilt(rng: np.random.Generator, count: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    original = rng.normal(size=(count, width)) * np.exp(np.linspace(-1, 1, width))
    return 0.9 * original + 0.3 * rng.normal(size=(count, width)) + 0.1, original


def measured(x: np.ndarray, y: np.ndarray, paired: bool) -> tuple[float, Shares, float]:
    metric = fd_world()
    output, reference = metric.needs
    blocks = [{output: x, reference: y}] if paired else [{output: x, reference: y[:0]}, {output: x[:0], reference: y}]
    found = metric.influences(metric.state({output: x, reference: y}), lambda: iter(blocks))
    assert found is not None
    sides = [""] * len(x) if paired else ["output"] * len(x) + ["reference"] * len(y)
    shares = Shares.of(found.shares, [f"{row:04d}" for row in range(len(sides))], sides)
    return found.value, shares, found.twice


@pytest.mark.parametrize(("draw", "paired"), [(apart, False), (alike, False), (rebuilt, True)])
@pytest.mark.parametrize(("count", "width"), [(24, 96), (32, 32), (100, 20)])
def test_it_holds_the_expected_distance_in_90_to_98_percent(draw: Draw, paired: bool, count: int, width: int) -> None:
    rng, trials = rng_for("coverage", draw.__name__, count), 200
    found = [measured(*draw(rng, count, width), paired) for _ in range(trials)]
    expected = np.mean([value for value, _, _ in found])
    held = 0
    for value, shares, twice in found:
        interval = share_interval(value, shares, twice)
        assert interval.low is not None and interval.high is not None
        held += interval.low <= expected <= interval.high
    assert 0.90 <= held / trials <= 0.98


def test_the_more_pictures_of_one_side_the_less_it_adds() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 6)), 1.3 * rng.normal(size=(900, 6))
    value, shares, twice = measured(x, y, False)
    few = measured(x, y[:60], False)
    assert share_interval(value, shares, twice).method == "infinitesimal jackknife, 60 and 900 clusters, t"
    assert shares.variance()[0] < few[1].variance()[0]
    alone = sum(float(np.sum(side**2)) * len(side) / (len(side) - 1) for side in shares.sides)
    assert shares.variance()[0] == pytest.approx(alone, rel=1e-6)


def test_fewer_than_twenty_clusters_of_a_side_have_no_interval() -> None:
    rng = np.random.default_rng(1)
    value, shares, twice = measured(rng.normal(size=(19, 4)), rng.normal(size=(50, 4)), False)
    interval = share_interval(value, shares, twice)
    assert interval.low is None and interval.method == "no interval: 19 clusters, 20 needed"
    assert share_difference(0.0, shares).p is None


def test_a_difference_of_nothing_is_certain() -> None:
    nothing = Shares([np.zeros(30)])
    assert share_difference(0.0, nothing).p == 1.0 and share_interval(2.0, nothing, 0.0).low == 2.0

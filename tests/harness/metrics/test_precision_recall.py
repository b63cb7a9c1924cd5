"""Precision, recall, density, coverage: against a brute-force reference, by hand, and what is left when outputs leave.

The interval's coverage is told apart: about right for precision and density, on the wide side for the other two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.metrics import NotMeasured, manifold, neighbours
from harness.metrics.manifold import NEAREST, Geometry
from harness.metrics.neighbours import nearest_others, points_in_balls
from harness.metrics.precision_recall import ManifoldMetric, Which
from harness.statistics import GROUPS, Jackknife, jackknife_difference, jackknife_interval

FOUR: tuple[Which, ...] = ("precision", "recall", "density", "coverage")


def metric(which: Which) -> ManifoldMetric:
    return ManifoldMetric(which, which, "net")


def columns(outputs: np.ndarray, references: np.ndarray) -> dict[str, Any]:
    names = np.array([f"case-{number:05d}" for number in range(len(outputs))], dtype=object)
    return {"case": names, "net.output": outputs, "net.reference": references}


def taken(table: dict[str, Any], rows: Any) -> dict[str, Any]:
    return {name: values[rows] for name, values in table.items()}


def measured(outputs: np.ndarray, references: np.ndarray) -> dict[str, float]:
    table = columns(outputs, references)
    return {which: metric(which).value(metric(which).state(table)) for which in FOUR}


def squared(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.asarray(((first[:, None] - second[None]) ** 2).sum(-1))


def radius(points: np.ndarray) -> np.ndarray:
    distances = squared(points, points)
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, NEAREST - 1]


def brute(outputs: np.ndarray, references: np.ndarray) -> dict[str, float]:
    distances = squared(outputs, references)
    inside = distances <= radius(references)
    return {
        "precision": inside.any(1).mean(),
        "recall": (distances <= radius(outputs)[:, None]).any(0).mean(),
        "density": inside.sum() / NEAREST / len(outputs),
        "coverage": inside.any(0).mean(),
    }


def draw(seed: int, count: int, width: int, grid: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Outputs a little narrower than references; on a coarse grid many are duplicates and distances tie."""
    rng = np.random.default_rng(seed)
    references, outputs = rng.normal(size=(count, width)), 0.3 + 0.8 * rng.normal(size=(count, width))
    return (np.round(outputs * grid), np.round(references * grid)) if grid else (outputs, references)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(NEAREST + 1, 70), st.integers(1, 6), st.sampled_from([0, 0, 1, 3]))
def test_equal_to_a_brute_force_reference_also_where_distances_tie(
    seed: int, count: int, width: int, grid: int
) -> None:
    outputs, references = draw(seed, count, width, grid)
    assert measured(outputs, references) == pytest.approx(brute(outputs, references), abs=1e-12)


def test_more_rows_than_a_block_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs, references = draw(1, 150, 5)
    whole = measured(outputs, references)
    monkeypatch.setattr(neighbours, "ROWS", 7)
    monkeypatch.setattr(neighbours, "_PAIRS", 11)
    manifold._latest.cache_clear()
    assert measured(outputs, references) == whole == pytest.approx(brute(outputs, references), abs=1e-12)


def test_a_large_offset_and_a_small_scale_change_nothing() -> None:
    outputs, references = (np.round(values * 2**20) / 2**20 for values in draw(2, 120, 4))
    whole = measured(outputs, references)
    assert measured(outputs + 2.0**20, references + 2.0**20) == whole
    assert measured(outputs * 2.0**-30, references * 2.0**-30) == whole


def test_by_hand_on_a_line() -> None:
    """References 0 ... 6: the balls of 0 and 6 reach 5 far, those of 1 and 5 reach 4, the others 3."""
    references = np.arange(7.0)[:, None]
    outputs = np.array([3.0, 9.5, -4.5, 100.0, 100.5, 101.0, 102.0])[:, None]
    found = measured(outputs, references)
    # 3 lies in all seven balls, 9.5 in that of 5 ([1, 9]) no more but in that of 6 ([1, 11]), -4.5 in that of 0 alone.
    assert found["precision"] == pytest.approx(3 / 7)
    assert found["density"] == pytest.approx((7 + 1 + 1) / NEAREST / 7)
    assert found["coverage"] == 1.0
    # The fifth neighbour of every output is at 91.5 or farther, so that its ball holds all or most references.
    assert found["recall"] == 1.0


def test_a_set_against_itself_and_against_one_far_away() -> None:
    outputs, references = draw(3, 80, 6)
    same = measured(references, references)
    # Every ball holds its centre and five neighbours.
    assert same == {"precision": 1.0, "recall": 1.0, "density": pytest.approx((NEAREST + 1) / NEAREST), "coverage": 1.0}
    assert measured(outputs + 1e4, references) == dict.fromkeys(FOUR, 0.0)


def test_recall_is_precision_with_the_sides_exchanged_and_order_does_not_matter() -> None:
    outputs, references = draw(4, 90, 3)
    there, back = measured(outputs, references), measured(references, outputs)
    assert there["recall"] == back["precision"]
    order = np.random.default_rng(0).permutation(90)
    assert measured(outputs[order], references) == there


def test_nearest_others_are_exact_sorted_and_count_duplicates() -> None:
    points = np.array([[0.0], [0.0], [3.0], [7.0]])
    found = nearest_others(points, 2)
    assert found.distances.tolist() == [[0, 9], [0, 9], [9, 9], [16, 49]]
    assert found.indices[:2, 0].tolist() == [1, 0] and found.indices[3].tolist()[0] == 2
    assert nearest_others(points, 9).distances.shape == (4, 3)
    assert nearest_others(points[:1], 5).distances.shape == (1, 0)
    borders = points_in_balls(np.array([[2.0], [2.0 + 1e-9]]), np.zeros((1, 1)), np.array([4.0]))
    assert borders.toarray().tolist() == [[1], [0]]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(12, 60), st.integers(1, 4), st.sampled_from([0, 2]), st.sampled_from([2, 64]))
def test_when_outputs_leave_the_references_stay(seed: int, count: int, width: int, grid: int, witnesses: int) -> None:
    """Also where so many leave that the neighbours and pairs that are kept do not tell."""
    outputs, references = draw(seed, count, width, grid)
    table = columns(outputs, references)
    left = np.sort(np.random.default_rng(seed).permutation(count)[: NEAREST + 1 + seed % (count - NEAREST)])
    inside = squared(outputs[left], references) <= radius(references)
    expected = {
        "precision": inside.any(1).mean(),
        "recall": (squared(outputs[left], references) <= radius(outputs[left])[:, None]).any(0).mean(),
        "density": inside.sum() / NEAREST / len(left),
        "coverage": inside.any(0).mean(),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifold, "WITNESSES", witnesses)
        manifold._latest.cache_clear()
        for which in FOUR:
            given_all = metric(which).given(table)
            state = given_all.state(taken(table, left))
            assert given_all.value(state) == pytest.approx(expected[which], abs=1e-12), which


@pytest.mark.parametrize("which", FOUR)
def test_states_add(which: Which) -> None:
    table = columns(*draw(5, 130, 4))
    given_all = metric(which).given(table)
    parts = [given_all.state(taken(table, slice(*edges))) for edges in ((0, 1), (1, 60), (60, 130))]
    assert given_all.value(parts[2] + parts[0] + parts[1]) == pytest.approx(given_all.value(given_all.state(table)))
    other = metric(which).state(columns(*draw(6, 130, 4)))
    with pytest.raises(ValueError, match="different references"):
        _ = parts[0] + other


def test_fewer_pictures_than_neighbours_are_not_measured() -> None:
    with pytest.raises(NotMeasured, match="more than 5"):
        metric("precision").state(columns(*draw(7, NEAREST, 3)))
    table = columns(*draw(7, 20, 3))
    given_all = metric("recall").given(table)
    with pytest.raises(NotMeasured, match="more than 5"):
        given_all.value(given_all.state(taken(table, slice(0, NEAREST))))
    assert Geometry.of(table["net.output"], table["net.reference"]) == Geometry.of(*list(table.values())[1:])


# ------------------------------------------------------------------------------------------------ intervals


def mixture(rng: np.random.Generator, count: int, known: int, scale: float) -> np.ndarray:
    """The first few of ten Gaussians; the true distribution is all ten at scale 1."""
    centres = 1.5 * np.random.default_rng(1).normal(size=(10, 4))
    return np.asarray(centres[rng.integers(known, size=count)] + scale * rng.normal(size=(count, 4)))


def jackknife(which: Which, outputs: np.ndarray, references: np.ndarray) -> Jackknife:
    table = columns(outputs, references)
    given_all, group = metric(which).given(table), np.arange(len(outputs)) % GROUPS
    states = [given_all.state(taken(table, group == number)) for number in range(GROUPS)]
    return Jackknife.of(states, np.bincount(group).tolist(), given_all.value)


@pytest.mark.parametrize("which", FOUR)
def test_the_value_of_the_jackknife_is_that_of_all(which: Which) -> None:
    outputs, references = draw(8, 200, 4)
    found = jackknife(which, outputs, references)
    assert found.value == pytest.approx(brute(outputs, references)[which]) == pytest.approx(found.scores.mean())


@pytest.mark.slow
@pytest.mark.parametrize("which", FOUR)
def test_intervals_cover_and_do_not_tell_a_model_from_itself(which: Which) -> None:
    """Other outputs of the same model, the same references: 200 sets, the truth from 600 others.

    A model that knows eight of the ten Gaussians and is too wide: about 0.89 of its outputs are precise.
    """
    count, model = 300, (8, 1.3)
    references = mixture(np.random.default_rng(7), count, 10, 1.0)
    truth = np.mean(
        [brute(mixture(np.random.default_rng(50_000 + seed), count, *model), references)[which] for seed in range(600)]
    )
    holds = wrong = 0
    for seed in range(200):
        first, second = (mixture(np.random.default_rng(10_000 * side + seed), count, *model) for side in (1, 2))
        one, two = (jackknife(which, outputs, references) for outputs in (first, second))
        interval, p = jackknife_interval(one), jackknife_difference(one, two).p
        assert interval.low is not None and interval.high is not None and p is not None
        holds += interval.low <= truth <= interval.high
        wrong += p < 0.05
    smooth = which in ("precision", "density")
    assert 0.90 <= holds / 200 <= (0.98 if smooth else 1.0)
    assert wrong / 200 <= (0.10 if smooth else 0.06)

"""Two sets that are not paired, as metrics are shown them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.metrics import NotMeasured
from harness.metrics.kernel import kernel_distance
from harness.metrics.precision_recall import ManifoldMetric
from harness.sets import Sides, measure_set
from tasks.world.measures import fd_world, kd_world, kd_world_paired

FEATURES = "world-features"


def columns(outputs: int, references: int) -> dict[str, Any]:
    """Features of either side stand where a case has them, NaN elsewhere, as they are stored."""
    rng, count = np.random.default_rng(0), outputs + references
    stratum = np.array(["output"] * outputs + ["reference"] * references, object)
    names = np.array([f"{side}-{number:03d}" for number, side in enumerate(stratum)], object)
    found: dict[str, Any] = {"case": names, "group": names, "stratum": stratum}
    for side in ("output", "reference"):
        values = rng.normal(size=(count, 5)).astype(np.float32)
        values[stratum != side] = np.nan
        found[f"{FEATURES}.{side}"] = values
    return found


def measured(metric: Any, outputs: int, references: int) -> Any:
    table = columns(outputs, references)
    sides = Sides.of(table, metric.needs, unpaired=True)
    names = table["case"].tolist()
    of = dict(zip(names, table["stratum"].tolist(), strict=True))
    return measure_set(metric, sides, dict(zip(names, names, strict=True)), of, seed=0)


@pytest.mark.parametrize(("outputs", "references"), [(30, 45), (45, 30)])
def test_groups_are_taken_of_either_side_and_variances_add(outputs: int, references: int) -> None:
    table, metric = columns(outputs, references), kd_world()
    found = measured(metric, outputs, references)
    x, y = table[f"{FEATURES}.output"][:outputs], table[f"{FEATURES}.reference"][outputs:]
    assert found.interval.value == pytest.approx(kernel_distance(x, y), rel=1e-9)
    assert [name for name, *_ in found.rows[19:21]] == ["jackknife-19", "jackknife-reference-00"]
    assert np.mean([score for *_, score in found.rows]) == pytest.approx(found.interval.value)
    halves = [np.array([score for *_, side, score in found.rows if side == which]) for which in ("output", "reference")]
    both = np.array([score for *_, score in found.rows])
    apart = sum(half.var(ddof=1) / 20 for half in halves) / (40 * 39 / (20 * 19))
    assert both.var(ddof=1) / 40 == pytest.approx(apart, rel=1e-6)


@pytest.mark.parametrize("metric", [fd_world(), kd_world(), ManifoldMetric("recall", "recall", FEATURES)])
def test_a_side_without_pictures_is_not_measured(metric: Any) -> None:
    for counts in ((30, 0), (0, 30)):
        with pytest.raises(NotMeasured):
            measured(metric, *counts)


def test_what_pairs_each_output_with_its_reference_is_not_measured() -> None:
    with pytest.raises(NotMeasured, match="these two sets are not paired"):
        measured(kd_world_paired(), 30, 30)

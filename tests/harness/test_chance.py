"""What a subject that knows nothing reaches is stored beside the value, and totals are not broken down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from harness.contracts import Case, Columns, Estimate, MetricTraits, Sample
from harness.measure import WITHIN_STRATA, measure
from harness.metrics.ratio import Ratio
from harness.spec import RunSpec
from harness.statistics import ratio_difference
from harness.store.parts import encode_samples, sample_row
from harness.store.run_folder import RunFolder

TOTAL = MetricTraits(by_stratum=False, within_strata=True)


@dataclass(frozen=True)
class Total(Ratio):
    traits: MetricTraits = TOTAL

    def chance_on(self, columns: Columns) -> float:
        return 10.0 * len(set(columns["stratum"]))


def measured(root: Path, metrics: list[Ratio]) -> dict[tuple[str, str], Estimate]:
    folder = RunFolder.create_or_open(root, RunSpec("fake", 1, "", "task", 1, "r1"))
    samples = [
        Sample(
            Case(f"case-{place:02d}", f"group-{place:02d}", "ab"[place % 2]),
            numbers={"right": float(place % 3 == 0), "guess": float(place % 2)},
        )
        for place in range(30)
    ]
    folder.write_part("00000", encode_samples([sample_row(sample) for sample in samples], {}))
    measure(folder, metrics, {})
    return {(item.metric, item.stratum): item for item in folder.read_estimates()}


def test_chance_is_a_number_or_another_metric_of_the_same_stratum(tmp_path: Path) -> None:
    found = measured(
        tmp_path,
        [
            Ratio("share", ("number.right",), traits=MetricTraits(chance=0.25)),
            Ratio("judged", ("number.right",), traits=MetricTraits(chance="guessed")),
            Ratio("guessed", ("number.guess",)),
            Ratio("orphan", ("number.right",), traits=MetricTraits(chance="nobody measures this")),
        ],
    )
    assert [found["share", name].chance for name in ("", "a", "b")] == [0.25] * 3
    assert [found["judged", name].chance for name in ("", "a", "b")] == [0.5, 0.0, 1.0]
    assert found["guessed", ""].chance is None
    assert found["orphan", ""].chance is None


def test_a_total_is_not_broken_down_and_states_chance_on_its_data(tmp_path: Path) -> None:
    found = measured(tmp_path, [Total("total", ("number.right",)), Ratio("share", ("number.right",))])
    assert {stratum for metric, stratum in found if metric == "total"} == {""}
    assert {stratum for metric, stratum in found if metric == "share"} == {"", "a", "b"}
    assert found["total", ""].chance == 20.0
    assert found["total", ""].fingerprint["resampled"] == WITHIN_STRATA
    assert "resampled" not in found["share", ""].fingerprint


def test_a_difference_within_strata_leaves_out_what_differs_between_them() -> None:
    """One stratum is far easier for the first model: that gap is no noise."""
    rng = np.random.default_rng(0)
    hard, easy = rng.normal(0.0, 0.1, 40), rng.normal(1.0, 0.1, 40)
    first, ones = np.concatenate([hard, easy]), np.ones(80)
    clusters, strata = [f"c{place}" for place in range(80)], ["hard"] * 40 + ["easy"] * 40
    plain = ratio_difference((first, ones), (0 * first, ones), clusters)
    within = ratio_difference((first, ones), (0 * first, ones), clusters, strata=strata)
    assert within.value == plain.value
    assert within.low is not None and within.high is not None and plain.low is not None and plain.high is not None
    expected = 2 * 2.0 * np.sqrt(hard.var(ddof=1) / 40 + easy.var(ddof=1) / 40) / 2  # t of 78 degrees is 1.99
    assert within.high - within.low == pytest.approx(expected, rel=0.12)
    assert plain.high - plain.low > 3 * (within.high - within.low)
    with pytest.raises(ValueError, match="lies in two strata"):
        ratio_difference((first, ones), (first / 2, ones), ["c0"] * 80, strata=strata)

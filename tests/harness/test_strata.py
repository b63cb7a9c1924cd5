"""The bootstrap within strata: what it leaves out, what it covers, and where it says that it cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.contracts import Case, MetricTraits, Sample
from harness.measure import measure
from harness.metrics.ratio import Ratio
from harness.spec import RunSpec
from harness.statistics import ratio_interval
from harness.store.parts import encode_samples, sample_row
from harness.store.run_folder import RunFolder

STRATA, CLUSTERS, PER_CLUSTER = 4, 12, 3
CHANCES = np.array([0.1, 0.4, 0.7, 0.95])
GROUPS = [f"c{place:02d}" for place in range(STRATA * CLUSTERS) for _ in range(PER_CLUSTER)]
NAMES = [f"s{place // CLUSTERS}" for place in range(STRATA * CLUSTERS) for _ in range(PER_CLUSTER)]
ONES = np.ones(len(GROUPS))


def draw(rng: np.random.Generator) -> np.ndarray:
    """Right or wrong, correlated within a cluster; the truth is the mean of ``CHANCES`` and the strata are fixed."""
    level = np.repeat(CHANCES, CLUSTERS)[:, None]
    chance = rng.beta(6 * level, 6 * (1 - level))
    return (rng.random((STRATA * CLUSTERS, PER_CLUSTER)) < chance).astype(float).ravel()


def test_one_stratum_is_the_plain_bootstrap_bit_for_bit() -> None:
    scores = draw(np.random.default_rng(0))
    assert ratio_interval(scores, ONES, GROUPS, strata=["all"] * len(GROUPS)) == ratio_interval(scores, ONES, GROUPS)


def test_it_covers_where_the_plain_one_is_too_wide() -> None:
    truth, held, width, plain = CHANCES.mean(), 0, 0.0, 0.0
    for seed in range(200):
        scores = draw(np.random.default_rng(seed))
        within = ratio_interval(scores, ONES, GROUPS, strata=NAMES, resamples=500)
        across = ratio_interval(scores, ONES, GROUPS, resamples=500)
        assert within.low is not None and within.high is not None and across.low is not None and across.high is not None
        held += within.low <= truth <= within.high
        width, plain = width + within.high - within.low, plain + across.high - across.low
    assert 0.90 <= held / 200 <= 0.98
    assert width < 0.75 * plain


def test_what_differs_between_strata_only_has_no_spread() -> None:
    scores = np.repeat(CHANCES, CLUSTERS * PER_CLUSTER)
    found = ratio_interval(scores, ONES, GROUPS, strata=NAMES)
    assert found.low == pytest.approx(found.value) == found.high
    assert "within 4 strata" in found.method


def test_every_stratum_takes_a_degree_of_freedom() -> None:
    scores = np.arange(10.0)
    groups, strata = [f"c{place}" for place in range(10)], ["a", "b"] * 5
    assert ratio_interval(scores, np.ones(10), groups, strata=strata).low is not None
    few = ratio_interval(scores[:8], np.ones(8), groups[:8], strata=strata[:8])
    assert few.low is None and few.method == "no interval: 8 clusters within 2 strata, 9 needed"


def test_a_cluster_in_two_strata_is_refused() -> None:
    with pytest.raises(ValueError, match="cluster 'one' lies in two strata, 'a' and 'b'"):
        ratio_interval(np.arange(2.0), np.ones(2), ["one", "one"], strata=["a", "b"])


WITHIN = MetricTraits(within_strata=True)


def test_measuring_resamples_within_strata_where_the_metric_says_so(tmp_path: Path) -> None:
    folder = RunFolder.create_or_open(tmp_path, RunSpec("fake", 1, "", "task", 1, "r1"))
    scores = draw(np.random.default_rng(1))
    samples = [
        Sample(Case(f"case-{place:03d}", group, name), numbers={"score": float(score)})
        for place, (group, name, score) in enumerate(zip(GROUPS, NAMES, scores, strict=True))
    ]
    folder.write_part("00000", encode_samples([sample_row(sample) for sample in samples], {}))
    plain, within = (
        measure(folder, [Ratio("score", ("number.score",), traits=traits)], {})[0]
        for traits in (MetricTraits(), WITHIN)
    )
    expected = ratio_interval(scores, ONES, GROUPS, strata=NAMES)
    assert (within.low, within.high, within.method) == (expected.low, expected.high, expected.method)
    assert plain.low is not None and within.low is not None and plain.low < within.low


def test_cases_of_no_weight_are_neither_scored_nor_resampled_within_strata(tmp_path: Path) -> None:
    folder = RunFolder.create_or_open(tmp_path, RunSpec("fake", 1, "", "task", 1, "r1"))
    scores = draw(np.random.default_rng(1))
    weights = [float(name != "s0" and group[-1] in "02468") for group, name in zip(GROUPS, NAMES, strict=True)]
    samples = [
        Sample(Case(f"case-{place:03d}", group, name), numbers={"right": float(score) * weight, "weight": weight})
        for place, (group, name, score, weight) in enumerate(zip(GROUPS, NAMES, scores, weights, strict=True))
    ]
    failed = Sample(Case("case-failed", "c99", "s1"), "failed", "no image")
    folder.write_part("00000", encode_samples([sample_row(sample) for sample in [*samples, failed]], {}))
    metric = Ratio("share", ("number.right",), ("number.weight",), worst=0.0, traits=WITHIN)
    found = {item.stratum: item for item in measure(folder, [metric], {})}
    kept = [place for place, weight in enumerate(weights) if weight]
    expected = ratio_interval(
        scores[kept], ONES[kept], [GROUPS[place] for place in kept], strata=[NAMES[place] for place in kept]
    )
    whole = found[""]
    assert (whole.value, whole.low, whole.high, whole.method) == (
        expected.value, expected.low, expected.high, expected.method,
    )  # fmt: skip
    assert (whole.scored, whole.failed) == (len(kept), 1)
    assert whole.failures_wrong == pytest.approx(scores[kept].sum() / (len(kept) + 1))
    assert found["s0"].value is None and "nothing was there to count" in found["s0"].absent

"""Paired differences of stored runs: their value, their interval, and what may not be compared."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made_runs import (
    METRIC,
    SHARED,
    STRATIFIED,
    case_scores,
    jackknife_groups,
    made_run,
    names,
    perplexity_run,
    shares,
)

from reports.comparing.differences import difference, shared_cases, unlike
from reports.comparing.paired import compare
from reports.reading.runs import Run, read_stored

SIMULATIONS = 200


def pair_of(kind: str, rng: np.random.Generator, gap: float = 1.0) -> tuple[Run, Run]:
    """Two runs whose values are ``gap`` apart on average, on cases that vary by much more."""
    if kind == "groups":
        common = rng.normal(300, 40, 20)
        first, second = (jackknife_groups(common + rng.normal(0, 2, 20) + add) for add in (gap, 0))
        return made_run("A", first), made_run("B", second)
    common, noise = rng.normal(50, 8, 60), rng.normal(0, 2, (2, 60))
    if kind == "shares":
        parts = [common + one for one in noise]
        values = [part.mean() + add for part, add in zip(parts, (gap, 0), strict=True)]
        scores = [case_scores(v + p - p.mean()) for v, p in zip(values, parts, strict=True)]
        return made_run("A", scores[0], method=f"{SHARED}, 60 clusters"), made_run("B", scores[1], method=SHARED)
    if kind == "strata":
        tags = [f"tag-{number % 3}" for number in range(60)]
        lifted = common + np.array([10.0 * (number % 3) for number in range(60)])
        first, second = (case_scores(lifted + one + add, strata=tags) for one, add in zip(noise, (gap, 0), strict=True))
        return made_run("A", first, fingerprint=STRATIFIED), made_run("B", second, fingerprint=STRATIFIED)
    first, second = (case_scores(common + one + add) for one, add in zip(noise, (gap, 0), strict=True))
    return made_run("A", first), made_run("B", second)


KINDS = ("ratio", "strata", "shares", "groups")


@pytest.mark.parametrize("kind", KINDS)
def test_its_interval_holds_the_truth_as_often_as_it_says(kind: str) -> None:
    held = told = 0
    for trial in range(SIMULATIONS):
        found = difference(*pair_of(kind, np.random.default_rng(trial)), METRIC, resamples=400)
        assert found is not None and found.low is not None and found.high is not None and found.p is not None
        held += found.low <= 1.0 <= found.high
        told += abs((found.p < 0.05) - (not found.low <= 0 <= found.high))
    assert 0.90 <= held / SIMULATIONS <= 0.98
    assert told <= 0.02 * SIMULATIONS, "p and interval say the same, but for the grid of 400 resamples"


@pytest.mark.parametrize("kind", KINDS)
def test_equal_runs_differ_by_exactly_nothing(kind: str) -> None:
    run, _ = pair_of(kind, np.random.default_rng(0))
    found = difference(run, replace_scores(run), METRIC)
    assert found is not None
    assert (found.value, found.low, found.high, found.p, found.error) == (0.0, 0.0, 0.0, 1.0, 0.0)


def replace_scores(run: Run) -> Run:
    other = replace(run, subject="twin")
    other.__dict__["scores"] = run.scores
    return other


@pytest.mark.parametrize("kind", KINDS)
def test_turned_round_it_changes_its_sign(kind: str) -> None:
    """The value exactly; the ends of a bootstrap to 2 % of its width, since quantiles interpolate from either side."""
    first, second = pair_of(kind, np.random.default_rng(3))
    there, back = difference(first, second, METRIC), difference(second, first, METRIC)
    assert there is not None and back is not None
    assert there.low is not None and there.high is not None and back.low is not None and back.high is not None
    assert there.value == -back.value and there.p == pytest.approx(back.p, abs=1e-9)
    near = 0.02 * (there.high - there.low)
    assert abs(there.low + back.high) <= near and abs(there.high + back.low) <= near
    assert there.error == pytest.approx(back.error, rel=1e-9)


def test_it_is_the_difference_of_the_values_that_the_tables_show(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", 1.0), subject("vqgan", 0.4)])
    first, second = read_stored(str(maker.root)).runs
    found = difference(first, second, "psnr")
    one, two = first.estimate("psnr"), second.estimate("psnr")
    assert found is not None and one is not None and two is not None and one.value and two.value
    assert found.value == pytest.approx(one.value - two.value, abs=1e-9)
    assert difference(first, second, "fd-world") is None, "no scores of it are stored"


def test_a_perplexity_differs_in_perplexity_and_not_in_its_logarithm() -> None:
    rng = np.random.default_rng(5)
    losses = rng.normal(1.5, 0.3, 80)
    worse = losses + rng.normal(0.1, 0.05, 80)
    found = difference(perplexity_run("A", worse), perplexity_run("B", losses), METRIC)
    assert found is not None and found.low is not None and found.high is not None
    assert found.value == pytest.approx(math.exp(worse.mean()) - math.exp(losses.mean()), rel=1e-9)
    assert found.low < found.value < found.high and found.low > 0


def test_a_scale_that_is_not_known_has_a_value_and_no_interval() -> None:
    rng = np.random.default_rng(6)
    first, second = (rng.normal(4, 1, 50) for _ in range(2))
    runs = [
        made_run(label, case_scores(values), value=float(values.mean()) ** 3)
        for label, values in (("A", first), ("B", second))
    ]
    found = difference(*runs, METRIC)
    assert found is not None and found.low is None and found.p is not None
    assert found.value == pytest.approx(first.mean() ** 3 - second.mean() ** 3)
    assert found.method == "no interval: how the metric shows its ratio is not known here"


def test_it_is_not_cut_at_the_bounds_of_the_metric() -> None:
    """Two shares near 1 may be further apart than the values tell."""
    right = np.ones(40)
    right[:2] = 0
    found = difference(made_run("A", case_scores(np.roll(right, 5))), made_run("B", case_scores(right)), METRIC)
    assert found is not None and found.low is not None and found.high is not None
    assert found.value == 0 and found.low < 0 < found.high


def test_only_common_cases_are_paired() -> None:
    values = np.random.default_rng(2).normal(20, 3, 60)
    whole = made_run("A", case_scores(values + 1.0), digest="whole")
    part = made_run("B", case_scores(values[20:], cases=names(40, 20)), digest="part")
    found = difference(whole, part, METRIC)
    assert found is not None and found.value == pytest.approx(1.0, abs=1e-12) and found.pairs == 40
    assert shared_cases(whole, part, METRIC) == (40, 60, 40)
    assert unlike(whole, part, METRIC) == ""


def test_fewer_than_half_of_the_cases_in_common_are_refused_with_the_overlap() -> None:
    values = np.random.default_rng(2).normal(20, 3, 60)
    whole = made_run("A", case_scores(values), digest="whole")
    part = made_run("B", case_scores(values[:20]), digest="part")
    assert unlike(whole, part, METRIC) == "A and B share 20 cases, of 60 and 20: fewer than half"
    nothing = made_run("C", case_scores(values, cases=names(60, 100)), digest="others")
    assert unlike(whole, nothing, METRIC) == "A and C share 0 cases, of 60 and 60: fewer than half"
    assert difference(whole, nothing, METRIC) is None


def test_other_protocols_and_versions_are_named() -> None:
    scores = case_scores(np.arange(40.0))
    nearest = made_run("A", scores, fingerprint={"rounding": "nearest", "weights": "ema"})
    down = made_run("B", scores, fingerprint={"rounding": "down", "weights": "model"}, version=2)
    said = unlike(nearest, down, METRIC)
    assert said == "the protocols of A and B differ: rounding is nearest or down; version of the metric is 1 or 2"
    assert unlike(nearest, nearest, METRIC) == ""
    missing = made_run("C", None, absent="the file is not here")
    assert unlike(nearest, missing, METRIC) == f"C has no {METRIC} (the file is not here)"
    assert unlike(nearest, down, "other") == "A has no other"


def test_groups_of_other_cases_are_refused(maker: Any) -> None:
    """Their names are the same whatever the cases, so that pairing them would compare strangers."""
    rng = np.random.default_rng(0)
    runs = [made_run(label, jackknife_groups(rng.normal(300, 40, 20)), digest=label) for label in "AB"]
    for run in runs:
        run.scores["per case"] = case_scores(np.arange(30.0))
    assert "paired by groups" in unlike(*runs, METRIC)


def test_tables_and_differences_ask_one_test() -> None:
    """The p that a table corrects is the p beside the interval."""
    for kind in KINDS:
        runs = pair_of(kind, np.random.default_rng(9), gap=0.4)
        found = difference(*runs, METRIC)
        assert found is not None and compare(*runs, METRIC).p == found.p


def test_shares_of_strangers_add_to_the_spread() -> None:
    rng = np.random.default_rng(4)
    first = made_run("A", shares(rng, 50, 30.0, 4.0), method=SHARED)
    second = made_run("B", shares(rng, 50, 29.0, 4.0), method=SHARED)
    moved = replace(second.scores[METRIC], cases=np.array(names(50, 25)), groups=np.array(names(50, 25)))
    apart = made_run("B", moved, method=SHARED, digest="others")
    near, far = difference(first, second, METRIC), difference(first, apart, METRIC)
    assert near is not None and far is not None and near.pairs == 50 and far.pairs == 75
    assert near.value == far.value == pytest.approx(1.0)


def test_the_linearised_difference_keeps_to_its_strata() -> None:
    """What strata differ by is no part of the spread."""
    rng = np.random.default_rng(12)
    tags = [f"tag-{number % 2}" for number in range(120)]
    offset = np.array([30.0 * (number % 2) for number in range(120)])
    common = rng.normal(0, 1, 120)
    first = case_scores(common + offset + 1 + rng.normal(0, 0.3, 120), strata=tags)
    second = case_scores(common, strata=tags)
    runs = [made_run(name, scores, fingerprint=STRATIFIED) for name, scores in (("A", first), ("B", second))]
    within = difference(*runs, METRIC)
    plain = difference(*(made_run(name, scores) for name, scores in (("A", first), ("B", second))), METRIC)
    assert within is not None and plain is not None and within.error is not None and plain.error is not None
    assert within.error < plain.error / 10 and within.p is not None and plain.p is not None and within.p < plain.p

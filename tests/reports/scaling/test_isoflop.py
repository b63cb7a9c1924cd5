"""The best size at equal compute, as measured and by the law; and the runs that no other beats."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hoffmann import LAW

from harness.contracts import ShownModel
from reports.figures.curves import Point
from reports.scaling.analysis import fits_of, frontier
from reports.scaling.isoflop import FLOPS_A_TOKEN, valleys
from reports.scaling.trainings import Training
from reports.scaling.values import COMPUTE, ISOFLOP, JOINT, SIZE


def training(size: float, tokens: float, scatter: float = 1.0) -> Training:
    value = float(LAW.at(size, tokens)) * scatter
    flops = FLOPS_A_TOKEN * size * tokens
    name = f"{size:g}-{tokens:g}"
    return Training("model", ShownModel(), name, size, tokens, flops, Point(flops, value, None, None), run=name)


def best_size(flops: float) -> float:
    """Equation 4 of the paper."""
    (a, b), (alpha, beta) = LAW.factors, LAW.exponents
    grown = (alpha * a / (beta * b)) ** (1 / (alpha + beta))
    return grown * math.pow(flops / FLOPS_A_TOKEN, beta / (alpha + beta))


def isoflops(*budgets: float) -> list[Training]:
    """Seven sizes about the best one, at each amount of compute."""
    return [
        training(size, flops / (FLOPS_A_TOKEN * size))
        for flops in budgets
        for size in best_size(flops) * np.geomspace(1 / 3, 3, 7)
    ]


def test_a_valley_turns_at_the_best_size() -> None:
    found = valleys(isoflops(1e19, 1e21))
    assert [len(valley.of) for valley in found] == [7, 7]
    for valley in found:
        assert valley.best == pytest.approx(best_size(valley.flops), rel=0.1)
        sizes = np.geomspace(valley.best / 2, valley.best * 2, 41)
        assert min(map(valley.at, sizes)) == pytest.approx(valley.at(valley.best), rel=1e-6)


def test_two_sizes_at_one_compute_are_no_valley_and_a_slope_has_no_bottom() -> None:
    assert valleys(isoflops(1e20)[:2]) == []
    (slope,) = valleys([training(size, 1e20 / (6 * size)) for size in (1e7, 2e7, 4e7)])
    assert slope.best is None


def test_the_law_of_both_says_how_the_best_size_grows() -> None:
    """b / (a + b) = 0.28 / 0.62."""
    rng = np.random.default_rng(0)
    runs = [
        training(size, tokens, float(np.exp(0.002 * rng.standard_normal())))
        for size in np.geomspace(1e7, 1e10, 6)
        for tokens in np.geomspace(1e9, 1e11, 4)
    ]
    fits = fits_of(runs)
    (grows,) = (said for fit in fits if fit.law == ISOFLOP for said in fit.quantities)
    assert grows.low <= 0.28 / 0.62 <= grows.high and grows.high - grows.low < 0.2
    (joint,) = (fit for fit in fits if fit.law == JOINT)
    assert [said.name for said in joint.quantities] == ["a", "b", "E", "A", "B"]


def test_the_frontier_is_what_nothing_cheaper_beats() -> None:
    runs = [training(1e7, 1e9), training(1e7, 2e9), training(1e7, 3e9, 1.5), training(1e8, 2e9)]
    assert frontier(runs) == [runs[0], runs[1], runs[3]]
    assert frontier([]) == []


def test_sizes_on_other_tokens_are_told_apart_from_too_few_sizes() -> None:
    runs = [training(1e7 * 4**k, 1e9 * 4**k) for k in range(4)]
    refused = next(fit.refused for fit in fits_of(runs) if fit.law == SIZE)
    assert refused is not None and refused.why == "no three of the 4 sizes saw equally many tokens"
    assert next(fit for fit in fits_of(runs) if fit.law == COMPUTE).refused is None


def test_five_runs_leave_nothing_to_judge_five_parameters_by() -> None:
    """A cross of three sizes and three numbers of tokens, and with one more run."""
    cross = [training(size, 1e9) for size in (1e7, 1e8, 1e9)] + [training(1e8, tokens) for tokens in (1e8, 1e10)]
    refused = next(fit.refused for fit in fits_of(cross) if fit.law == JOINT)
    assert refused is not None and refused.why.startswith("5 runs leave nothing")
    more = fits_of([*cross, training(1e9, 1e10)])
    assert next(fit for fit in more if fit.law == JOINT).refused is None


@pytest.mark.parametrize("scatter", [0.0, 1e-9], ids=["equal", "all but equal"])
def test_values_that_do_not_fall_end_nothing(scatter: float) -> None:
    sizes, tokens = (1e7, 1e8, 1e9, 1e10), (1e9, 1e10, 1e11)
    runs = []
    for place, (size, seen) in enumerate((size, seen) for size in sizes for seen in tokens):
        value = 2.0 * (1 + scatter * (place % 3))
        runs.append(Training("m", ShownModel(), f"{place}", size, seen, 6 * size * seen, Point(1, value, None, None)))
    fits = fits_of(runs)
    assert {fit.law for fit in fits} >= {SIZE, JOINT, COMPUTE}
    for fit in fits:
        assert all(math.isfinite(said.value) for said in fit.quantities), fit.law

"""The law in parameters and tokens is found again from simulated runs of a published one, and its intervals hold."""

from __future__ import annotations

import numpy as np
import pytest
from hoffmann import LARGE, LAW, NUMBERS, D, N, simulated
from scipy.optimize import minimize

from reports.scaling.fitting import DELTA, fit, fit_again

SIMULATIONS, SCATTER = 200, 0.01


def test_a_law_without_scatter_is_found_exactly() -> None:
    law = fit([N, D], LAW.at(N, D))
    assert law.exponents == pytest.approx(LAW.exponents, rel=1e-5)
    assert law.factors == pytest.approx(LAW.factors, rel=1e-4)
    assert law.offset == pytest.approx(LAW.offset, rel=1e-6)


@pytest.mark.parametrize("scale", [1e-3, 250.0], ids=["small values", "large values"])
def test_the_unit_of_the_values_changes_nothing_but_theirs(scale: float) -> None:
    values = LAW.at(N, D) * np.exp(0.003 * np.random.default_rng(0).standard_normal(N.size))
    plain, scaled = fit([N, D], values), fit([N, D], scale * values)
    assert scaled.exponents == pytest.approx(plain.exponents, rel=1e-4)
    assert scaled.offset == pytest.approx(scale * plain.offset, rel=1e-4)


def test_nothing_nearby_fits_better() -> None:
    """Against another minimiser, of the sum of Huber losses written down from its definition."""
    values = LAW.at(N, D) * np.exp(0.01 * np.random.default_rng(1).standard_normal(N.size))
    law = fit([N, D], values)

    def loss(p: np.ndarray) -> float:
        offset, a, b, alpha, beta = p[0], p[1], p[2], p[3], p[4]
        predicted = np.logaddexp.reduce([np.full(N.size, offset), a - alpha * np.log(N), b - beta * np.log(D)])
        r = np.abs(np.log(values) - predicted)
        return float(np.sum(np.where(r <= DELTA, r**2 / 2, DELTA * (r - DELTA / 2))))

    ours = np.array([np.log(law.offset), *np.log(law.factors), *law.exponents])
    assert loss(ours) == pytest.approx(law.loss, rel=1e-6)
    theirs = minimize(loss, ours, method="Nelder-Mead", options={"maxiter": 2000, "xatol": 1e-7, "fatol": 1e-12})
    assert loss(ours) <= theirs.fun * (1 + 1e-3)


def test_draws_end_where_a_fit_from_the_grid_ends() -> None:
    rng = np.random.default_rng(2)
    law = fit([N, D], LAW.at(N, D) * np.exp(0.01 * rng.standard_normal(N.size)))
    draws = law.at(N, D) * np.exp(0.01 * rng.standard_normal((2, N.size)))
    for drawn, again in zip(draws, fit_again([N, D], draws, law), strict=True):
        assert again.loss <= fit([N, D], drawn).loss * 1.001


def test_the_intervals_of_one_simulation_hold_the_truth_and_say_something() -> None:
    drawn = simulated(0, 0.003)
    for name, of in NUMBERS.items():
        value, low, high = drawn.interval(of)
        assert low < value < high
        assert low <= of(LAW) <= high, name
    for name in ("a", "b", "E"):
        value, low, high = drawn.interval(NUMBERS[name])
        assert high - low < 0.4 * value, name
    low, high = drawn.prediction(*LARGE)[1:]
    assert high - low > drawn.interval(NUMBERS["prediction"])[2] - drawn.interval(NUMBERS["prediction"])[1]


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say(capsys: pytest.CaptureFixture[str]) -> None:
    """Of 200 simulations some 190 should; 180 to 196 are asked for (A and B are reported)."""
    held = dict.fromkeys(NUMBERS, 0)
    for seed in range(SIMULATIONS):
        drawn = simulated(seed, SCATTER)
        for name, of in NUMBERS.items():
            _, low, high = drawn.interval(of)
            held[name] += low <= of(LAW) <= high
    with capsys.disabled():
        print("\ncoverage:", {name: count / SIMULATIONS for name, count in held.items()})
    for name in ("a", "b", "E", "prediction"):
        assert 0.90 <= held[name] / SIMULATIONS <= 0.98, held

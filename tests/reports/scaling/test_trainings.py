"""Scaling curves: which checkpoints are joined and compared, the law through them, and when there is a figure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.contracts import ShownTask
from reports.figures.draw import figures_of, panel_svg, render
from reports.figures.scaling_figure import scaling_figure
from reports.reading.runs import read_stored
from reports.scaling.lines import power_law
from reports.scaling.trainings import is_scaled, trained_alike, trainings
from reports.scaling.trainings import sizes as sizes_of

TASK, METRIC = "generation-world", "fd-world"


def stated(recipe: str, size: float, tokens: float, **more: Any) -> dict[str, Any]:
    """What a run's ``cost.json`` says of a checkpoint."""
    said = {"non_embedding_parameters": size, "tokens_seen": tokens, "training_flops": 6 * size * tokens}
    return {"training": {**said, "recipe": {"name": recipe, "order": "native", "pictures": True, **more}}}


@pytest.fixture
def stored(maker: Any, subject: Callable[..., Any]) -> Any:
    """Three sizes of DDT-LLaMA, one of them at two shares, one reversed; two sizes of VQGAN-LLaMA; a control."""
    made = [
        *(
            (f"ddt-llama@s{n}-100", 2.0 / n**0.3, f"d{n}", size, 4e6, {})
            for n, size in ((1, 1e6), (2, 2e6), (4, 1.2e7))
        ),
        ("ddt-llama@s2-050", 2.1, "d2", 2e6, 2e6, {}),
        ("ddt-llama@r2-100", 2.0, "r2", 2e6, 4e6, {"order": "reversed"}),
        ("ddt-llama@t2-100", 2.2, "t2", 2e6, 1e6, {"pictures": False}),
        ("vqgan-llama@s1-100", 1.0, "v1", 1e6, 4.01e6, {}),
        ("vqgan-llama@s2-100", 0.8, "v2", 2e6, 4e6, {}),
    ]
    subjects = [subject(name, blur, cost=stated(recipe, size, t, **more)) for name, blur, recipe, size, t, more in made]
    control = subject("real", cost=stated("real", 1e6, 1e6))
    maker.task(TASK, [*subjects, control, subject("ddt-llama@unstated", 1.0)], cases=6)
    return read_stored(str(maker.root))


def test_a_checkpoint_belongs_to_its_model_order_and_training(stored: Any) -> None:
    found = trainings(stored.runs, METRIC)
    assert len(found) == 8, "a control and a model that states no training are no points"
    by_family = {family: [one.recipe for one in found if one.family == family] for family in {o.family for o in found}}
    assert by_family == {
        "DDT-LLaMA": ["d1", "d2", "d2", "d4"],
        "DDT-LLaMA, reversed": ["r2"],
        "text alone": ["t2"],
        "VQGAN-LLaMA": ["v1", "v2"],
    }
    middle = [one for one in found if one.recipe == "d2"]
    assert [one.tokens for one in middle] == [2e6, 4e6], "in the order of what they took"
    assert all(one.value.x == one.flops == 6 * one.parameters * one.tokens for one in found)
    assert trainings(stored.runs, "psnr-of-nobody") == []


def test_sizes_are_compared_at_equal_tokens(stored: Any) -> None:
    alike = trained_alike(trainings(stored.runs, METRIC))
    assert [(one.recipe, one.tokens) for one in alike if one.family == "DDT-LLaMA"] == [
        ("d1", 4e6),
        ("d2", 4e6),
        ("d4", 4e6),
    ]
    assert len([one for one in alike if one.family == "VQGAN-LLaMA"]) == 2
    assert {one.family for one in alike} == {"DDT-LLaMA", "VQGAN-LLaMA"}, "one size says nothing about size"


@settings(deadline=None)
@given(
    st.floats(0.01, 100),
    st.floats(0.01, 2) | st.floats(-2, -0.01),
    st.lists(st.floats(0.1, 1e9), min_size=3, max_size=8, unique=True),
)
def test_a_law_is_found_again(factor: float, exponent: float, sizes: list[float]) -> None:
    law = power_law([(x, factor * x**exponent) for x in sizes])
    assert (law is None) == (sizes_of(sizes) < 3)
    if law is None:
        return
    assert law.exponent == pytest.approx(exponent, abs=1e-6)
    assert law.at(sizes[0]) == pytest.approx(factor * sizes[0] ** exponent, rel=1e-5)


def test_the_interval_of_the_exponent_is_students() -> None:
    """Against the covariance of numpy's own fit."""
    from scipy import stats

    rng = np.random.default_rng(0)
    x = np.array([1e5, 3e5, 1e6, 3e6, 1e7])
    y = 3.0 * x**-0.2 * np.exp(0.02 * rng.standard_normal(5))
    law = power_law(list(zip(x.tolist(), y.tolist(), strict=True)))
    (slope, _), covariance = np.polyfit(np.log(x), np.log(y), 1, cov=True)
    half = stats.t.ppf(0.975, 3) * np.sqrt(covariance[0, 0])
    assert law is not None
    assert (law.exponent, law.low, law.high) == pytest.approx((slope, slope - half, slope + half), rel=1e-6)


@pytest.mark.parametrize(
    "points",
    [
        [(1.0, 2.0), (2.0, 2.0), (4.0, 2.0)],
        [],
        [(1.0, 2.0), (2.0, 1.0)],
        [(1.0, 2.0), (1.0, 1.0), (2.0, 1.0)],
        [(1.0, 2.0), (2.0, 1.0), (3.0, 0.0)],
    ],
    ids=["equal values", "none", "two", "two sizes", "a zero"],
)
def test_too_little_makes_no_law(points: list[tuple[float, float]]) -> None:
    assert power_law(points) is None


def test_the_figure_shows_compute_and_size(stored: Any) -> None:
    figure = next(one for one in figures_of(stored) if one.name == f"scaling-{TASK}")
    assert [panel.title for panel in figure.panels] == ["FD-world and compute", "FD-world and size"]
    assert "DDT-LLaMA, reversed" in figure.panels[0].description and "text alone" in figure.panels[0].description
    laws = figure.caption.partition("Exponents a: ")[2]
    assert laws.startswith("DDT-LLaMA ") and "VQGAN" not in laws, "two sizes make no law"
    assert "DDT-LLaMA 4 M, VQGAN-LLaMA 4.01 M" in figure.caption, "the tokens that they saw"
    assert render(figure, "png") == render(figure, "png")
    svg = panel_svg(figure.panels[1], "p")
    assert "DDT-LLaMA" in svg and "reversed" not in svg


def test_a_score_has_a_curve_and_no_law(maker: Any, subject: Callable[..., Any]) -> None:
    sizes = [subject(f"ddt-llama@{n}", cost=stated(f"d{n}", n * 1e6, 4e6)) for n in (1, 2, 4)]
    maker.task("reconstruction-world", sizes, cases=6)
    shown = ShownTask("objects", ("object-f1",))
    runs = [replace(run, shown_task=shown) for run in read_stored(str(maker.root)).runs]
    figure = scaling_figure("reconstruction-world", runs)
    assert figure is not None and len(figure.panels) == 2
    assert "Exponents" not in figure.caption and "Dashed" not in figure.caption
    assert render(figure, "png")


def test_a_second_run_of_the_same_weights_is_no_second_point(stored: Any) -> None:
    runs = [run for run in stored.runs if run.subject.startswith("ddt-llama@s")]
    twice = [replace(run, spec={**run.spec, "checkpoint": run.subject}) for run in [*runs, *runs]]
    once = trainings(twice, METRIC)
    assert len(once) == 4
    assert trainings(twice[:4], METRIC) == once


def test_seeds_of_one_recipe_are_no_curve(maker: Any, subject: Callable[..., Any]) -> None:
    seeds = [subject(f"ddt-llama@{n}", cost=stated(f"d-s{n}", 1e6, 4e6 + 9e3 * n)) for n in range(3)]
    maker.task(TASK, seeds, cases=6)
    assert not is_scaled(trainings(read_stored(str(maker.root)).runs, METRIC))
    assert sizes_of([1e6, 1.02e6, 2e6]) == 2


def test_one_checkpoint_of_each_model_is_no_curve(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(
        TASK, [subject("ddt-llama", cost=stated("d", 1e6, 1e6)), subject("vqgan-llama", cost=stated("v", 2e6, 1e6))]
    )
    stored = read_stored(str(maker.root))
    assert not is_scaled(trainings(stored.runs, METRIC))
    assert not [figure for figure in figures_of(stored) if figure.name.startswith("scaling")]


@pytest.mark.parametrize("bad", [0.0, -0.01, math.nan, math.inf])
def test_a_value_that_has_no_logarithm_is_drawn_without_one(stored: Any, bad: float) -> None:
    """Left out if it is no number; else on a linear axis, and no law."""

    def spoiled(run: Any) -> Any:
        measure = run.measure
        if run.subject != "ddt-llama@s4-100" or measure is None:
            return run
        changed = tuple(replace(e, value=bad, low=bad, high=bad) for e in measure.estimates)
        return replace(run, measure=replace(measure, estimates=changed))

    runs = [spoiled(run) for run in stored.runs]
    finite = math.isfinite(bad)
    assert len(trainings(runs, METRIC)) == 7 + finite
    figure = scaling_figure(TASK, runs)
    assert figure is not None and "Exponents" not in figure.caption
    assert render(figure, "svg")


@pytest.mark.parametrize(
    "training",
    [
        *(None, 3, {}, {"tokens_seen": "many"}, {"training_flops": True}, {"training_flops": math.inf}),
        *({"non_embedding_parameters": math.nan}, {"tokens_seen": 10**400}),
    ],
    ids=["none", "number", "empty", "word", "true", "infinite", "not a number", "huge"],
)
def test_what_a_card_does_not_state_is_left_out(maker: Any, subject: Callable[..., Any], training: Any) -> None:
    whole = stated("d", 1e6, 1e6)["training"]
    cost = {"training": {**whole, **training} if isinstance(training, dict) and training else training}
    maker.task(TASK, [subject("ddt-llama")], cases=6)
    runs = [replace(run, cost=cost) for run in read_stored(str(maker.root)).runs]
    assert trainings(runs, METRIC) == []

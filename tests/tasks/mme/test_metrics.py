"""MME's arithmetic: totals worked out by hand, an independent reading of the definition, and what is not measured."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.contracts import Case, Sample
from harness.metrics import NotMeasured
from tasks.catalog import ENTRIES
from tasks.mme import metrics
from tasks.mme.answers import NAME, MmeAnswers, answers_text
from tasks.mme.metrics import SubtaskMean
from tasks.mme.schema import COGNITION, PERCEPTION

ALL = [entry for entry in ENTRIES if entry.kind == "metric" and entry.name.startswith("mme-")]


def columns_of(answers: dict[str, list[tuple[str, str]]], subtasks: tuple[str, ...] = ()) -> dict[str, Any]:
    """What measuring sees of these answers; the true ones are Yes and No throughout."""
    asked = list(subtasks or answers)
    facts = {"answers": ["Yes", "No"], "subtasks": asked}
    samples = [
        Sample(Case(f"{name}/{place}", f"{name}/{place}", name, facts), text=answers_text(pair))
        for name, pairs in answers.items()
        for place, pair in enumerate(pairs)
    ]
    seen = {f"{NAME}.{name}": np.array(values) for name, values in MmeAnswers().observe(samples).items()}
    return {
        "case": np.array([sample.case.id for sample in samples], object),
        "stratum": np.array([sample.case.stratum for sample in samples], object),
        "facts": np.array([json.dumps(facts)] * len(samples), object),
        **seen,
    }


def value(metric: SubtaskMean, columns: dict[str, Any], stratum: str = "") -> float:
    rows = columns["stratum"] == stratum if stratum else np.ones(len(columns["case"]), bool)
    numerators, denominators = metric.parts(columns)
    return float(numerators[rows].sum() / denominators[rows].sum())


RIGHT, FIRST, LAST, WRONG = ("Yes", "No"), ("yes", "Yes"), ("no", "no"), ("No", "Yes")


def test_totals_by_hand() -> None:
    columns = columns_of(
        {
            "existence": [RIGHT, RIGHT],  # acc 1, acc+ 1: 200
            "count": [RIGHT, FIRST, LAST, WRONG],  # acc (2 + 1 + 1 + 0) / 8 = 0.5, acc+ 0.25: 75
            "OCR": [("Yes", "hm")],  # acc 0.5, acc+ 0, half is other: 50
            "text_translation": [WRONG, ("", "")],  # 0
        }
    )
    assert value(metrics.total(), columns) == pytest.approx(200 + 75 + 50 + 0)
    assert value(metrics.perception(), columns) == pytest.approx(325)
    assert value(metrics.cognition(), columns) == 0
    assert value(metrics.score(), columns) == pytest.approx(325 / 4)
    assert value(metrics.percent(), columns) == pytest.approx(100 * 325 / 800)
    assert value(metrics.accuracy(), columns) == pytest.approx((1 + 0.5 + 0.5 + 0) / 4)
    assert value(metrics.accuracy_plus(), columns) == pytest.approx((1 + 0.25 + 0 + 0) / 4)
    assert value(metrics.yes_rate(), columns) == pytest.approx((2 / 4 + 4 / 8 + 1 / 2 + 1 / 4) / 4)
    assert value(metrics.other(), columns) == pytest.approx((0 + 0 + 1 / 2 + 2 / 4) / 4)
    for name, expected in {"existence": 200, "count": 75, "OCR": 50, "text_translation": 0}.items():
        assert value(metrics.score(), columns, name) == pytest.approx(expected)
        assert value(metrics.percent(), columns, name) == pytest.approx(expected / 2)
        assert value(metrics.total(), columns, name) == pytest.approx(4 * expected)


def test_flipping_one_answer_of_thirty_images_moves_five_points() -> None:
    whole = columns_of({"color": [RIGHT] * 30})
    flipped = columns_of({"color": [RIGHT] * 29 + [FIRST]})
    assert value(metrics.total(), whole) - value(metrics.total(), flipped) == pytest.approx(100 / 60 + 100 / 30)


def test_each_parser_says_what_it_would_have_said() -> None:
    columns = columns_of({"count": [("The answer is yes", "No"), ("Not sure, yes", "N")]})
    assert value(metrics.total(), columns) == pytest.approx(100 * 1 / 4)  # no of the first pair alone
    assert value(metrics.total_lmms_eval(), columns) == pytest.approx(100 * 2 / 4)
    assert value(metrics.total_vlmevalkit(), columns) == pytest.approx(100 * 3 / 4 + 100 * 1 / 2)
    assert metrics.total().traits.protocol["parser"] == "official"
    assert metrics.total_vlmevalkit().traits.protocol["parser"] == "vlmevalkit"


pairs_of_answers = st.lists(st.tuples(*[st.sampled_from(["Yes", "no", "perhaps", ""])] * 2), min_size=1, max_size=5)


@given(st.dictionaries(st.sampled_from(["count", "color", "OCR", "code_reasoning"]), pairs_of_answers, min_size=1))
def test_the_total_is_that_of_the_definition(answers: dict[str, list[tuple[str, str]]]) -> None:
    """MME's definition in plain loops: question accuracy plus picture accuracy, times 100, added over subtasks."""
    total = 0.0
    for pairs in answers.values():
        right = [[pair[0].lower() == "yes", pair[1].lower() == "no"] for pair in pairs]
        total += 100 * sum(map(sum, right)) / (2 * len(right)) + 100 * sum(map(all, right)) / len(right)
    columns = columns_of(answers)
    assert value(metrics.total(), columns) == pytest.approx(total)
    assert value(metrics.percent(), columns) == pytest.approx(total / (2 * len(answers)))


def test_equal_subtasks_weigh_one_each() -> None:
    _, weights = metrics.score().parts(columns_of({"count": [RIGHT, WRONG], "color": [RIGHT, RIGHT]}))
    assert weights.tolist() == [1, 1, 1, 1]


def test_a_total_without_one_of_its_subtasks_is_not_measured() -> None:
    columns = columns_of({"count": [RIGHT]}, subtasks=("count", "color", "position"))
    with pytest.raises(NotMeasured, match="no pair of 'color' was scored, nor of 1 more: a total needs all subtasks"):
        metrics.total().parts(columns)
    assert value(metrics.score(), columns) == 200  # a mean over those that were scored
    with pytest.raises(NotMeasured, match="the data has none of its subtasks"):
        metrics.cognition().parts(columns)


def test_coins_reach_chance_and_one_answer_to_all_less() -> None:
    coins = [RIGHT, FIRST, LAST, WRONG]
    columns = columns_of({"count": coins, "color": coins})
    for metric in (metrics.score(), metrics.percent(), metrics.accuracy(), metrics.accuracy_plus()):
        assert value(metric, columns) == metric.coins == metric.traits.protocol["chance"]
    assert value(metrics.total(), columns) == 2 * metrics.total().traits.protocol["chance-per-subtask"] == 150
    assert value(metrics.score(), columns_of({"count": [FIRST] * 4})) == 50


def test_the_instrument_refuses_another_number_of_answers() -> None:
    case = Case("c", "g", "count", {"answers": ["Yes", "No"], "subtasks": ["count"]})
    for text in ('["Yes"]', "Yes", '{"0": "Yes"}', ""):
        with pytest.raises(ValueError):
            MmeAnswers().observe([Sample(case, text=text)])


def test_the_catalogue_lists_every_metric_under_its_own_name() -> None:
    assert len(ALL) == 15
    for entry in ALL:
        made = getattr(metrics, entry.place.partition(":")[2])()
        assert made.name == entry.name and made.version == 1
    assert len(PERCEPTION) == 10 and len(COGNITION) == 4
    assert metrics.perception().traits.bounds == (0, 2000) and metrics.cognition().traits.bounds == (0, 800)

"""The answer as a title: right for one model and for many, for ties, and where the best is not ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from made_runs import case_scores, made_run

from reports.page.answer import answers, title
from reports.page.findings import lede
from reports.page.outcomes import main_measures, outcomes_of
from reports.reading.runs import Measure
from reports.tables.cells import Cell, Column, Mark
from reports.tables.table import Row, Table

Values = Mapping[str, float | tuple[float, Mark]]
UNMARKED: Mark = ""


def column(values: Values, failed: Sequence[str] = ()) -> list[tuple[str, Cell, bool]]:
    found = []
    for name, value in values.items():
        number, mark = value if isinstance(value, tuple) else (value, UNMARKED)
        found.append((name, Cell(str(number), value=number, mark=mark), name in failed))
    return found


def table(*measures: list[tuple[str, Cell, bool]], name: str = "headline", controls: Sequence[str] = ()) -> Table:
    """A headline: a column for each of ``measures``, a row for each name in them."""
    import numpy as np

    names = list(dict.fromkeys(label for measure in measures for label, _, _ in measure))
    rows = []
    for label in names:
        cells = [next((cell for other, cell, _ in measure if other == label), Cell()) for measure in measures]
        out = any(other == label and lost for measure in measures for other, _, lost in measure)
        run = made_run(label, case_scores(np.ones(40)))
        if out:
            run = replace(run, measure=Measure("the cases", (replace(run.estimates[0], failed=10),)))
        rows.append(Row(run, label, label in controls, not out, 10 * out, 40, tuple(cells)))
    columns = [Column(f"m{place}", f"M{place}", "", "higher", "metric", group="quiz") for place in range(len(measures))]
    return Table(name, "tasks side by side", tuple(columns), tuple(rows), (), 40, headline=True)


LED: Values = {"A": (3.0, "best"), "B": 2.0, "C": 1.0}
OPEN: Values = {"A": (3.0, "tied"), "B": (2.9, "tied"), "C": 1.0}
OTHER: Values = {"B": (3.0, "best"), "A": 2.0, "C": 1.0}
EQUAL: Values = {"A": (3.0, "best"), "B": (3.0, "best"), "C": 1.0}


@pytest.mark.parametrize(
    ("measures", "said"),
    [
        ([LED, LED, LED, *[OPEN] * 5], "A leads on 3 of 8 measures; on 5 the data cannot tell"),
        ([LED, LED, LED], "A leads on all 3 measures"),
        ([LED, OTHER, OTHER], "B leads on 2 of 3 measures, A on 1"),
        ([OPEN, EQUAL], "On all 2 measures the data cannot tell who leads"),
        ([LED, EQUAL], "A leads on 1 of 2 measures; on 1 the data cannot tell"),
        ([LED, {"A": 3.0}], "A leads on 1 of 2 measures; on 1 no two are compared"),
        ([OPEN, {"A": 3.0}], "Nobody leads: on 1 of 2 measures the data cannot tell, on 1 no two are compared"),
        ([{"A": 3.0}, {"B": 3.0}], "2 models are measured, and no two are compared on any measure"),
        ([LED], "A leads in quiz (M0)"),
        ([OPEN], "In quiz (M0) the data cannot tell who leads"),
        ([{"A": 3.0}, {"A": 2.0}], "A is measured, and no other model"),
    ],
)
def test_the_title_counts_who_leads_and_where_nobody_does(measures: list[Values], said: str) -> None:
    assert title([], [table(*map(column, measures))]) == said


def test_many_leaders_are_named_as_far_as_they_fit() -> None:
    each: list[Values] = [{f"model-{n}": (2.0, "best"), "last": 1.0} for n in range(100)]
    assert title([], [table(*map(column, each))]) == (
        "model-0 leads on 1 of 100 measures, model-1 on 1, model-2 on 1, 97 others on 97"
    )


def test_a_leader_behind_a_model_that_is_not_ranked_is_no_leader() -> None:
    """``A`` failed on too many cases and still has the best value."""
    found = table(
        column({"A": 3.0, "B": (2.0, "best"), "C": 1.0}, failed=["A"]), column({"B": (2.0, "best"), "C": 1.0})
    )
    assert [one.kind for one in outcomes_of(found)] == ["unranked", "led"]
    assert title([], [found]) == "B leads on 1 of 2 measures; on 1 the best is not ranked"
    assert "In quiz (M0) A has the best value and is not ranked" in lede([found], [found])


def test_a_model_that_is_not_ranked_and_behind_changes_nothing() -> None:
    found = table(column({"A": 0.5, "B": (2.0, "best"), "C": 1.0}, failed=["A"]))
    assert title([], [found]) == "B leads in quiz (M0)"


def test_each_headline_has_its_own_answer_and_a_model_alone_comes_last() -> None:
    lonely = table(column({"Z": 1.0}), column({"Z": 1.0}))
    others = table(column({"X": (2.0, "best"), "Y": 1.0}), column({"X": (2.0, "tied"), "Y": (1.9, "tied")}))
    assert answers([], [lonely, table(column(LED), column(OPEN)), others]) == [
        "A leads on 1 of 2 measures; on 1 the data cannot tell",
        "Of 2 other models, X leads on 1 of 2 measures; on 1 the data cannot tell",
        "Z is measured, and no other model",
    ]


def test_no_model_is_said() -> None:
    found = table(column({"A": 1.0, "B": 2.0}), controls=["A", "B"])
    assert title([found]) == "2 controls measured, no model"


def test_without_a_headline_the_main_measures_of_the_task_count() -> None:
    plain = replace(table(column(LED), column(OPEN)), headline=False)
    assert main_measures(plain) == [0, 1]
    assert title([plain]) == "A leads on 1 of 2 measures; on 1 the data cannot tell"

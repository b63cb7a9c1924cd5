"""From a difference and a margin to a verdict."""

from __future__ import annotations

import pytest

from harness.statistics import Difference
from reports.gating.commands import exit_code
from reports.gating.verdict import Damage, cases_needed, corrected, judge, overall


def gap(value: float, low: float | None, high: float | None, p: float | None = 0.5) -> Difference:
    return Difference(value, low, high, p, "paired", 100)


def test_damage_is_how_much_worse_new_is_whichever_way_is_better() -> None:
    lower = Damage.of(gap(0.3, 0.1, 0.5, 0.01), "lower")
    higher = Damage.of(gap(-0.3, -0.5, -0.1, 0.01), "higher")
    assert lower == higher == Damage(0.3, 0.1, 0.5, 0.01, pairs=100, method="paired")
    assert Damage.of(gap(0.3, 0.1, 0.5), "higher").value == -0.3


def test_the_p_of_a_drop_is_1_where_there_is_none() -> None:
    assert Damage.of(gap(0.3, 0.1, 0.5, 0.001), "higher").p == 1.0
    assert Damage.of(gap(0.0, 0.0, 0.0, 1.0), "higher").p == 1.0


@pytest.mark.parametrize(
    ("low", "high", "p", "verdict"),
    [
        (-0.02, 0.04, 0.5, "holds"),
        (0.01, 0.04, 0.01, "holds"),  # a drop that is shown, inside the margin
        (0.0, 0.0, 1.0, "holds"),  # nothing changed
        (0.01, 0.05, 0.01, "regressed"),  # an end on the margin does not hold
        (0.06, 0.09, 0.001, "regressed"),
        (0.01, 0.09, 0.2, "cannot tell"),  # shown alone, not in its family
        (-0.01, 0.09, 0.03, "cannot tell"),
        (0.0, 0.09, 0.04, "cannot tell"),  # l > 0 is asked for
        (None, None, None, "cannot tell"),
    ],
)
def test_a_verdict_follows_from_the_interval_and_the_margin(low, high, p, verdict) -> None:
    assert judge(Damage(0.02, low, high, p), 0.05, p) == verdict


def test_what_has_no_number_is_missing() -> None:
    assert judge(None, 0.05, None) == "missing"


@pytest.mark.parametrize(
    ("judged", "verdict", "code", "lenient"),
    [
        ([("blocks", "holds"), ("warns", "regressed")], "holds", 0, 0),
        ([("blocks", "holds"), ("blocks", "regressed"), ("blocks", "missing")], "regressed", 1, 1),
        ([("blocks", "holds"), ("blocks", "missing")], "cannot tell", 3, 0),
        ([("blocks", "cannot tell")], "cannot tell", 3, 0),
    ],
)
def test_the_whole_is_regressed_then_undecided_then_holds(judged, verdict, code, lenient) -> None:
    assert overall(judged) == verdict
    assert (exit_code(verdict), exit_code(verdict, True)) == (code, lenient)


def test_a_gate_in_which_nothing_blocks_has_no_verdict() -> None:
    with pytest.raises(ValueError, match="no metric"):
        overall([("warns", "holds")])


def test_holm_corrects_the_family_alone() -> None:
    assert corrected([0.01, 0.04, None, 0.03], [True, True, True, False]) == [0.02, 0.04, None, 0.03]


def test_an_undecided_metric_says_how_many_cases_would_tell() -> None:
    assert cases_needed(Damage(0.0, -0.1, 0.1, 1.0, error=0.05), 100, 0.07) == 400
    assert cases_needed(Damage(0.0, None, None, None), 100, 0.07) is None

"""Who is ranked, who is best, and who cannot be told from the best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_rel

from harness import catalog
from harness.contracts import Estimate
from reports.comparing.differences import FAR_CLUSTERS
from reports.comparing.paired import holm, paired_p
from reports.reading.runs import CaseScores, read_stored
from reports.tables.cells import REFUSED
from reports.tables.table import Table, build_table, halves


def table_of(maker: Any, task: str = "reconstruction-world", **options: bool) -> Table:
    stored = read_stored(str(maker.root))
    return build_table(task, stored.of_task(task), **options)


def marks(table: Table, metric: str) -> dict[str, str]:
    place = table.column(metric)
    assert place is not None
    return {row.run.subject: row.cells[place].mark for row in table.rows}


def scores(values: np.ndarray) -> CaseScores:
    names = np.array([f"case-{number:04d}" for number in range(len(values))])
    return CaseScores(names, names, np.full(len(names), ""), values, np.ones(len(names)))


def test_the_clearly_better_model_is_best_alone_and_controls_are_never_marked(
    maker: Any, subject: Callable[..., Any]
) -> None:
    maker.task(subjects=[subject("ddt", 1.5, 9.0), subject("vqgan", 0.4, 2.0), subject("identity")])
    found = marks(table_of(maker), "psnr")
    assert found == {"ddt": "", "vqgan": "best", "identity": ""}


def test_nobody_wins_by_spending_less(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", 0.5, bits=512.0), subject("var", 0.4, bits=510.0)])
    maker.rewrite('"direction": "none"', '"direction": "lower"')
    table = table_of(maker)
    assert set(marks(table, "bits-per-image").values()) == {""}
    assert "bits-per-image" in [column.name for column in halves(table)[1].columns]


def test_equal_scores_are_all_best_and_nobody_is_where_all_are_equal(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", 0.5, 3.0), subject("vqgan", 0.5, 3.0), subject("var", 2.5, 9.0)])
    assert marks(table_of(maker), "psnr") == {"ddt": "best", "vqgan": "best", "var": ""}
    maker.task(task="progressive-world", subjects=[subject("ddt", 0.5, 3.0), subject("vqgan", 0.5, 3.0)])
    assert marks(table_of(maker, "progressive-world"), "psnr") == {"ddt": "", "vqgan": ""}


def test_set_metrics_are_apart_only_where_intervals_do_not_touch(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", 0.5), subject("vqgan", 0.6), subject("var", 3.0)])
    table = table_of(maker)
    assert marks(table, "fd-world") == {"ddt": "best", "vqgan": "tied", "var": ""}
    assert any("intervals do not touch" in note for note in table.notes)


def test_more_than_one_percent_failed_is_shown_with_its_bound_but_not_ranked(
    maker: Any, subject: Callable[..., Any]
) -> None:
    failing = ("scene-00003",)  # 1 of 40 is 2.5 %
    maker.task(subjects=[subject("ddt", 1.0, 5.0), subject("vqgan", 0.3, failing=failing), subject("var", 1.1, 5.0)])
    table = table_of(maker)
    assert marks(table, "psnr")["vqgan"] == ""
    assert marks(table, "psnr")["ddt"] == "best"
    row = next(row for row in table.rows if row.run.subject == "vqgan")
    assert row.cells[0].value is not None
    assert row.cells[0].bound.startswith("\N{GREATER-THAN OR EQUAL TO}")
    assert any("not ranked: 1 of 40" in note for note in table.notes)


def test_a_failure_within_one_percent_is_ranked_and_bounded(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", 1.0, 5.0), subject("vqgan", 0.3, failing=("scene-00003",))], cases=120)
    table = table_of(maker)
    assert marks(table, "psnr")["vqgan"] == "best"
    assert next(row for row in table.rows if row.run.subject == "vqgan").cells[0].bound


def test_numbers_of_two_protocols_are_refused_a_common_ranking(maker: Any, subject: Callable[..., Any]) -> None:
    other = {"rounding": "down"}
    maker.task(subjects=[subject("ddt"), subject("vqgan", 0.4), subject("var", 0.5, fingerprint=other)])
    refused = table_of(maker)
    assert {cell.text for row in refused.rows for cell in row.cells[:1]} == {REFUSED}
    assert any("rounding is nearest (A) or down (B)" in note for note in refused.notes)

    apart = table_of(maker, allow_mixed=True)
    cells = {row.run.subject: row.cells[0] for row in apart.rows}
    assert {name: cell.protocol for name, cell in cells.items()} == {"ddt": "A", "vqgan": "A", "var": "B"}
    assert cells["ddt"].mark == "best"
    assert cells["var"].mark == "", "one number alone in its protocol has nobody to be compared with"


def test_other_cases_are_another_protocol(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt")], cases=30)
    maker.task(subjects=[subject("vqgan")], cases=20)
    assert any("set of cases" in note for note in table_of(maker).notes)


def test_absent_values_are_a_dash_with_the_reason(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt"), subject("vqgan", absent=("psnr",))])
    table = table_of(maker)
    cell = next(row for row in table.rows if row.run.subject == "vqgan").cells[0]
    assert cell.text == "\N{EM DASH}"
    assert [table.notes[number - 1] for number in cell.notes] == ["psnr: left out by the test"]


def test_reasons_name_nobodys_home(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("ddt", absent=("psnr",))])
    maker.rewrite("left out by the test", "put it into /home/ada/.cache/x")
    assert "psnr: put it into ~/.cache/x" in table_of(maker).notes


def test_halves_keep_every_column_once_and_every_note_readable(maker: Any) -> None:
    maker.task()
    table = table_of(maker)
    parts = halves(table)
    assert sorted(c.name for part in parts for c in part.columns) == sorted(c.name for c in table.columns)
    for part in parts:
        for row in part.rows:
            whole = next(item for item in table.rows if item.run.key == row.run.key)
            for column, cell in zip(part.columns, row.cells, strict=True):
                place = table.column(column.name)
                assert place is not None
                expected = [table.notes[n - 1] for n in whole.cells[place].notes]
                assert [part.notes[n - 1] for n in cell.notes] == expected


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.05])
def test_far_away_shortcut_agrees_with_the_bootstrap(shift: float) -> None:
    """Beyond 8 standard errors the t statistic's p stands; near zero the bootstrap decides."""
    rng = np.random.default_rng(0)
    first = rng.normal(0.9, 0.05, 4 * FAR_CLUSTERS)
    second = first - shift + rng.normal(0, 0.01, len(first))
    p = paired_p(scores(first), scores(second))
    assert p is not None
    assert (p < 0.05) == (shift > 0)


def test_paired_tests_see_what_separate_intervals_hide() -> None:
    """Cases differ by far more than models do: only the pairing shows the difference."""
    rng = np.random.default_rng(1)
    first = rng.normal(25, 5, 60)
    second = first - 0.3 + rng.normal(0, 0.3, 60)
    p = paired_p(scores(first), scores(second))
    assert p is not None and p < 0.001


def groups(values: np.ndarray) -> CaseScores:
    names = np.array([f"jackknife-{number:02d}" for number in range(len(values))])
    return CaseScores(names, names, np.full(len(names), ""), values, np.ones(len(names)))


def test_sets_are_paired_by_jackknife_group() -> None:
    """A paired t test over groups: scipy's own on the same pseudo-values."""
    rng = np.random.default_rng(3)
    first = rng.normal(300, 40, 20)
    second = first - 9 + rng.normal(0, 6, 20)
    assert paired_p(groups(first), groups(second)) == pytest.approx(ttest_rel(first, second).pvalue, rel=1e-9)
    assert paired_p(groups(first), groups(first)) == 1.0
    assert paired_p(groups(first), groups(second[:19])) is None


def test_a_number_of_an_older_version_says_both_versions(maker: Any, subject: Callable[..., Any]) -> None:
    maker.task(subjects=[subject("plain")])
    (run,) = read_stored(str(maker.root)).runs
    measure = run.measure
    assert measure is not None
    old = replace(run, measure=replace(measure, estimates=tuple(_as_version(item, 1) for item in measure.estimates)))
    new = replace(run, key="newer", measure=replace(measure, estimates=tuple(map(_as_now, measure.estimates))))
    (alone,) = [note for note in build_table("reconstruction-world", [old]).notes if "fd-world was measured" in note]
    assert "by version 1 of the metric, not comparable with version 2 of now: 'ddtbench measure' makes it" in alone
    assert not any("was measured by version" in note for note in build_table("reconstruction-world", [new]).notes)
    both = build_table("reconstruction-world", [old, new])
    assert any("version of the metric is" in note and "1 (" in note and "2 (" in note for note in both.notes)
    column = both.column("fd-world")
    assert column is not None and {row.cells[column].text for row in both.rows} == {REFUSED}


def _as_version(estimate: Estimate, version: int) -> Estimate:
    return replace(estimate, version=version)


def _as_now(estimate: Estimate) -> Estimate:
    return replace(estimate, version=catalog.make("metric", estimate.metric).version)


def test_too_few_cases_say_nothing() -> None:
    assert paired_p(scores(np.array([1.0, 2.0])), scores(np.array([0.0, 0.0]))) is None
    empty = scores(np.array([]))
    assert paired_p(empty, empty) is None


def test_only_common_cases_are_paired() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(0, 1, 50)
    whole, part = scores(values), scores(values)
    part = replace(
        part, **{name: getattr(part, name)[10:] for name in ("cases", "groups", "strata", "numerators", "denominators")}
    )
    assert paired_p(whole, part) == 1.0


def test_holm_keeps_names_and_never_lowers_a_p() -> None:
    raw = {("psnr", "a"): 0.01, ("psnr", "b"): 0.04, ("ssim", "a"): 0.03}
    corrected = holm(raw)
    assert corrected == pytest.approx({("psnr", "a"): 0.03, ("psnr", "b"): 0.06, ("ssim", "a"): 0.06})

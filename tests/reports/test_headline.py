"""The table over all tasks, and samples of tasks with verdicts: made from runs by hand, decided by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from stored_showing import showing

from harness.contracts import Case, Estimate, Sample
from harness.measure import WITHIN_STRATA
from harness.spec import RunSpec
from harness.store.parts import encode_samples, sample_row
from harness.store.run_folder import RunFolder, case_set_digest
from reports.comparing.differences import difference
from reports.comparing.paired import paired_p
from reports.page.build import build_report
from reports.page.findings import margins
from reports.page.samples import MOST, chosen_cases, sheets_of
from reports.reading.runs import CaseScores, read_stored
from reports.tables.formats import to_csv, to_latex, to_markdown
from reports.tables.headline import build_headlines
from reports.tables.numbers import show
from reports.tables.terminal import summary_text

CASES = 40
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("metric", "case", "group", "stratum")]
    + [(name, pa.float64()) for name in ("numerator", "denominator")]
)
FACTS = {"questions": ["Is it red? Please answer yes or no.", "Is it blue?"], "answers": ["Yes", "No"]}


def write(root: Path, model: str, task: str, metric: str, right: Sequence[float], control: bool = False) -> None:
    """A run whose case i scores ``right[i]``; the last case of ``var-llama`` on editing failed."""
    folder = RunFolder.create_or_open(root, RunSpec(model, 1, "", task, 1, "made by hand"))
    names = [f"case-{place:03d}" for place in range(len(right))]
    samples = [
        Sample(Case(name, name, "ab"[place % 2], FACTS), text=json.dumps(["yes", "it is red"]))
        for place, name in enumerate(names)
    ]
    if model == "var-llama" and task == "editing-world":
        samples[-1] = Sample(samples[-1].case, "failed", "ValueError: no picture")
    folder.write_part("00000", encode_samples([sample_row(sample) for sample in samples], {}))
    rows = [
        {"metric": metric, "case": c, "group": c, "stratum": "ab"[i % 2], "numerator": r, "denominator": 1.0}
        for i, (c, r) in enumerate(zip(names, right, strict=True))
    ]
    failed = sum(sample.outcome == "failed" for sample in samples)
    mean = float(np.mean(right))
    counts = {"scored": len(names) - failed, "failed": failed}
    estimate = Estimate(metric, 1, mean, mean - 0.1, mean + 0.1, "by hand", direction="higher", chance=0.25, **counts)
    folder.write_measures(case_set_digest(names), pa.Table.from_pylist(rows, schema=SCHEMA), [estimate])
    folder.write_manifest(**showing(model, task, [metric], control))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two tasks, three models: ddt-llama is far ahead on mme and cannot be told from vqgan-llama on editing."""
    rng = np.random.default_rng(0)
    coins = (rng.random(CASES) < 0.5).astype(float)
    for model, level in (("ddt-llama", 1.0), ("vqgan-llama", 0.4), ("var-llama", 0.2)):
        write(tmp_path, model, "mme-world", "mme-percent", level + 0.01 * rng.normal(size=CASES))
        moved = coins + 0.01 * rng.normal(size=CASES) - (0.3 if model == "var-llama" else 0)
        write(tmp_path, model, "editing-world", "edit-success", moved)
    write(tmp_path, "nothing-done", "editing-world", "edit-success", [0.0] * CASES, control=True)
    return tmp_path


def test_who_leads_is_marked_only_where_the_tests_separate(root: Path) -> None:
    [table] = build_headlines(read_stored(str(root)))
    assert [(column.group, column.name) for column in table.columns] == [
        ("MME", "mme-percent"),
        ("editing", "edit-success"),
    ]
    marks = {row.run.subject: [cell.mark for cell in row.cells] for row in table.rows}
    assert marks["ddt-llama"] == ["best", "tied"]
    assert marks["vqgan-llama"] == ["", "tied"]
    assert marks["var-llama"] == ["", ""], "one of its forty cases failed, more than 1 %"
    assert any("VAR-LLaMA is not ranked on editing-world: 1 of 40" in note for note in table.notes)
    assert [cell.text for cell in table.chance] == ["0.25", "0.25"]


def test_a_control_is_what_the_run_says_whatever_its_name(root: Path) -> None:
    [table] = build_headlines(read_stored(str(root)))
    assert [row.run.subject for row in table.controls] == ["nothing-done"]
    assert table.controls[0].cells[0].text == "", "it was not run on the other task"


def test_a_leader_is_ahead_by_the_paired_difference(root: Path) -> None:
    stored = read_stored(str(root))
    [table] = build_headlines(stored)
    ours, theirs = (
        next(run for run in stored.runs if (run.subject, run.task) == (name, "mme-world"))
        for name in ("ddt-llama", "vqgan-llama")
    )
    found = difference(ours, theirs, "mme-percent")
    assert found is not None and found.low is not None and found.high is not None
    value, interval = show(found.value, found.low, found.high)
    [margin] = margins([table])  # editing is tied: nobody is ahead
    assert (margin.leader.label, margin.measure, margin.second) == ("DDT-LLaMA", "MME (of the maximum)", "VQGAN-LLaMA")
    assert value in margin.gap and interval in margin.gap


def test_one_task_needs_no_headline(tmp_path: Path) -> None:
    write(tmp_path, "ddt-llama", "mme-world", "mme-percent", [1.0] * CASES)
    assert build_headlines(read_stored(str(tmp_path))) == []


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_the_terminal_shows_every_model_at_every_width(root: Path, width: int) -> None:
    text = summary_text(str(root), width=width)
    assert max(map(len, text.splitlines())) <= width
    head = " ".join(text.split("\n\n")[0].split())
    assert all(name in head for name in ("DDT-LLaMA", "VQGAN-LLaMA", "VAR-LLaMA"))
    assert "chance" in head and "nothing-done" in head


def test_files_say_chance_and_the_run_of_each_number(root: Path) -> None:
    stored = read_stored(str(root))
    [table] = build_headlines(stored)
    keys = {(run.subject, run.task): run.key for run in stored.runs}
    lines = [line.split(",") for line in to_csv(table).splitlines()]
    assert lines[0][-1] == "chance" and {line[-1] for line in lines[1:]} == {"0.25"}
    assert all(keys[line[1], line[0]] == line[2] for line in lines[1:]) and len(lines) == 1 + 7
    assert "| *chance* | 0.25 | 0.25 |" in to_markdown(table)
    assert "chance & 0.25 & 0.25" in to_latex(table)


def test_the_page_shows_questions_answers_and_verdicts(root: Path, tmp_path: Path) -> None:
    front = build_report(str(root), tmp_path / "report")
    page = "".join(path.read_text(encoding="utf-8") for path in (front, *front.parent.glob("tasks/*.html")))
    words = " ".join(re.sub("<[^>]*>", "", front.read_text(encoding="utf-8")).split())
    assert "DDT-LLaMA leads on 1 of 2 measures; on 1 the data cannot tell" in words
    assert "In editing (instruction done) the data do not tell those in front apart." in words
    assert re.search(r"DDT-LLaMA leads in MME \(of the maximum\) by [0-9.]+ %? ?\[[^]]*\] over VQGAN-LLaMA", words)
    assert words.count("paired by case") == 1
    assert 'id="headline"' in page and "Is it red? (Yes)" in page and "it is red" in page
    sheets = {sheet.task: sheet for sheet in sheets_of(read_stored(str(root)))}
    assert [label for label, _ in sheets["mme-world"].models] == ["DDT-LLaMA", "VQGAN-LLaMA", "VAR-LLaMA"]
    assert "failed: ValueError: no picture" not in page, "that case is the last: it is not among those shown"


def test_cases_are_chosen_by_order_good_and_bad_of_each_stratum() -> None:
    order = {f"c{place}": "ab"[place % 2] for place in range(8)}
    right = {"c0": False, "c1": False, "c2": False, "c3": True, "c4": True, "c5": True, "c6": True, "c7": False}
    assert chosen_cases(order, [right]) == ["c0", "c1", "c3", "c4"]
    assert chosen_cases(order, [{}]) == list(order), "no verdicts: the first cases"
    many = {f"c{place:02d}": f"s{place % 20}" for place in range(60)}
    assert len(chosen_cases(many, [dict.fromkeys(many, True)])) == MOST


def test_strata_count_in_a_paired_test() -> None:
    """The gain is large in one stratum and small in the other, certain in both: only within strata is that seen."""
    rng = np.random.default_rng(4)
    names, strata = np.array([f"c{place:02d}" for place in range(24)]), np.array(["easy", "hard"] * 12)
    gain = np.where(strata == "easy", 1.0, -0.55) + rng.normal(0, 0.05, 24)
    ours = CaseScores(names, names, strata, gain, np.ones(24))
    theirs = CaseScores(names, names, strata, np.zeros(24), np.ones(24))
    plain, within = paired_p(ours, theirs), paired_p(ours, theirs, within_strata=True)
    assert plain is not None and within is not None
    assert plain > 0.05 > within
    assert WITHIN_STRATA == "clusters within strata", "stored in protocols: a change would break older runs"

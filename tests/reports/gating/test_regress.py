"""``ddtbench regress``: verdicts and exit codes from stored runs, and every bad input in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from gate_runs import GATED, draws, store

from harness.contracts import ShownMetric

RIGHT = draws(0)
WORSE = RIGHT * (np.random.default_rng(1).random(len(RIGHT)) > 0.3)
SLIGHTLY_WORSE = RIGHT * (np.random.default_rng(1).random(len(RIGHT)) > 0.05)


def pair(root: Path, new: np.ndarray = RIGHT, old: np.ndarray = RIGHT, **options: object) -> tuple[Path, Path]:
    store(root / "new", "candidate", new, **options)
    store(root / "old", "previous", old, **options)
    return root / "new", root / "old"


@pytest.mark.parametrize(
    ("new", "word", "code"),
    [
        (RIGHT, "Holds: candidate is not worse", 0),
        (WORSE, "Regressed: candidate is worse than previous in score (quiz).", 1),
        (draws(7, 0.55), "Cannot tell whether candidate is worse than previous: score (quiz) undecided.", 3),
    ],
)
def test_the_exit_code_is_the_verdict(call, tmp_path: Path, new: np.ndarray, word: str, code: int) -> None:
    runs, old = pair(tmp_path, new[:120], RIGHT[:120])
    got, out, err = call("regress", runs, "--against", old)
    assert (got, err) == (code, "")
    assert out.startswith(word)


def test_a_shown_drop_inside_the_margin_holds_and_is_marked(call, tmp_path: Path) -> None:
    runs, old = pair(tmp_path, SLIGHTLY_WORSE)
    code, out, _ = call("regress", runs, "--against", old)
    assert code == 0 and "holds, drop shown" in out


def test_low_values_that_are_better_are_judged_the_other_way(call, tmp_path: Path) -> None:
    runs, old = pair(tmp_path, WORSE, direction="lower")
    assert call("regress", runs, "--against", old)[0] == 0
    assert call("regress", old, "--against", runs)[0] == 1


def test_a_metric_of_a_set_is_gated_with_a_margin_relative_to_old(call, tmp_path: Path) -> None:
    shown = ShownMetric("distance", margin_relative=0.25, margin_reason="a quarter", tier="blocks")
    rng = np.random.default_rng(3)
    old = rng.normal(10.0, 20.0, 400)
    options = {"shared": True, "shown": shown, "direction": "lower", "metric": "distance"}
    store(tmp_path / "old", "model", old, **options)
    store(tmp_path / "new", "model", old + rng.normal(0.0, 1.0, 400), **options)
    store(tmp_path / "worse", "model", old + 5.0 + rng.normal(0.0, 1.0, 400), **options)
    code, out, _ = call("regress", tmp_path / "new", "--against", tmp_path / "old")
    assert code == 0 and "margin 25 % of the value" in out
    assert call("regress", tmp_path / "worse", "--against", tmp_path / "old")[0] == 1


def test_holm_corrects_over_the_blocking_metrics(call, tmp_path: Path) -> None:
    """A drop that is shown by itself is not called a regression among many metrics that did not drop."""
    rng = np.random.default_rng(5)
    base = draws(2, count=300)
    dropped = base.copy()
    dropped[np.flatnonzero(base)[:14]] = 0.0
    dropped[np.flatnonzero(base == 0)[:4]] = 1.0
    tight = ShownMetric("score", margin=0.01, margin_reason="tight", tier="blocks")
    for name in ("new", "old"):
        store(tmp_path / name, "model", dropped if name == "new" else base, shown=tight)
        for place in range(9):
            store(tmp_path / name, "model", rng.permutation(base), f"other-{place}", shown=GATED)
    call("regress", tmp_path / "new", "--against", tmp_path / "old", "--json", tmp_path / "all.json")
    policy = tmp_path / "policy.toml"
    policy.write_text('defaults = true\nfamily = "none"\n[metrics.score]\nmargin = 0.01\n')
    call(
        "regress", tmp_path / "new", "--against", tmp_path / "old", "--json", tmp_path / "one.json", "--policy", policy
    )
    many, alone = (
        next(row for row in json.loads((tmp_path / file).read_text())["metrics"] if row["task"] == "quiz")
        for file in ("all.json", "one.json")
    )
    assert many["damage"]["low"] > 0
    assert (many["verdict"], alone["verdict"]) == ("cannot tell", "regressed")
    assert many["p"] > 0.05 > alone["p"]


def test_what_only_warns_fails_nothing(call, tmp_path: Path) -> None:
    for name, values in (("new", WORSE), ("old", RIGHT)):
        store(
            tmp_path / name, "model", values, "warned", shown=ShownMetric(margin=0.1, margin_reason="r", tier="warns")
        )
        store(tmp_path / name, "model", RIGHT)
    code, out, _ = call("regress", tmp_path / "new", "--against", tmp_path / "old", "--junit", tmp_path / "j.xml")
    assert code == 0 and "regressed (warns)" in out
    assert ElementTree.parse(tmp_path / "j.xml").getroot().get("failures") == "0"


@pytest.mark.parametrize(("undecided", "code", "kind"), [("fail", 3, "error"), ("pass", 0, "skipped")])
def test_junit_has_failures_errors_and_what_is_skipped(call, tmp_path: Path, undecided, code, kind) -> None:
    runs, old = pair(tmp_path, RIGHT, RIGHT)
    store(old, "previous", RIGHT, "gone")
    file = tmp_path / "deep" / "j.xml"
    got, out, _ = call("regress", runs, "--against", old, "--undecided", undecided, "--junit", file)
    assert got == code and "score (gone) missing" in out
    root = ElementTree.parse(file).getroot()
    assert (root.get("tests"), root.get("failures"), root.get({"error": "errors"}.get(kind, kind))) == ("2", "0", "1")
    case = next(case for case in root.iter("testcase") if case.get("classname") == "gone")
    assert "NEW has no run of the task" in case.find(kind).get("message")


def test_junit_calls_a_regression_a_failure_also_where_the_undecided_passes(call, tmp_path: Path) -> None:
    runs, old = pair(tmp_path, WORSE)
    assert call("regress", runs, "--against", old, "--undecided", "pass", "--junit", tmp_path / "j.xml")[0] == 1
    failure = next(ElementTree.parse(tmp_path / "j.xml").getroot().iter("failure"))
    assert failure.get("type") == "regressed" and "margin 0.1" in failure.get("message")


def test_markdown_is_a_table_and_json_has_every_digit(call, tmp_path: Path) -> None:
    runs, old = pair(tmp_path, WORSE)
    call("regress", runs, "--against", old, "--markdown", tmp_path / "m.md", "--json", tmp_path / "o.json")
    text = (tmp_path / "m.md").read_text()
    assert text.startswith("### Regressed: ") and "| **regressed** |" in text
    found = json.loads((tmp_path / "o.json").read_text())
    assert (found["schema"], found["verdict"], found["new"]) == (1, "regressed", "candidate")
    row = found["metrics"][0]
    assert row["old"] == RIGHT.mean() and row["damage"]["value"] == pytest.approx(RIGHT.mean() - WORSE.mean())


@pytest.mark.parametrize("columns", [80, 120])
def test_the_text_fits_the_terminal(call, tmp_path: Path, columns: int, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    runs, old = pair(
        tmp_path,
        WORSE,
        metric="a-metric-with-a-very-long-name",
        shown=ShownMetric("a metric with a rather long label", margin=0.1, margin_reason="r", tier="blocks"),
    )
    out = call("regress", runs, "--against", old)[1]
    assert max(map(len, out.splitlines())) <= columns
    assert ("old" in out.splitlines()[3]) == (columns == 120)


def test_a_run_of_before_is_gated_by_what_the_catalogue_says(call, tmp_path: Path) -> None:
    runs, old = pair(tmp_path, metric="geneval", shown=None)
    code, out, _ = call("regress", runs, "--against", old)
    assert code == 0 and "margin 0.05" in out


def test_a_run_that_says_nothing_of_margins_is_gated_by_a_policy(call, tmp_path: Path) -> None:
    runs, old = pair(tmp_path, WORSE, shown=None)
    policy = tmp_path / "p.toml"
    policy.write_text("[metrics.score]\nmargin = 0.5\n")
    code, _, err = call("regress", runs, "--against", old)
    assert (
        code == 2 and err.count("\n") == 1 and "none states a margin: write a --policy FILE with [metrics.NAME]" in err
    )
    assert call("regress", runs, "--against", old, "--policy", policy)[0] == 0


def test_more_than_1_percent_failed_is_missing(call, tmp_path: Path) -> None:
    store(tmp_path / "old", "model", RIGHT)
    store(tmp_path / "few", "model", RIGHT, failed=4)
    store(tmp_path / "many", "model", RIGHT, failed=5)
    assert call("regress", tmp_path / "few", "--against", tmp_path / "old")[0] == 0
    code, out, _ = call("regress", tmp_path / "many", "--against", tmp_path / "old")
    assert code == 3 and "1.2 % of the cases of NEW failed, more than 1 %" in out


def test_cases_that_only_one_has_are_said(call, tmp_path: Path) -> None:
    store(tmp_path / "old", "model", RIGHT)
    store(tmp_path / "new", "model", RIGHT[100:], first=100)
    code, out, _ = call("regress", tmp_path / "new", "--against", tmp_path / "old")
    assert code == 0 and "on 300 common cases, of 300 and 400" in out


def test_one_model_of_several_is_named(call, tmp_path: Path) -> None:
    for name in ("first", "second"):
        store(tmp_path / "runs", name, WORSE if name == "second" else RIGHT)
    store(tmp_path / "runs", "noise", RIGHT, control=True)
    code, _, err = call("regress", tmp_path / "runs", "--against", tmp_path / "runs")
    assert code == 2 and "holds 2 models, and one is judged: --model NAME, of first, second" in err
    words = ("regress", tmp_path / "runs", "--against", tmp_path / "runs")
    assert call(*words, "--model", "second", "--against-model", "first")[0] == 1
    assert call(*words, "--model", "second")[0] == 0  # with itself
    assert "no model 'secnd'; did you mean 'second'?" in call(*words, "--model", "secnd")[2]
    assert call("regress", tmp_path / "runs" / "second", "--against", tmp_path / "runs" / "first" / "quiz")[0] == 1


# ------------------------------------------------------------------------------------------------ bad input


def refused(call, *words: object) -> str:
    code, out, err = call("regress", *words)
    assert (code, out) == (2, "") and err.count("\n") == 1, (code, out, err)
    return err


def test_unlike_protocols_are_refused_with_what_differs(call, tmp_path: Path) -> None:
    store(tmp_path / "new", "model", RIGHT, fingerprint={"detector": "b"})
    store(tmp_path / "old", "model", RIGHT, fingerprint={"detector": "a"})
    assert "quiz, score is not comparable" in (said := refused(call, tmp_path / "new", "--against", tmp_path / "old"))
    assert "detector is b or a" in said
    store(tmp_path / "newer", "model", RIGHT, version=2, fingerprint={"detector": "a"})
    assert "version" in refused(call, tmp_path / "newer", "--against", tmp_path / "old")


def test_fewer_than_half_of_the_cases_in_common_is_refused_and_the_overlap_named(call, tmp_path: Path) -> None:
    store(tmp_path / "old", "model", RIGHT)
    store(tmp_path / "new", "model", RIGHT, first=300)
    assert "share 100 cases, of 400 and 400" in refused(call, tmp_path / "new", "--against", tmp_path / "old")


def test_no_common_task_is_refused(call, tmp_path: Path) -> None:
    store(tmp_path / "old", "model", RIGHT, "one")
    store(tmp_path / "new", "model", RIGHT, "other")
    assert "no task in common: other and one" in refused(call, tmp_path / "new", "--against", tmp_path / "old")


def test_a_tampered_run_is_refused_and_one_of_another_model_is_not_in_the_way(call, tmp_path: Path) -> None:
    runs, old = pair(tmp_path)
    other = store(runs, "broken", RIGHT, control=True)
    for path in Path(other.path).glob("measures/*/scores.parquet"):
        path.write_bytes(path.read_bytes() + b" ")
    assert call("regress", runs, "--against", old, "--model", "candidate")[0] == 0
    for path in runs.glob("candidate/*/*/measures/*/estimates.json"):
        path.write_text(path.read_text().replace("0.6", "0.9"))
    assert "was changed after it was written" in refused(call, runs, "--against", old, "--model", "candidate")


def test_a_run_of_a_newer_schema_is_refused(call, tmp_path: Path) -> None:
    runs, old = pair(tmp_path)
    for path in runs.glob("candidate/*/*/spec.json"):
        path.write_text(path.read_text().replace('"schema": 1', '"schema": 99'))
    assert "newer than the" in refused(call, runs, "--against", old)


def test_empty_and_missing_places_are_refused(call, tmp_path: Path) -> None:
    _, old = pair(tmp_path)
    (tmp_path / "empty").mkdir()
    assert "no run folders under" in refused(call, tmp_path / "empty", "--against", old)
    said = refused(call, tmp_path / "nothing", "--against", old)
    assert "is neither a run folder nor a file of results nor a saved baseline" in said


def test_two_runs_of_one_task_are_refused(call, tmp_path: Path) -> None:
    runs, old = pair(tmp_path)
    store(runs, "candidate", RIGHT, seed=1)
    said = refused(call, runs, "--against", old)
    assert "holds 2 runs of candidate on quiz (seed " in said and "name the folder of one" in said
    first = next(iter(sorted((runs / "candidate" / "quiz").iterdir())))
    assert call("regress", first, "--against", old)[0] == 0


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("[metrics.scor]\nmargin = 0.1\n", "no run has the metric 'scor'; did you mean 'score'?"),
        ('[metrics."quizz/score"]\nmargin = 0.1\n', "no run has the task 'quizz'; did you mean 'quiz'?"),
        ('[metrics.score]\nmargin = "5 dB"\n', "is in 'dB', and 'score' is a plain number"),
        ('[metrics.score]\ntier = "warns"\n', 'every metric only warns: give one of them tier = "blocks"'),
        ("margins = 1\n", "unknown key 'margins'"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused(call, tmp_path: Path, policy: str, said: str) -> None:
    runs, old = pair(tmp_path)
    file = tmp_path / "p.toml"
    file.write_text(policy)
    assert said in refused(call, runs, "--against", old, "--policy", file)


def test_a_metric_of_which_neither_end_is_better_cannot_be_gated(call, tmp_path: Path) -> None:
    runs, old = pair(tmp_path, direction="none")
    assert "neither high nor low values of 'score' are better" in refused(call, runs, "--against", old)


def test_a_margin_as_wide_as_the_metric_is_refused(call, tmp_path: Path) -> None:
    runs, old = pair(tmp_path, metric="geneval", shown=None)
    file = tmp_path / "p.toml"
    file.write_text("[metrics.geneval]\nmargin = 5\n")
    assert "goes from 0 to 1: write it in the metric's own unit" in refused(
        call, runs, "--against", old, "--policy", file
    )


def test_a_word_for_the_undecided_is_pass_or_fail(call, tmp_path: Path) -> None:
    runs, old = pair(tmp_path)
    assert "--undecided is pass or fail, not 'maybe'" in refused(call, runs, "--against", old, "--undecided", "maybe")


def test_a_crash_is_no_regression(call, tmp_path: Path, monkeypatch) -> None:
    runs, old = pair(tmp_path)
    monkeypatch.setattr("reports.gating.judge.difference", lambda *_: 1 / 0)
    assert call("regress", runs, "--against", old)[0] == 70


# ------------------------------------------------------------------------------------------------ baselines


def test_a_saved_baseline_is_judged_against_by_its_name(call, here: Path) -> None:
    runs, old = pair(here, WORSE)
    code, out, _ = call("baseline", "save", "last", "old")
    assert code == 0 and "saved: ddtbench-baselines/last (previous, 1 tasks, 400 cases)" in out
    shutil.rmtree(old)
    assert call("regress", runs, "--against", "last")[0] == 1
    assert call("regress", "last", "--against", "last")[0] == 0
    listed = call("baseline", "list")[1].splitlines()
    assert listed[1].split()[:4] == ["last", "previous", "1", "400"] and listed[1].endswith("yes")


def test_a_baseline_whose_digest_changed_is_refused(call, here: Path) -> None:
    runs, _ = pair(here)
    call("baseline", "save", "last", "old")
    [file] = Path("ddtbench-baselines/last").glob("runs/*/*/*/measures/*/estimates.json")
    whole = file.read_bytes()
    file.write_bytes(whole + b"\n")
    assert "baseline 'last' was changed since it was saved" in refused(call, runs, "--against", "last")
    assert "has another digest" in call("baseline", "list")[1]
    file.write_bytes(whole)
    index = Path("ddtbench-baselines/last/baseline.json")
    index.write_text(index.read_text().replace('"cases": 400', '"cases": 4'))
    assert "was changed since it was saved (its index)" in refused(call, runs, "--against", "last")


def test_a_name_is_not_taken_twice_and_must_be_one(call, here: Path, monkeypatch) -> None:
    monkeypatch.setenv("DDTBENCH_BASELINES", str(here / "elsewhere"))
    assert "no baselines in" in call("baseline", "list")[1]
    pair(here)
    assert call("baseline", "save", "last", "old")[0] == 0
    code, _, err = call("baseline", "save", "last", "old")
    assert code == 2 and "a baseline is called 'last' already: use another name, or --replace" in err
    assert call("baseline", "save", "last", "new", "--replace")[0] == 0
    assert "cannot name a baseline" in call("baseline", "save", "../x", "old")[2]
    assert (here / "elsewhere" / "last" / "baseline.json").is_file()
    assert "did you mean 'last'?" in refused(call, "new", "--against", "lost")


def test_two_of_one_name_are_told_apart_by_where_they_are(call, here: Path) -> None:
    for name in ("before", "after"):
        store(here / name, "model", RIGHT)
    assert call("regress", "after", "--against", "before")[1].startswith("Holds: after is not worse than before")

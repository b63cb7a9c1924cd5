"""``ddtbench compare``: every model beside a baseline, and one line for what cannot be compared."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_runs import names, store_run

from harness import cli
from harness.errors import UserError
from harness.statistics import holm
from harness.store.run_folder import RunFolder
from reports.comparing import compare_runs
from reports.comparing.flips import mcnemar
from reports.comparing.rows import SHOWN_POWER

Call = Callable[..., tuple[int, str, str]]


def drawn(seed: int, share: float, count: int = 60) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    return {name: float(value) for name, value in zip(names(count), rng.random(count) < share, strict=True)}


def levels(seed: int, mean: float, count: int = 60) -> dict[str, float]:
    """The cases are the same hard ones for everybody; the seed is the model's own noise."""
    hard, own = np.random.default_rng(0).normal(mean, 4, count), np.random.default_rng(seed).normal(0, 1, count)
    return dict(zip(names(count), (hard + own).tolist(), strict=True))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models and a control on two tasks."""
    place = tmp_path_factory.mktemp("compared") / "runs"
    for number, (model, share) in enumerate((("old", 0.3), ("new", 0.9), ("twin", 0.3))):
        seed = 1 if model in ("old", "twin") else number
        right = drawn(seed, share)
        loss = levels(number, 20 + number)
        why = {case: "the number is another" for case, value in right.items() if not value}
        store_run(place, model, right, reasons=why)
        store_run(place, model, loss, task="prose", metric="loss", direction="lower", verdict=False)
    store_run(place, "floor", drawn(5, 0.1), control=True)
    return place


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """``call(words, width)`` -> (exit code, stdout, stderr)."""

    def run(*words: object, width: int = 100) -> tuple[int, str, str]:
        monkeypatch.setenv("COLUMNS", str(width))
        with pytest.raises(SystemExit) as left:
            cli.main(["compare", *map(str, words)])
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run


def refused(call: Call, *words: object) -> str:
    """The one line on stderr of a call that is bad input and prints nothing else."""
    code, out, err = call(*words)
    assert (code, out) == (2, ""), err
    assert err.count("\n") == 1 and err.startswith("ddtbench: "), err
    return err


# ------------------------------------------------------------------------------------------------ what is decided


def test_a_frame_has_a_row_per_task_metric_and_other_model(root: Path) -> None:
    frame = compare_runs(str(root), "old")
    assert list(zip(frame.task, frame.metric, frame.model, strict=True)) == [
        ("prose", "loss", "NEW"),
        ("prose", "loss", "TWIN"),
        ("quiz", "correct", "NEW"),
        ("quiz", "correct", "TWIN"),
    ]
    assert frame.p_holm.tolist() == pytest.approx(holm(frame.p.tolist()))
    assert np.allclose(frame.difference, frame.value - frame.baseline_value, atol=1e-12)
    assert (frame.low <= frame.difference).all() and (frame.difference <= frame.high).all()
    assert frame.cases.tolist() == [60] * 4
    row = frame.set_index(["task", "model"]).loc[("prose", "TWIN")]
    assert row.effect == -row.difference < 0 and row.answer == "worse", "a higher loss"


def test_the_smallest_effect_is_what_so_many_cases_show_in_four_of_five(root: Path) -> None:
    """2.8 standard errors, the error of the paired difference of 60 cases."""
    frame = compare_runs(str(root), "old", tasks=["prose"]).set_index("model")
    gaps = np.array(list(levels(1, 21).values())) - np.array(list(levels(0, 20).values()))
    expected = SHOWN_POWER * gaps.std(ddof=1) / np.sqrt(60)
    assert frame.loc["NEW"].smallest_effect == pytest.approx(expected, rel=0.06)
    assert SHOWN_POWER == 2.8


def test_equal_answers_are_equal_and_a_large_difference_is_shown(root: Path) -> None:
    frame = compare_runs(str(root), "old", tasks=["quiz"]).set_index("model")
    assert frame.loc["TWIN", ["difference", "low", "high", "answer"]].tolist() == [0.0, 0.0, 0.0, "equal"]
    assert frame.loc["NEW"].answer == "better" and frame.loc["NEW"].p_holm < 0.001


def test_turned_round_everything_changes_its_sign(root: Path) -> None:
    there = compare_runs(str(root), "old", models=["new"]).set_index("task")
    back = compare_runs(str(root), "new", models=["old"]).set_index("task")
    for task in ("quiz", "prose"):
        one, two = there.loc[task], back.loc[task]
        assert one.difference == -two.difference and one.p == pytest.approx(two.p, abs=1e-9)
        assert one.low == pytest.approx(-two.high, abs=0.02 * (one.high - one.low)), "quantiles from the other side"
    assert there.answer.tolist() == ["worse", "better"] and back.answer.tolist() == ["better", "worse"]


def test_controls_stand_aside_unless_they_are_named(root: Path, call: Call) -> None:
    assert "FLOOR" not in call(root, "--baseline", "old")[1]
    assert "FLOOR" in call(root, "--baseline", "old", "--model", "floor")[1]
    code, out, _ = call(root, "--baseline", "floor", "--task", "quiz")
    assert code == 0 and "NEW" in out and "TWIN" in out


@pytest.mark.parametrize("name", ["old", "OLD", "Old"])
def test_the_baseline_is_found_by_label_and_folder(root: Path, name: str) -> None:
    assert set(compare_runs(str(root), name).baseline) == {"OLD"}


def test_one_model_with_two_seeds_is_two_models(tmp_path: Path) -> None:
    for seed in (0, 1):
        store_run(tmp_path, "old", drawn(seed, 0.4), seed=seed)
    with pytest.raises(UserError, match=r"'old' is 2 models in .*: name one of 'OLD seed 0', 'OLD seed 1'"):
        compare_runs(str(tmp_path), "old")
    assert compare_runs(str(tmp_path), "OLD seed 1").model.tolist() == ["OLD seed 0"]


def test_models_of_two_folders_are_compared(root: Path, tmp_path: Path, call: Call) -> None:
    store_run(tmp_path, "other", drawn(8, 0.6))
    frame = compare_runs([str(root), str(tmp_path)], "old", models=["other"])
    assert frame.task.tolist() == ["quiz"]
    code, out, _ = call(root, tmp_path, "--baseline", "other")
    assert code == 0 and "OLD" in out and "TWIN" in out


def test_cases_that_one_lacks_are_left_out_and_named(tmp_path: Path, call: Call) -> None:
    store_run(tmp_path, "old", drawn(1, 0.4))
    store_run(tmp_path, "new", dict(list(drawn(2, 0.6).items())[:40]))
    code, out, err = call(tmp_path, "--baseline", "old")
    assert code == 0, err
    assert "NEW and OLD are compared on the 40 cases that both have, of 40 and 60" in " ".join(out.split())


# ------------------------------------------------------------------------------------------------ flips


def right(root: Path, model: str) -> dict[str, bool]:
    (path,) = (root / model / "quiz").iterdir()
    folder = RunFolder.open(path)
    frame = folder.read_scores()
    return {str(case): bool(value) for case, value in zip(frame["case"], frame["numerator"], strict=True)}


def test_flips_tell_the_question_both_answers_and_the_reason(root: Path, call: Call) -> None:
    found = json.loads(call(root, "--baseline", "old", "--task", "quiz", "--format", "json", "--flips", 5)[1])
    item = next(item for item in found["flips"] if item["model"] == "NEW")
    ours, theirs = right(root, "new"), right(root, "old")
    expected = [
        sum(ours[case] and not theirs[case] for case in ours),
        sum(theirs[case] and not ours[case] for case in ours),
        sum(theirs[case] and ours[case] for case in ours),
        sum(not theirs[case] and not ours[case] for case in ours),
    ]
    assert [item[name] for name in ("only_model", "only_baseline", "both", "neither")] == expected
    assert item["p"] == mcnemar(expected[0], expected[1])
    assert len(item["flips"]) == 5
    for flip in item["flips"]:
        case = flip["case"]
        assert ours[case] != theirs[case]
        assert flip["asked"] == [f"what is number {int(case[-5:])}?"]
        assert [flip["model"]["right"], flip["baseline"]["right"]] == [ours[case], theirs[case]]
        assert f"new says {case}" in flip["model"]["text"][0] and f"old says {case}" in flip["baseline"]["text"][0]
        wrong = flip["baseline"] if ours[case] else flip["model"]
        assert wrong["reasons"] == ["the number is another"]


def test_flips_take_turns_and_begin_with_the_first_of_each_stratum(root: Path, call: Call) -> None:
    found = json.loads(call(root, "--baseline", "old", "--task", "quiz", "--format", "json", "--flips", 4)[1])
    flips = next(item for item in found["flips"] if item["model"] == "NEW")["flips"]
    ours = right(root, "new")
    ups = [flip for flip in flips if ours[flip["case"]]]
    assert {flip["stratum"] for flip in ups[:2]} == {"tag-0", "tag-1"}
    assert flips[0]["model"]["right"] is True


def test_where_nothing_is_right_or_wrong_the_largest_differences_are_listed(root: Path, call: Call) -> None:
    found = json.loads(call(root, "--baseline", "old", "--task", "prose", "--format", "json", "--flips", 2)[1])
    item = next(item for item in found["flips"] if item["model"] == "TWIN")
    gaps = {case: levels(2, 22)[case] - value for case, value in levels(0, 20).items()}
    most = max(gaps, key=lambda case: gaps[case])
    assert item["only_model"] is None and item["flips"][0]["case"] == most
    assert item["flips"][0]["model"]["score"] - item["flips"][0]["baseline"]["score"] == pytest.approx(gaps[most])


def test_of_results_alone_the_reasons_are_listed(root: Path, tmp_path: Path, call: Call) -> None:
    place = tmp_path / "kept"
    shutil.copytree(root, place)
    for path in place.glob("*/quiz/*"):
        folder = RunFolder.open(path)
        parts = [part.file for part in folder.parts()]
        folder.write_manifest(results_only=True, parts=parts, stored=60, failures=[])
        shutil.rmtree(path / "samples")
    code, out, err = call(place, "--baseline", "old", "--task", "quiz", "--model", "new", "--flips", 1)
    assert code == 0, err
    assert "the number is another" in out and "says" not in out


def test_no_flips_is_no_list(root: Path, call: Call) -> None:
    out = call(root, "--baseline", "old", "--task", "quiz", "--flips", 0)[1]
    assert "only NEW right" in out and "says" not in out


def test_mcnemar_is_the_exact_binomial() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(10, 2) == pytest.approx(2 * (1 + 12 + 66) / 2**12)


# ------------------------------------------------------------------------------------------------ forms


@pytest.mark.parametrize("width", [40, 80, 120])
def test_text_fits_the_terminal(root: Path, call: Call, width: int) -> None:
    code, out, _ = call(root, "--baseline", "old", width=width)
    assert code == 0
    assert max(map(len, out.splitlines())) <= width
    for words in ("quiz", "loss", "NEW", "better", "Holm over 4 comparisons"):
        assert words in " ".join(out.split())


def test_csv_has_every_digit_of_the_frame(root: Path, call: Call) -> None:
    frame = compare_runs(str(root), "old")
    rows = list(csv.DictReader(io.StringIO(call(root, "--baseline", "old", "--format", "csv")[1])))
    assert list(rows[0]) == list(frame.columns)
    for name in ("difference", "low", "high", "p_holm", "smallest_effect"):
        assert [float(row[name]) for row in rows] == frame[name].tolist()


def test_json_says_what_was_compared(root: Path, call: Call) -> None:
    found = json.loads(call(root, "--baseline", "old", "--format", "json")[1])
    assert found["baseline"] == "OLD" and found["family"] == 4 and len(found["rows"]) == 4
    assert {flips["model"] for flips in found["flips"]} == {"NEW", "TWIN"}


def test_markdown_is_a_table_for_each_task(root: Path, call: Call) -> None:
    out = call(root, "--baseline", "old", "--format", "markdown")[1]
    assert out.count("| metric | model | value | OLD | difference \\[95 %\\] | p | could show | answer |") == 2
    assert "### quiz, 60 cases, beside OLD" in out
    table = [line for line in out.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {9}
    assert "what is number" in out


def test_latex_is_balanced(root: Path, call: Call) -> None:
    out = call(root, "--baseline", "old", "--format", "latex")[1]
    assert out.count("\\begin{table}") == out.count("\\end{table}") == 2
    assert out.startswith("% needs") and r"\caption{" in out and r"95 \%" in out
    assert out.count("{") == out.count("}")


def test_it_is_written_into_a_file(root: Path, call: Call, tmp_path: Path) -> None:
    place = tmp_path / "deep" / "compared.md"
    code, out, _ = call(root, "--baseline", "old", "--format", "markdown", "--to", place)
    assert code == 0 and out == f"written: {place}\n"
    assert place.read_text().startswith("### ")


# ------------------------------------------------------------------------------------------------ bad input


def test_an_unknown_model_is_told_who_is_there_the_nearest_first(root: Path, call: Call) -> None:
    said = refused(call, root, "--baseline", "nwe")
    assert "there is no model 'nwe' in" in said and ": there are 'NEW', '" in said and "'FLOOR'" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--metric", "corect"), "has a metric 'corect'; did you mean 'correct'?"),
        (("--task", "quizz"), "there is no task 'quizz' in"),
        (("--model", "nobody"), "there is no model 'nobody'"),
        (("--format", "html"), "there is no format 'html'"),
        (("--flips", "3", "--format", "csv"), "csv has no place for"),
        (("--suite", "mine"), "suite 'mine' was not run in"),
    ],
)
def test_what_is_not_there_is_one_line(root: Path, call: Call, words: tuple[str, ...], said: str) -> None:
    assert said in refused(call, root, "--baseline", "old", *words)


def test_empty_and_missing_runs(tmp_path: Path, call: Call) -> None:
    assert "there is no folder" in refused(call, tmp_path / "none", "--baseline", "old")
    (tmp_path / "runs").mkdir()
    assert "no runs in" in (said := refused(call, tmp_path / "runs", "--baseline", "old")) and "ddtbench run" in said


def test_one_model_only(tmp_path: Path, call: Call) -> None:
    store_run(tmp_path, "old", drawn(1, 0.4))
    assert "holds one model only, OLD: 'ddtbench run' another" in refused(call, tmp_path, "--baseline", "old")
    store_run(tmp_path, "new", drawn(1, 0.4), task="prose")
    said = refused(call, tmp_path, "--baseline", "old")
    assert "one model only of quiz, OLD: run another on the same task" in said


def test_runs_of_different_schemas(root: Path, tmp_path: Path, call: Call) -> None:
    place = tmp_path / "runs"
    shutil.copytree(root, place)
    path = next(place.glob("new/quiz/*/spec.json"))
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 99'))
    said = refused(call, place, "--baseline", "old")
    assert "runs of different schemas" in said and "schema 99, newer than the 1 read here: use a newer ddtbench" in said


def test_a_metric_that_one_model_lacks(tmp_path: Path, call: Call) -> None:
    store_run(tmp_path, "old", drawn(1, 0.4), more={"speed": levels(1, 3)})
    store_run(tmp_path, "new", drawn(2, 0.4), absent={"speed": "the clock is not here"})
    said = refused(call, tmp_path, "--baseline", "old", "--metric", "speed")
    assert "quiz: NEW has no speed (the clock is not here)" in said and "--metric" in said
    code, out, err = call(tmp_path, "--baseline", "old")
    assert code == 2 and "correct" in out, "what can be compared is shown"
    assert err == f"ddtbench: {said.partition('nothing can be compared in ')[2].partition(': ')[2]}"


def test_what_neither_measured_is_said_and_ends_nothing(tmp_path: Path, call: Call) -> None:
    for model in ("old", "new"):
        store_run(tmp_path, model, drawn(1, 0.4), absent={"sharpness": "the backbone is not here"})
    code, out, err = call(tmp_path, "--baseline", "old")
    assert (code, err) == (0, "")
    assert "not compared: NEW has no sharpness (the backbone is not here)" in " ".join(out.split())


def test_unlike_fingerprints_are_refused_with_what_differs(tmp_path: Path, call: Call) -> None:
    store_run(tmp_path, "old", drawn(1, 0.4), fingerprint={"crop": "none"})
    store_run(tmp_path, "new", drawn(2, 0.4), fingerprint={"crop": "centre"}, version=2)
    said = refused(call, tmp_path, "--baseline", "old")
    assert "the protocols of NEW and OLD differ: crop is centre or none; version of the metric is 2 or 1" in said


def test_fewer_than_half_of_the_cases_shared(tmp_path: Path, call: Call) -> None:
    store_run(tmp_path, "old", drawn(1, 0.4))
    store_run(tmp_path, "new", dict(list(drawn(2, 0.6).items())[:20]))
    assert "NEW and OLD share 20 cases, of 20 and 60: fewer than half" in refused(call, tmp_path, "--baseline", "old")


def test_more_than_one_percent_failed(tmp_path: Path, call: Call) -> None:
    store_run(tmp_path, "old", drawn(1, 0.4))
    scores = drawn(2, 0.6)
    store_run(tmp_path, "new", dict(list(scores.items())[1:]), failed=list(scores)[:1])
    said = refused(call, tmp_path, "--baseline", "old")
    assert "NEW: 1 of 60 cases failed, more than 1 %: not compared" in said


def test_a_tampered_run_is_named_and_left_out(root: Path, tmp_path: Path, call: Call) -> None:
    place = tmp_path / "runs"
    shutil.copytree(root, place)
    path = next(place.glob("new/quiz/*/measures/*/estimates.json"))
    path.write_text(path.read_text().replace('"value": 0.', '"value": 0.9'))
    code, out, err = call(place, "--baseline", "old", "--task", "quiz")
    assert code == 0 and "TWIN" in out and "NEW" not in out.partition("left out")[0]
    assert "left out: new/quiz/" in out and err == ""
    assert "left out: new/quiz/" in call(place, "--baseline", "old", "--task", "quiz", "--format", "csv")[2]
    assert "'new' cannot be used: new/" not in refused(call, place, "--baseline", "new", "--task", "quiz")
    shutil.rmtree(place / "new" / "prose")
    assert "'new' cannot be used: new/quiz/" in refused(call, place, "--baseline", "new")
    shutil.rmtree(place / "twin")
    assert "one model only, OLD" in (said := refused(call, place, "--baseline", "old")) and "(left out: new/" in said
    shutil.rmtree(place / "old")
    shutil.rmtree(place / "floor")
    for path in place.glob("*/*/*/measures/*/estimates.json"):
        path.write_text(path.read_text().replace('"scored"', '"scored" '))
    assert "can be used" in refused(call, place, "--baseline", "new")


def test_a_run_that_was_not_measured(tmp_path: Path, call: Call) -> None:
    store_run(tmp_path, "old", drawn(1, 0.4))
    for path in tmp_path.glob("*/*/*/measures/*/*"):
        path.unlink()
    assert "measure" in refused(call, tmp_path, "--baseline", "old")
    for model in ("new", "third"):
        store_run(tmp_path, model, drawn(2, 0.4))
    assert "'old' cannot be used: old/quiz/" in refused(call, tmp_path, "--baseline", "old")
    code, out, _ = call(tmp_path, "--baseline", "new")
    assert code == 0 and "THIRD" in out and "was not measured" in out


def test_a_metric_is_found_by_its_label_and_on_the_tasks_that_have_it(root: Path, call: Call) -> None:
    frame = compare_runs(root, "old", metrics=["Loss"])
    assert set(frame.task) == {"prose"} and set(frame.metric) == {"loss"}


def test_of_one_run_in_two_folders_that_of_more_cases_is_taken(tmp_path: Path, call: Call) -> None:
    for place, count in (("few", 20), ("many", 60)):
        for model, seed in (("old", 1), ("new", 2)):
            store_run(tmp_path / place, model, dict(list(drawn(seed, 0.5).items())[:count]))
    code, out, _ = call(tmp_path / "few", tmp_path / "many", "--baseline", "old")
    assert code == 0 and "60 cases" in out
    assert "is the same run as one in another folder: the one of more cases is taken" in " ".join(out.split())


def test_of_several_answers_each_has_its_verdict(tmp_path: Path, call: Call) -> None:
    for model, seed in (("old", 1), ("new", 2)):
        said = {case: '["yes", "no"]' for case in names(60)}
        why = {case: "right\nwrong" for case in names(60)}
        store_run(tmp_path, model, drawn(seed, 0.5), answers=said, reasons=why)
    out = " ".join(call(tmp_path, "--baseline", "old")[1].split())
    assert "NEW: right, \u201cyes\u201d (right), \u201cno\u201d (wrong)" in out

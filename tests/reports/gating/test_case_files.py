"""Per-case results of other programs in the same gate: tables, and the samples of lm-eval and lmms-eval."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gate_runs import draws, store

from harness.errors import UserError
from reports.comparing.differences import difference
from reports.reading.case_files import read_case_files

RIGHT = draws(0, 0.7, 300)
WORSE = RIGHT * (np.random.default_rng(1).random(len(RIGHT)) > 0.4)
DATE = "2026-01-02T03-04-05.678901"


def table(path: Path, values: Sequence[float | str | None], **columns: str) -> Path:
    rows = [{"case": f"c{n}", "metric": "acc", "value": value, **columns} for n, value in enumerate(values)]
    if path.suffix == ".csv":
        lines = [",".join(rows[0]), *(",".join("" if v is None else str(v) for v in row.values()) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_table_of_cases_is_gated_as_a_run_is(call, tmp_path: Path, suffix: str) -> None:
    old, same, worse = (
        table(tmp_path / f"{name}{suffix}", values)
        for name, values in (("old", RIGHT), ("same", RIGHT), ("new", WORSE))
    )
    assert call("regress", same, "--against", old)[0] == 0
    code, out, _ = call("regress", worse, "--against", old)
    assert code == 1 and "margin 0.05 (5 points of a hundred, where nothing else is stated) for acc" in out
    assert out.startswith("Regressed: new is worse than old in acc (cases).")


def test_a_table_says_which_way_is_better_its_clusters_and_its_unit(tmp_path: Path) -> None:
    path = table(tmp_path / "t.jsonl", [0.1, 0.2], task="quiz", group="g", direction="lower", unit="s", stratum="easy")
    [run], _ = read_case_files(path)
    estimate = run.estimate("acc")
    assert (run.task, estimate.direction, estimate.unit, estimate.value) == ("quiz", "lower", "s", pytest.approx(0.15))
    assert list(run.scores["acc"].groups) == ["g", "g"] and list(run.scores["acc"].strata) == ["easy", "easy"]


def test_a_metric_of_the_catalogue_keeps_its_direction_and_margin(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps({"case": str(n), "metric": "l1", "value": 0.1}) + "\n" for n in range(3)))
    [run], _ = read_case_files(path)
    assert run.estimate("l1").direction == "lower" and run.metric("l1").margin == 0.004


def test_an_empty_value_is_a_failed_case(call, tmp_path: Path) -> None:
    old = table(tmp_path / "old.csv", RIGHT)
    new = table(tmp_path / "new.csv", [None] * 9 + list(RIGHT[9:]))
    code, out, _ = call("regress", new, "--against", old)
    assert code == 3 and "3 % of the cases of NEW failed" in out


def test_of_a_table_of_several_models_one_is_named(call, tmp_path: Path) -> None:
    path = tmp_path / "both.jsonl"
    rows = [
        {"case": str(n), "metric": "acc", "value": value, "model": model}
        for model, values in (("good", RIGHT), ("bad", WORSE))
        for n, value in enumerate(values)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, _, err = call("regress", path, "--against", path)
    assert code == 2 and "holds 2 models, and one is judged: --model good or --model bad" in err
    assert call("regress", path, "--against", path, "--model", "bad", "--against-model", "good")[0] == 1


# ------------------------------------------------------------------------------------------------ lm-eval


def lm_eval(folder: Path, values: Sequence[float], task: str = "arc_easy", **metrics: Sequence[Any]) -> Path:
    """As ``lm_eval --log_samples --output_path`` leaves it: samples and results in a folder of the model's name."""
    place = folder / "model__name"
    place.mkdir(parents=True)
    named = metrics or {"acc": list(values)}
    lines = [
        {
            "doc_id": n,
            "doc": {"question": f"q{n}"},
            "target": "A",
            "arguments": {"gen_args_0": {"arg_0": "q"}},
            "resps": [["-1.5", "False"]],
            "filtered_resps": [["-1.5", "False"]],
            "filter": "none",
            "metrics": list(named),
            "doc_hash": f"{n:064d}",
            "prompt_hash": "p",
            "target_hash": "t",
            **{name: column[n] for name, column in named.items()},
        }
        for n in range(len(next(iter(named.values()))))
    ]
    (place / f"samples_{task}_{DATE}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    stated = {f"{name},none": float(np.mean(column)) for name, column in named.items() if np.ndim(column) == 1}
    results = {
        "results": {task: stated},
        "versions": {task: 1.0},
        "n-shot": {task: 0},
        "higher_is_better": {task: {name: "perplexity" not in name for name in named}},
    }
    if "word_perplexity" in named:
        parts = np.array(named["word_perplexity"])
        stated["word_perplexity,none"] = math.exp(-parts[:, 0].sum() / parts[:, 1].sum())
    (place / f"results_{DATE}.json").write_text(json.dumps(results))
    return folder


def test_lm_evals_samples_are_gated_by_the_folder_or_by_the_file(call, tmp_path: Path) -> None:
    old, new = lm_eval(tmp_path / "old", RIGHT), lm_eval(tmp_path / "new", WORSE)
    code, out, _ = call("regress", new, "--against", old)
    assert code == 1 and "arc_easy, 300 cases" in out
    [file] = new.glob("*/samples_*.jsonl")
    assert call("regress", file, "--against", old)[0] == 1
    assert call("regress", old, "--against", file)[0] == 0


def test_other_documents_under_the_same_number_are_not_paired(call, tmp_path: Path) -> None:
    old, new = lm_eval(tmp_path / "old", RIGHT), lm_eval(tmp_path / "new", RIGHT)
    [file] = new.glob("*/samples_*.jsonl")
    file.write_text(file.read_text().replace('"doc_hash": "0', '"doc_hash": "1'))
    code, _, err = call("regress", new, "--against", old)
    assert code == 2 and "share 0 cases, of 300 and 300: fewer than half" in err


def test_another_version_of_the_task_is_refused(call, tmp_path: Path) -> None:
    old, new = lm_eval(tmp_path / "old", RIGHT), lm_eval(tmp_path / "new", RIGHT)
    [file] = new.glob("*/results_*.json")
    file.write_text(file.read_text().replace('"arc_easy": 1.0', '"arc_easy": 2.0'))
    code, _, err = call("regress", new, "--against", old)
    assert code == 2 and "version of the task is 2.0 or 1.0" in err


def test_a_perplexity_is_made_of_the_logarithms_and_low_is_better(call, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    words = rng.integers(50, 200, 60)
    losses = words * rng.normal(3.0, 0.1, 60)
    old = lm_eval(
        tmp_path / "old",
        (),
        "wikitext",
        word_perplexity=[[-loss, int(n)] for loss, n in zip(losses, words, strict=True)],
    )
    new = lm_eval(
        tmp_path / "new",
        (),
        "wikitext",
        word_perplexity=[[-1.1 * loss, int(n)] for loss, n in zip(losses, words, strict=True)],
    )
    [run], _ = read_case_files(old)
    [worse], _ = read_case_files(new)
    assert run.estimate("word_perplexity").value == pytest.approx(math.exp(losses.sum() / words.sum()))
    gap = difference(worse, run, "word_perplexity")
    assert gap.low > 0
    assert call("regress", new, "--against", old)[0] == 1
    assert call("regress", old, "--against", new)[0] == 0


def test_a_metric_that_is_not_the_mean_of_its_lines_is_left_out_and_said(call, tmp_path: Path) -> None:
    old = lm_eval(tmp_path / "old", (), acc=list(RIGHT), mcc=[[1, 0]] * len(RIGHT), odd=list(RIGHT))
    [file] = old.glob("*/results_*.json")
    results = json.loads(file.read_text())
    results["results"]["arc_easy"]["odd,none"] = 0.123
    file.write_text(json.dumps(results))
    runs, notes = read_case_files(old)
    assert [item.metric for item in runs[0].estimates] == ["acc"]
    assert notes == [
        "arc_easy: mcc is not judged: it is not a number for each document",
        "arc_easy: odd is not judged: it is not the mean over documents, so has no interval",
    ]
    assert "mcc is not judged" in " ".join(call("regress", old, "--against", old)[1].split())


# ------------------------------------------------------------------------------------------------ lmms-eval


def lmms_eval(folder: Path, right: Sequence[float], task: str = "mme") -> Path:
    """MME's answers as ``lmms_eval --log_samples`` leaves them: two lines a picture, a score in an object."""
    folder.mkdir()
    lines = [
        {
            "doc_id": n,
            "target": "Yes",
            "filtered_resps": ["Yes"],
            "doc_hash": f"{n:064d}",
            "input": "q",
            "token_counts": [None],
            "mme_perception_score": {
                "question_id": f"{n // 2}.png",
                "category": ("existence", "count")[n // 2 % 2],
                "score": score,
            },
        }
        for n, score in enumerate(right)
    ]
    (folder / f"20260102_030405_samples_{task}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def mme_total(right: np.ndarray) -> float:
    """As lmms-eval adds it up (``mme_aggregate_results``)."""
    pairs = right.reshape(-1, 2)
    scores = 100 * pairs.mean(axis=1) + 100 * (pairs.sum(axis=1) == 2)
    return float(scores[::2].mean() + scores[1::2].mean())


def test_mmes_total_is_made_of_pairs_within_their_categories(call, tmp_path: Path) -> None:
    right = draws(3, 0.8, 400)
    worse = right * (np.random.default_rng(6).random(400) > 0.25)
    old, new = lmms_eval(tmp_path / "old", right), lmms_eval(tmp_path / "new", worse)
    [run], _ = read_case_files(old)
    estimate = run.estimate("mme_perception_score")
    assert estimate.value == pytest.approx(mme_total(right)) and estimate.scored == 200
    assert "within 2 strata" in difference(read_case_files(new)[0][0], run, "mme_perception_score").method
    code, out, _ = call("regress", new, "--against", old)
    assert code == 1 and "margin 20 points (5 % of the maximum) for mme perception score" in out


def test_our_own_lmms_export_and_a_number_in_a_line_are_read(tmp_path: Path) -> None:
    path = tmp_path / "samples_gqa.jsonl"
    path.write_text(
        "".join(json.dumps({"doc_id": n, "doc": {}, "filtered_resps": ["x"], "score": n % 2}) + "\n" for n in range(4))
    )
    [run], _ = read_case_files(path)
    assert (run.task, run.estimate("score").value) == ("gqa", 0.5)


# ------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "t.csv",
            "a,b\n1,2\n",
            "neither a table with the columns case, metric, value nor samples of lm-eval or lmms-eval",
        ),
        ("t.csv", "case,metric,value\n", "holds no cases"),
        ("t.csv", "case,metric,value\n1,acc,much\n", "line 2: value must be a number, is 'much'"),
        ("t.csv", "case,metric,value\n1,acc,1\n1,acc,0\n", "line 3: case '1' has acc twice"),
        ("t.csv", "case,metric,value\n,acc,1\n", "line 2: a row needs a case and a metric"),
        ("t.csv", "case,metric,value,direction\n1,acc,1,up\n", "direction must be higher or lower, not 'up'"),
        ("t.jsonl", "{]\n", "line 1: not JSON"),
        ("t.jsonl", "[1]\n", "line 1: not an object"),
        ("t.parquet", "no parquet", "is not a Parquet file that can be read"),
        ("t.txt", "x", "per-case results are read from .csv, .jsonl, .parquet"),
        ("samples_x.jsonl", '{"doc_id": 1, "acc": "yes"}\n', "no metric of it is a number for each case"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(call, tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    code, out, err = call("regress", path, "--against", path)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_values_without_a_margin_need_a_policy(call, tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", [10.0 * value for value in RIGHT])
    code, _, err = call("regress", path, "--against", path)
    assert code == 2 and "none states a margin" in err
    policy = tmp_path / "p.toml"
    policy.write_text('[metrics.acc]\nmargin = 1\ndirection = "lower"\n')
    assert call("regress", path, "--against", path, "--policy", policy)[0] == 0


def test_a_file_is_not_a_baseline_and_is_not_judged_against_a_run_of_another_task(call, here: Path) -> None:
    table(here / "t.csv", RIGHT)
    store(here / "runs", "model", RIGHT)
    assert "cannot be a baseline" in call("baseline", "save", "x", "t.csv")[2]
    assert "no task in common: cases and quiz" in call("regress", "t.csv", "--against", "runs")[2]


def test_a_folder_that_holds_a_task_twice_is_refused(tmp_path: Path) -> None:
    place = lm_eval(tmp_path / "old", RIGHT) / "model__name"
    [file] = place.glob("samples_*")
    file.with_name(file.name.replace("2026-01-02", "2026-01-03")).write_text(file.read_text())
    with pytest.raises(UserError, match="holds arc_easy twice: name one of its files"):
        read_case_files(place)

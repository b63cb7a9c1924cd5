"""The task ``lmms`` from rows to estimates, with a script in lmms-eval's place: answers, failures, totals, refusals."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from harness.commands import export_run, run_suite
from harness.errors import UserError
from harness.spec import RunRequest, SuiteSpec
from harness.store.parts import samples_of
from harness.store.run_folder import find_run_folders

METRICS = ("mme_perception_score", "mme_cognition_score")
STATED = {"mme_perception_score,none": 150.0, "mme_cognition_score,none": "N/A"}


def run(tmp_path: Path, task: str = "lmms@mme", limit: int | None = None) -> pd.DataFrame:
    suite = SuiteSpec("lmms", (RunRequest("vqgan-llama", task, limit),), batch=4, unit_size=4)
    found = run_suite(suite, str(tmp_path / "runs"))
    return found[found.stratum == ""].set_index("metric")


def answers(count: int, failed: int | None = None) -> list[dict[str, Any]]:
    return [
        {"document": row, "failed": "RuntimeError: no"} if row == failed else {"document": row, "answer": f"Yes {row}"}
        for row in range(count)
    ]


def samples(count: int) -> list[dict[str, Any]]:
    return [{"doc_id": row, "mme_perception_score": {"score": float(row % 2)}} for row in range(count)]


def test_answers_scores_and_totals(
    tmp_path: Path, data: Path, miniatures: ModuleType, define: Any, lmms_eval: Callable[..., Any]
) -> None:
    miniatures.mme(data, 4)
    define("mme", "MME", METRICS)
    calls = lmms_eval("mme", answers(8), samples(8), STATED)
    found = run(tmp_path)
    assert found.value["lmms-score"] == 0.5
    assert found.value["lmms-mme_perception_score"] == 150
    assert pd.isna(found.value["lmms-mme_cognition_score"])  # what lmms-eval does not state is not measured
    assert calls[0].count == 8 and calls[0].model == "vqgan-llama"
    folder = find_run_folders(tmp_path / "runs")[0]
    tables = {part.unit: folder.read(part) for part in folder.parts()}
    said = [sample.text for unit in sorted(tables) for sample in samples_of(tables[unit])]
    assert said == [f"Yes {row}" for row in range(8)]
    assert not calls[0].work.exists()  # once all units are stored
    run(tmp_path)
    assert len(calls) == 1  # nothing is asked again


def test_a_failed_row_is_a_failure_and_no_total_is_stated(
    tmp_path: Path, data: Path, miniatures: ModuleType, define: Any, lmms_eval: Callable[..., Any]
) -> None:
    miniatures.mme(data, 4)
    define("mme", "MME", METRICS)
    lmms_eval("mme", answers(8, failed=3), samples(8), STATED)
    found = run(tmp_path)
    assert (found.scored["lmms-score"], found.failed["lmms-score"]) == (7, 1)
    assert pd.isna(found.value["lmms-mme_perception_score"])
    assert "1 of 8 answers failed" in found.absent["lmms-mme_perception_score"]


def test_choices_by_likelihood_have_scores_and_no_words(
    tmp_path: Path, data: Path, miniatures: ModuleType, define: Any, lmms_eval: Callable[..., Any]
) -> None:
    miniatures.seedbench(data, 4)
    define("seedbench_ppl", "SEED-Bench", ["acc"])
    choice = {"document": 3, "failed": "ValueError: two pictures"}  # one line for each choice of a row
    lmms_eval("seedbench_ppl", [choice] * 4, [{"doc_id": row, "acc": float(row == 1)} for row in range(4)])
    found = run(tmp_path, "lmms@seedbench_ppl")
    assert (found.scored["lmms-score"], found.failed["lmms-score"]) == (3, 1)
    assert found.value["lmms-score"] == pytest.approx(1 / 3)


def test_an_error_of_lmms_eval_is_one_line_with_its_log(
    tmp_path: Path, data: Path, miniatures: ModuleType, define: Any, lmms_eval: Callable[..., Any]
) -> None:
    """It exits with 0 all the same."""
    miniatures.mme(data, 4)
    define("mme", "MME", METRICS)
    lmms_eval("mme", error="RetryError: RetryError[<Future state=finished raised ValueError>]")
    with pytest.raises(UserError, match=r"left no results of 'mme': RetryError.*lmms-eval\.log"):
        run(tmp_path)


def test_what_cannot_be_asked_is_said_before(tmp_path: Path, data: Path, miniatures: ModuleType, define: Any) -> None:
    define("mme", "MME", METRICS)
    with pytest.raises(UserError, match=r"hf download lmms-lab-encoder/MME .* data prepare mme"):
        run(tmp_path)
    miniatures.mme(data, 4)
    with pytest.raises(UserError, match="give an even --limit, not 3"):
        run(tmp_path, limit=3)
    define("mme", "MME", METRICS, split="validation")
    with pytest.raises(UserError, match=r"lacks split 'validation' \(it has: test\)"):
        run(tmp_path)


def test_captions_need_java(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.lmms.task import LmmsTask

    class Subject:
        image_size = 32

    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="scores captions with Java, which is not on this machine: install"):
        LmmsTask("nocaps_val", Subject()).definition  # noqa: B018 (a property that raises)
    with pytest.raises(UserError, match="which task of lmms-eval"):
        LmmsTask("", Subject())


def test_a_run_is_written_as_the_samples_that_lmms_eval_logs(
    tmp_path: Path, data: Path, miniatures: ModuleType, define: Any, lmms_eval: Callable[..., Any]
) -> None:
    miniatures.mme(data, 4)
    define("mme", "MME", METRICS)
    lmms_eval("mme", answers(6, failed=3), samples(6), STATED)
    run(tmp_path, limit=6)
    said = export_run(str(tmp_path / "runs"), tmp_path / "out")
    assert said == "5 answers in samples_mme.jsonl; 1 failed and is left out; 6 of the task's 8 cases were asked"
    records = [json.loads(line) for line in (tmp_path / "out/samples_mme.jsonl").read_text().splitlines()]
    assert [record["doc_id"] for record in records] == [0, 1, 2, 4, 5]
    assert [record["score"] for record in records] == [0.0, 1.0, 0.0, 0.0, 1.0]
    assert records[4]["filtered_resps"] == ["Yes 5"] and records[4]["target"] == records[4]["doc"]["answer"]

"""What lmms-eval leaves behind, in its own schema, and how it is called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UserError
from tasks.lmms.call import Call, read_result
from tasks.lmms.definition import Definition


def definition(*metrics: str) -> Definition:
    return Definition("quiz", "owner/quiz", "", "test", metrics, False, "0" * 16, "0.7.3")


def written(place: Path, stated: Mapping[str, Any], rows: list[dict[str, Any]], answers: str) -> tuple[Path, Path]:
    folder = place / "out" / "model"
    folder.mkdir(parents=True)
    results = folder / "20260101_000000_results.json"
    results.write_text(json.dumps({"results": {"quiz": {"alias": "quiz", **stated}}, "configs": {}}))
    samples = "".join(json.dumps({"target": "x", "doc_hash": "0", **row}) + "\n" for row in rows)
    (folder / "20260101_000000_samples_quiz.jsonl").write_text(samples)
    (place / "answers.jsonl").write_text(answers)
    return results, place / "answers.jsonl"


def line(**record: Any) -> str:
    return json.dumps({"task": "quiz", **record}) + "\n"


def test_scores_of_rows_answers_failures_and_totals(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"doc_id": 0, "exact": 0.3},
        {"doc_id": 1, "exact": {"question_id": "1", "score": 1.0}},
        {"doc_id": 2, "exact": {"pred": "b ", "answer": "B"}},  # SEED-Bench
        {"doc_id": 3, "exact": {"pred": "a cat", "answer": ["a cat", "a dog"], "image_id": 3}},  # captions
        {"doc_id": 4, "second": 0.5},
        {"doc_id": 5, "exact": None},
    ]
    stated = {"exact,none": 0.25, "exact_stderr,none": 0.1, "second,strict": 2, "second,none": 3, "third,none": "N/A"}
    answers = line(document=0, failed="first") + line(document=0, answer="a") + line(document=1, answer="b")
    answers += line(document=2, answer="c") + line(document=2, failed="last")
    answers += json.dumps({"task": "other", "document": 3, "answer": "d"}) + "\n" + '{"task": "quiz", "docu'
    found = read_result(*written(tmp_path, stated, rows, answers), definition("exact", "second", "third"))
    assert found.scores == {0: 0.3, 1: 1.0, 2: 1.0, 4: 0.5}
    assert found.answers[0] == "a" and found.answers[1] == "b" and 3 not in found.answers
    assert found.failed == {2: "last"}
    assert found.stated == {"exact": 0.25, "second": 2.0}


def test_results_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    results, answers = written(tmp_path, {}, [], "")
    (results.parent / "20260101_000000_samples_quiz.jsonl").unlink()
    with pytest.raises(UserError, match=r"cannot be read .*FileNotFoundError"):
        read_result(results, answers, definition())
    results.write_text('{"results": {}}')
    with pytest.raises(UserError, match=r"cannot be read .*KeyError"):
        read_result(results, answers, definition())


def test_the_call_is_offline_and_holds_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    call = Call(definition(), "ddt-llama", "cpu", 8, 4, 1, tmp_path)
    assert "model=ddt-llama,answers=answers.jsonl" in call.command
    assert call.command[call.command.index("--limit") + 1] == "8"
    environment = call.environment
    assert environment["HF_HUB_OFFLINE"] == environment["HF_DATASETS_OFFLINE"] == environment["OMP_NUM_THREADS"] == "1"
    assert "HF_TOKEN" not in environment and environment["PYTHONPATH"].endswith("elsewhere")


def test_lines_of_samples_end_in_line_feeds_alone(tmp_path: Path) -> None:
    rows = [{"doc_id": 0, "exact": 1.0, "said": "a\u2028b\u0085c"}, {"doc_id": 1, "exact": float("nan")}]
    results, answers = written(tmp_path, {}, [], line(document=0, answer="a\u2028b"))
    samples = results.with_name("20260101_000000_samples_quiz.jsonl")
    samples.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    found = read_result(results, answers, definition("exact"))
    assert found.scores == {0: 1.0}, "and what is no number is no score"
    assert found.answers == {0: "a\u2028b"}

"""The task from questions to estimates: pairs, pictures, failures, names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.contracts import AnswersQuestions, Estimate
from harness.errors import UserError
from harness.images import PADDING, padded
from harness.measure import measure
from harness.observe import observe
from harness.run import run
from harness.spec import RunSpec
from harness.store.run_folder import RunFolder
from tasks.mme import metrics
from tasks.mme.answers import open_answers
from tasks.mme.task import as_lmms_eval_asks, build, build_as_lmms_eval_asks

Rows = Callable[..., list[dict[str, Any]]]
Write = Callable[..., Path]


def run_all(
    place: Path, data: Path, subject: Any, limit: int | None = None
) -> tuple[RunFolder, dict[tuple[str, str], Estimate]]:
    """Run, observe and measure: estimates by metric and stratum."""
    task = build(str(data), subject)
    folder = RunFolder.create_or_open(
        place, RunSpec("scripted", 1, "", task.name, task.version, task.data_revision, batch=4, unit_size=4)
    )
    run(folder.spec, task, lambda: subject, folder, limit=limit)
    observe(folder, [open_answers()], batch=4)
    wanted = [metrics.score(), metrics.total(), metrics.total_vlmevalkit(), metrics.other()]
    found = measure(folder, wanted, task.fingerprint, limit=limit)
    return folder, {(item.metric, item.stratum): item for item in found}


def test_the_fake_is_what_the_task_examines(scripted: Any) -> None:
    assert isinstance(scripted(), AnswersQuestions)


def truthful(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["question"]: row["answer"] for row in rows}


def test_from_the_official_schema_to_estimates(tmp_path: Path, rows_of: Rows, write: Write, scripted: Any) -> None:
    rows = rows_of("count", 6) + rows_of("color", 4)
    script = truthful(rows)
    script[rows[0]["question"]] = "The answer is yes"
    subject = scripted(script)
    _, found = run_all(tmp_path / "runs", write(tmp_path / "mini.parquet", rows), subject)
    assert found["mme-score", "count"].value == pytest.approx(100 * 11 / 12 + 100 * 5 / 6)
    assert found["mme-score", "color"].value == 200
    assert found["mme-total", ""].value == pytest.approx(375)
    assert found["mme-total-vlmevalkit", ""].value == pytest.approx(400)
    assert found["mme-other", ""].value == pytest.approx((1 / 12 + 0) / 2)
    total = found["mme-total", ""]
    assert total.scored == 10 and total.failed == 0 and total.low is not None and total.high is not None
    assert 300 <= total.low <= 375 <= total.high <= 400 + 1e-9
    assert "within 2 strata" in total.method
    assert total.fingerprint["parser"] == "official" and total.fingerprint["chance-total"] == 150
    assert total.fingerprint["mme-answers"] == open_answers().digest
    assert all(shape == (4, 3, 32, 32) for shape in subject.seen)  # the run's batch, not twice as much
    assert subject.asked[0] == rows[0]["question"]  # two blanks and all


def test_a_question_too_long_fails_its_pair_alone(tmp_path: Path, rows_of: Rows, write: Write, scripted: Any) -> None:
    rows = rows_of("count", 5)
    rows[3]["question"] += " " + "Really? " * 10
    folder, found = run_all(tmp_path / "runs", write(tmp_path / "mini.parquet", rows), scripted(truthful(rows)))
    failed = folder.columns().failed
    assert list(failed) == ["mme/count/0001.png"]
    assert "longer than the context of 80 characters" in failed["mme/count/0001.png"]
    score = found["mme-score", ""]
    assert score.value == 200 and (score.scored, score.failed) == (4, 1)
    assert score.failures_wrong == pytest.approx(160)


def test_a_picture_that_cannot_be_read_fails_its_pair_alone(
    tmp_path: Path, rows_of: Rows, write: Write, scripted: Any
) -> None:
    rows = rows_of("count", 3)
    for row in rows[2:4]:
        row["image"] = {"bytes": b"no picture", "path": "x.png"}
    folder, _ = run_all(tmp_path / "runs", write(tmp_path / "mini.parquet", rows), scripted(truthful(rows)))
    (reason,) = folder.columns().failed.values()
    assert "0001.png: not an image that Pillow reads" in reason


@pytest.mark.parametrize("limit", [1, 3])
def test_a_limit_cuts_no_pair(tmp_path: Path, rows_of: Rows, write: Write, scripted: Any, limit: int) -> None:
    rows = rows_of("count", 5)
    data = write(tmp_path / "mini.parquet", rows)
    _, found = run_all(tmp_path / "runs", data, scripted(truthful(rows)), limit)
    assert found["mme-score", ""].value == 200 and found["mme-score", ""].scored == limit


def test_a_limit_that_leaves_out_a_subtask_leaves_no_total(
    tmp_path: Path, rows_of: Rows, write: Write, scripted: Any
) -> None:
    rows = rows_of("count", 4) + rows_of("color", 4)
    _, found = run_all(tmp_path / "r", write(tmp_path / "mini.parquet", rows), scripted(truthful(rows)), limit=4)
    assert found["mme-total", ""].value is None and "no pair of 'color' was scored" in found["mme-total", ""].absent


def test_what_a_case_holds(tmp_path: Path, rows_of: Rows, write: Write, scripted: Any) -> None:
    rows = rows_of("count", 2) + rows_of("color", 2)
    rows[0]["question"], rows[1]["answer"] = "Ask?", "Yes"  # MME's pairs need not hold one of each
    task = build(str(write(tmp_path / "my set.parquet", rows)), scripted())
    first, *_, last = task.cases()
    assert first.id == "mme/count/0000.png" and first.stratum == "count"
    assert first.facts["questions"] == ["Ask?", rows[1]["question"]] and first.facts["answers"] == ["Yes", "Yes"]
    assert first.facts["subtasks"] == ["count", "color"]
    # The same picture in two subtasks is one cluster in each, since subtasks are resampled apart.
    assert first.group.partition("/")[2] == task.cases()[2].group.partition("/")[2] and first.group != last.group
    assert task.name == "mme-my-set" and task.fingerprint["maximum"] == 400
    (sample,) = task.ask(scripted({"Ask?": "né\n"}), [first], [task.load(first)], [0])
    assert json.loads(sample.text) == ["né\n", ""]


def test_the_whole_picture_is_shown(tmp_path: Path, rows_of: Rows, write: Write, scripted: Any) -> None:
    task = build(str(write(tmp_path / "mini.parquet", rows_of("count", 1, start=200))), scripted())
    shown = task.load(task.cases()[0])  # 8 x 6 pixels of red 200
    assert shown.shape == (32, 32, 3)
    assert (shown[16, [0, 31]] == (200, 0, 0)).all()
    assert (abs(shown[[0, 31], 16].astype(int) - PADDING) < 20).all()  # bicubic resizing rings beside an edge
    assert task.fingerprint["crop"] == "none" and task.fingerprint["resize"] == 32


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (4, 4), (1, 6)])
def test_padding_keeps_every_pixel_in_the_middle(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 100, (*shape, 3)).astype(np.uint8)
    square = padded(picture)
    side = max(shape)
    assert square.shape == (side, side, 3)
    bars = (square == PADDING).all(axis=-1)
    assert bars.sum() == side * side - picture.shape[0] * picture.shape[1]
    assert np.array_equal(square[~bars].reshape(picture.shape), picture)
    edges = [int(np.argmax(~bars.all(axis=axis))) for axis in (1, 0)]
    assert edges == [(side - length) // 2 for length in shape]


def test_metrics_follow_the_data(tmp_path: Path, rows_of: Rows, write: Write, scripted: Any) -> None:
    few = build(str(write(tmp_path / "few.parquet", rows_of("count", 1))), scripted())
    both = build(str(write(tmp_path / "both.parquet", rows_of("count", 1) + rows_of("code_reasoning", 1))), scripted())
    assert "mme-total-lmms-eval" in few.metrics and "mme-perception" not in few.metrics
    assert {"mme-perception", "mme-cognition", "mme-cognition-vlmevalkit"} <= set(both.metrics)


def test_a_path_that_is_none_is_one_line(tmp_path: Path, scripted: Any) -> None:
    task = build(str(tmp_path / "nothing"), scripted())  # the data is read when cases are asked for
    with pytest.raises(UserError, match="there is no such file or folder: give the official Parquet file"):
        task.cases()


def test_the_other_wording_is_another_task_on_the_same_cases(
    tmp_path: Path, rows_of: Rows, write: Write, scripted: Any
) -> None:
    data = str(write(tmp_path / "mini.parquet", rows_of("count", 1)))
    official, other = build(data, scripted()), build_as_lmms_eval_asks(data, scripted())
    assert [case.id for case in other.cases()] == [case.id for case in official.cases()]
    assert (official.name, other.name) == ("mme-mini", "mme-lmms-eval-mini")
    assert official.fingerprint["prompt"] != other.fingerprint["prompt"]
    subject = scripted()
    case = other.cases()[0]
    other.ask(subject, [case], [other.load(case)], [0])
    # of two blanks before the request one stays, as in lmms-eval
    assert subject.asked[0] == "count 0 yes? \nAnswer the question using a single word or phrase."
    assert as_lmms_eval_asks(" Why? ") == "Why?\nAnswer the question using a single word or phrase."

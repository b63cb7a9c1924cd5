"""The result file is the official script's: its summary reads it, and what it says comes back."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from harness.errors import UserError
from tasks.geneval.detections import from_rows
from tasks.geneval.prompts import prompt_from_json
from tasks.geneval.results import COLUMNS, Result, read_results, write_results
from tasks.geneval.scoring import Verdict, task_scores

SEEN = from_rows({"cup": [[1.25, 2, 30.1, 40, 0.3000000119]], "tv remote": [[0, 0, 1, 1, 0.95]]})


@pytest.fixture
def results(records):
    """Three images of each prompt; prompt i is right in its first i images, if it has so many."""
    return tuple(
        Result(
            f"images/{i:05d}/samples/{j:04d}.png",
            prompt_from_json(record, "here"),
            Verdict(True, "") if j < i else Verdict(False, 'expected "é" cup>=1, found 0\nexpected dog<1, found 2'),
            SEEN if j else {},
        )
        for i, record in enumerate(records)
        for j in range(3)
    )


@pytest.fixture
def path(tmp_path, results):
    write_results(tmp_path / "new" / "results.jsonl", results)
    return tmp_path / "new" / "results.jsonl"


def test_results_come_back(path, results):
    assert read_results(path) == results


def test_the_official_columns(path):
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert all(tuple(line) == COLUMNS for line in lines)
    assert json.loads(lines[1]["details"]) == {
        "cup": [[1.25, 2, 30.1, 40, 0.3000000119]],
        "tv remote": [[0, 0, 1, 1, 0.95]],
    }


def test_the_summarys_way_of_reading_gives_our_scores(path, results):
    # what summary_scores.py asks of pandas: read_json by lines, group by metadata and by tag
    frame = pd.read_json(path, orient="records", lines=True)
    ours = task_scores((result.prompt, result.verdict.correct) for result in results)
    assert len(frame) == ours.images.total == 18
    assert frame["correct"].mean() == pytest.approx(ours.images.value, rel=1e-15)
    by_prompt = frame.groupby("metadata")["correct"].any()
    assert (int(by_prompt.sum()), len(by_prompt)) == (ours.prompts.correct, ours.prompts.total) == (5, 6)
    by_tag = frame.groupby("tag", sort=False)["correct"].mean()
    assert by_tag.to_dict() == pytest.approx({tag: share.value for tag, share in ours.tags.items()}, rel=1e-15)
    assert by_tag.mean() == pytest.approx(ours.overall, rel=1e-15)


def test_a_file_that_pandas_wrote_as_the_script_does(path, results, tmp_path):
    frame = pd.DataFrame([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    frame.to_json(tmp_path / "theirs.jsonl", orient="records", lines=True)
    assert "\\/" in (tmp_path / "theirs.jsonl").read_text()
    assert read_results(tmp_path / "theirs.jsonl") == results


def test_no_results(tmp_path):
    write_results(tmp_path / "none.jsonl", ())
    assert read_results(tmp_path / "none.jsonl") == ()
    with pytest.raises(UserError, match=r"nowhere.jsonl: No such file"):
        read_results(tmp_path / "nowhere.jsonl")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"corect": True}, "unknown column 'corect'; did you mean 'correct'"),
        ({"correct": 1}, "'correct' must be bool, is 1"),
        ({"reason": None}, "'reason' must be str, is None"),
        ({"tag": "colors"}, "'tag' is 'colors', but its metadata says 'single_object'"),
        ({"prompt": "a photo"}, "'prompt' is 'a photo', but its metadata says"),
        ({"correct": True}, "'correct' is True with the reason 'expected"),
        ({"reason": ""}, "'correct' is False with the reason ''"),
        ({"metadata": "{}"}, "metadata: 'tag' is missing"),
        ({"metadata": "no"}, "metadata: not JSON"),
        ({"details": "no"}, "details: "),
        ({"details": "[1]"}, "details: "),
        ({"details": '{"mouse": [[0, 0, 1, 1, 0.5]]}'}, "details: detections of unknown class 'mouse'"),
        ({"details": '{"cup": [[0, 0, 1, NaN, 0.5]]}'}, "details: a detection is not finite"),
    ],
)
def test_a_wrong_line_names_file_and_line(path, change, message):
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1] = json.dumps(json.loads(lines[1]) | change)
    path.write_text("\n".join(lines))
    with pytest.raises(UserError, match=message) as caught:
        read_results(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("line", "message"), [("", "empty line"), ("{", "not JSON"), ("[]", "must be a JSON object")])
def test_a_line_that_is_no_record(path, line, message):
    path.write_text(line + "\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(UserError, match=f":1: {message}"):
        read_results(path)


def test_an_image_that_stands_twice(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[2]]), encoding="utf-8")
    with pytest.raises(UserError, match=r":19: 'images/00000/samples/0002.png' is already in line 3"):
        read_results(path)

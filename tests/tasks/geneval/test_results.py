"""The result file is the official script's: its summary reads it."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tasks.geneval.detections import from_rows
from tasks.geneval.prompts import prompt_from_json
from tasks.geneval.results import COLUMNS, Result, write_results
from tasks.geneval.scoring import Verdict

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
    right: dict[str, list[bool]] = {}
    for result in results:
        right.setdefault(result.prompt.tag, []).append(result.verdict.correct)
    assert len(frame) == 18 and frame["correct"].sum() == sum(map(sum, right.values()))
    by_prompt = frame.groupby("metadata")["correct"].any()
    assert (int(by_prompt.sum()), len(by_prompt)) == (5, 6)
    by_tag = frame.groupby("tag", sort=False)["correct"].mean()
    assert by_tag.to_dict() == pytest.approx({tag: sum(answers) / len(answers) for tag, answers in right.items()})

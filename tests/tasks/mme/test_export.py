"""A run of MME as its own script and lmms-eval read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.commands import run_suite
from harness.run import run
from harness.spec import RunSpec
from harness.store.run_folder import RunFolder, find_run_folders
from tasks.mme.parsers import lmms_eval, official
from tasks.mme.task import build


def ddtbench(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    return int(ended.value.code or 0)


def calculation(folder: Path) -> dict[str, float]:
    """MME's ``calculation.py`` in short: lines in pairs, 100 acc + 100 acc+ per file."""
    scores = {}
    for path in folder.glob("*.txt"):
        lines = path.open(encoding="utf-8").readlines()
        right = []
        for number in range(0, len(lines), 2):
            pair = [line.split("\t") for line in lines[number : number + 2]]
            assert len({name for name, *_ in pair}) == 1 and all(len(cells) == 4 for cells in pair)
            right.append([official(said) == truth.lower() for _, _, truth, said in pair])
        acc = sum(map(sum, right)) / (2 * len(right))
        scores[path.stem] = 100 * acc + 100 * sum(map(all, right)) / len(right)
    return scores


@pytest.fixture
def stored(
    tmp_path: Path, rows_of: Callable[..., list[dict[str, Any]]], write: Callable[..., Path], scripted: Any
) -> RunFolder:
    """Seven pairs of two subtasks, one of which fails; answers with tabs, line ends and a bare y."""
    rows = rows_of("count", 4) + rows_of("color", 3)
    script = {row["question"]: row["answer"] for row in rows}
    script[rows[0]["question"]] = "\tyes,\r\nI think"
    script[rows[3]["question"]] = "y"
    rows[6]["question"] += " " + "Really? " * 10
    task = build(str(write(tmp_path / "mini.parquet", rows)), scripted())
    spec = RunSpec("scripted", 1, "", task.name, task.version, task.data_revision, batch=4, unit_size=4)
    folder = RunFolder.create_or_open(tmp_path / "runs", spec)
    run(spec, task, lambda: scripted(script), folder, limit=6)
    return folder


def test_the_txt_files_score_as_the_answers_do(
    stored: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ddtbench("export", stored.path, "--to", tmp_path / "txt") == 0
    said = capsys.readouterr().out
    assert "10 answers in 2 files; 1 failed and is left out; its script wants all 14 files" in said
    assert calculation(tmp_path / "txt") == {"count": pytest.approx(100 * 5 / 6 + 100 * 2 / 3), "color": 200.0}
    first = (tmp_path / "txt/count.txt").read_bytes().split(b"\n")[0].decode().split("\t")
    assert first == ["0000.png", "count 0 yes?  Please answer yes or no.", "Yes", " yes,  I think"]


def test_samples_hold_answers_and_scores_as_lmms_eval_reads_them(stored: RunFolder, tmp_path: Path) -> None:
    assert ddtbench("export", stored.path, "--to", tmp_path / "samples", "--as", "lmms-eval") == 0
    text = (tmp_path / "samples/samples_mme.jsonl").read_text(encoding="utf-8")
    records = [json.loads(line) for line in text.split("\n")[:-1]]
    assert [record["doc_id"] for record in records] == [0, 1, 2, 3, 4, 5, 8, 9, 10, 11]  # 6 and 7 failed
    for record in records:
        truth, (said,) = record["target"], record["filtered_resps"]
        assert record["mme_perception_score"]["score"] == float(lmms_eval(said) == truth.lower())
        assert record["mme_perception_score"]["category"] == record["doc"]["category"]
    assert records[0]["filtered_resps"] == ["\tyes,\r\nI think"]


def test_a_limited_run_of_the_world_through_the_command_line(tmp_path: Path) -> None:
    run_suite("mme@world", str(tmp_path / "runs"), models=["vqgan-llama"], limit=12)
    (folder,) = find_run_folders(str(tmp_path / "runs"))
    assert ddtbench("export", folder.path, "--to", tmp_path / "txt") == 0
    found = {item.stratum: item.value for item in folder.read_estimates() if item.metric == "mme-score"}
    scores = calculation(tmp_path / "txt")
    assert scores and scores == {name: pytest.approx(found[name]) for name in scores}

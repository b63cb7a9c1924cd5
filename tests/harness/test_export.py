"""``ddtbench export``: plain PNG folders of any run, whole or not at all, and one line for what cannot be written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness import catalog, cli, commands
from harness.store.run_folder import RunFolder, find_run_folders


def ddtbench(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Twelve scenes, of which the suite asks for the first ten."""
    out = str(tmp_path_factory.mktemp("export") / "runs")
    for limit in (12, 10):
        commands.run_suite("reconstruction@world", out, models=["mean-colour"], limit=limit)
    (folder,) = find_run_folders(out)
    return folder


def test_pictures_are_folders_of_png_that_pair_by_name(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "new" / "pictures"
    assert ddtbench("export", run.path, "--to", there) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{there}: 10 of ") and "of 10 cases; 10 of the task's 1,000 cases were asked" in said
    lines = [json.loads(line) for line in (there / "cases.jsonl").read_text().splitlines()]
    samples = [sample for unit in run.samples(10) for sample in unit]
    assert [line["case"] for line in lines] == [sample.case.id for sample in samples]
    for name in ("reference", "output"):
        assert [path.name for path in sorted((there / name).iterdir())] == [f"{n:06d}.png" for n in range(10)]
    for line, sample in zip(lines, samples, strict=True):
        for name, picture in sample.images.items():
            written = np.asarray(Image.open(there / name / f"{line['number']:06d}.png"))
            assert np.array_equal(written, picture)
    root = Path(run.path).parents[2]
    assert ddtbench("export", root, "--to", tmp_path / "of-the-root", "--as", "png") == 0  # it holds one run


def test_what_cannot_be_written_is_one_line_and_leaves_nothing(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    for words, said in (
        ((run.path, "--to", tmp_path / "full"), "is not empty: name a new folder"),
        ((run.path, "--to", tmp_path / "x", "--as", "gif"), "is not written as 'gif'; it can be: png"),
        ((tmp_path / "nothing", "--to", tmp_path / "x"), "no run folders under"),
    ):
        assert ddtbench("export", *words) == 2
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_the_forms_of_a_task_are_shown_and_lead_somewhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert ddtbench("show", "task/geneval") == 0
    assert "exports geneval" in " ".join(capsys.readouterr().out.split())
    forms = [form for entry in catalog.entries("task") for form in entry.exports]
    assert {name for name, _ in forms} == {"geneval", "mme", "lmms-eval"}
    assert all(callable(catalog.load(place, name)) for name, place in forms)


def test_several_runs_are_told_apart_and_a_run_without_pictures_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs"
    commands.run_suite("perplexity@captions", str(out), models=["vqgan-llama"], limit=2, seeds=[0, 1])
    assert ddtbench("export", out, "--to", tmp_path / "x") == 2
    assert "holds 2 runs: name the folder of one of them" in capsys.readouterr().err
    assert ddtbench("export", find_run_folders(str(out))[0].path, "--to", tmp_path / "x") == 2
    assert "stored no pictures" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_a_run_that_does_not_hold_or_was_not_finished_is_refused(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, damage, said in (
        ("cut", lambda copy: _cut(next(copy.glob("samples/*.parquet"))), "is damaged: run again"),
        ("lost", lambda copy: next(copy.glob("samples/*.parquet")).unlink(), "lacks 1 of the 1 parts"),
        ("begun", lambda copy: (copy / "manifest.json").unlink(), "was never finished"),
    ):
        copy = tmp_path / name
        shutil.copytree(run.path, copy)
        damage(copy)
        assert ddtbench("export", copy, "--to", tmp_path / "out") == 2
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["begun", "cut", "lost"]


def _cut(part: Path) -> None:
    part.write_bytes(part.read_bytes()[:-20])

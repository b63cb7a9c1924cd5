"""The four benchmarks through the command line, on miniatures in the official schemas."""

from __future__ import annotations

import pytest

from harness import cli
from harness.store.run_folder import find_run_folders

ARGUMENTS = {
    "geneval2": "geneval2.jsonl",
    "t2i-compbench": "t2i-compbench",
    "dpg-bench": "dpg_bench.csv",
    "drawbench": "drawbench.csv",
}


def ddtbench(*words):
    """The exit code."""
    with pytest.raises(SystemExit) as done:
        cli.main([str(word) for word in words])
    return done.value.code


def run(name, miniatures, out, limit):
    target = f"{name}@{miniatures / ARGUMENTS[name]}"
    words = ("run", target, "--model", "vqgan-llama", "--limit", limit, "--batch", limit, "--out", out)
    assert ddtbench(*words, "--device", "cpu") == 0
    (folder,) = find_run_folders(str(out))
    return folder, {item.metric: item for item in folder.read_estimates() if not item.stratum}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_run_with_a_judge(name, miniatures, tmp_path, tiny_vlm, monkeypatch, fresh_instruments):
    monkeypatch.setenv("DDTBENCH_JUDGE", str(tiny_vlm))
    folder, found = run(name, miniatures, tmp_path / "runs", 4)
    assert found
    for estimate in found.values():
        assert estimate.scored == 4 and 0 <= estimate.value <= 1
        assert len(estimate.fingerprint["vlm-answers"]) == 64 and estimate.fingerprint["template"]
    assert folder.spec.task.startswith(name)


def test_without_a_judge_nothing_is_measured_and_the_images_are_kept(
    miniatures, tmp_path, monkeypatch, fresh_instruments
):
    monkeypatch.delenv("DDTBENCH_JUDGE", raising=False)
    folder, found = run("geneval2", miniatures, tmp_path / "runs", 4)
    for estimate in found.values():
        assert estimate.value is None
        assert "judge missing: no vision-language model; set DDTBENCH_JUDGE to" in estimate.absent
    assert sum(len(unit) for unit in folder.samples()) == 4


def test_data_are_checked_and_kept(miniatures, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path))

    def refused(*words):
        assert ddtbench(*words) == 2
        return capsys.readouterr().err

    assert "dpg-bench is not prepared: ddtbench data prepare dpg-bench" in refused(
        "run", "dpg-bench", "--model", "vqgan-llama"
    )
    assert "not prepared: get geneval2_data.jsonl of" in refused("data", "prepare", "geneval2")
    wrong = miniatures / "geneval2.jsonl"
    assert "8 prompts, not 800" in refused("data", "prepare", "geneval2", "--from", wrong)
    one = miniatures / "t2i-compbench" / "color_val.txt"
    assert "name the folder that holds them" in refused("data", "prepare", "t2i-compbench", "--from", one)
    assert "dpg_bench.csv is not there" in refused("data", "prepare", "dpg-bench", "--from", tmp_path)
    assert not list(tmp_path.iterdir())
    assert ddtbench("data", "prepare", "t2i-compbench", "--from", miniatures / "t2i-compbench") == 0
    assert "t2i-compbench: 4 prompts (color 2, shape 1, texture 1)" in capsys.readouterr().out
    assert ddtbench("data", "prepare", "dpg-bench", "--from", miniatures / "dpg_bench.csv") == 0
    from tasks.questions.task import build

    assert len(build("t2i-compbench", "", None).cases()) == 40
    assert len(build("dpg-bench", "", None).cases()) == 8


def test_another_file_of_the_right_length_is_told_by_its_digest(miniatures, tmp_path, monkeypatch):
    from dataclasses import replace

    from harness.errors import UserError
    from tasks.questions import task

    monkeypatch.setattr(task, "BENCHMARKS", {"geneval2": replace(task.BENCHMARKS["geneval2"], count=8)})
    with pytest.raises(UserError, match=r"sha256 [0-9a-f]{12}\.\.\., expected 09233adbc9f8\.\.\.: get geneval2_data"):
        task.prepare("geneval2", str(miniatures / "geneval2.jsonl"))

"""A prompt or caption that a model refuses is that case's failure, in every task that shows one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness import cli
from harness.store.run_folder import find_run_folders

LONG = "a blue square " * 800
MODEL = "ddt-llama"


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    """Three pictures, the second with a caption of 11,200 characters."""
    rng = np.random.default_rng(0)
    rows = [("a.png", "a red circle"), ("b.png", LONG), ("c.png", "a green triangle")]
    for name, _ in rows:
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(tmp_path / name)
    lines = [json.dumps({"file_name": name, "text": text}) for name, text in rows]
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    include = [{"class": "bench", "count": 1}]
    texts = ["a photo of a bench", "a photo of a bench in a park" + " in a park" * 1100, ""]
    lines = [json.dumps({"tag": "single_object", "include": include, "prompt": text}) for text in texts]
    (tmp_path / "prompts.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path / "prompts.jsonl"


def failures(out: Path) -> dict[str, str]:
    (folder,) = find_run_folders(out)
    samples = [sample for unit in folder.samples() for sample in unit]
    return {sample.case.id: sample.reason for sample in samples}


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", *map(str, words), "--batch", "4", "--model", MODEL])
    return int(ended.value.code or 0)


def test_of_three_captions_one_too_long_two_are_scored(captions: Path, tmp_path: Path):
    assert run(f"fid@{captions}", "--out", tmp_path / "runs") == 0
    reasons = failures(tmp_path / "runs")
    assert reasons["a.png"] == reasons["c.png"] == ""
    assert "tokens" in reasons["b.png"] and "\n" not in reasons["b.png"]


def test_of_three_prompts_one_too_long_and_one_empty_one_is_drawn(prompts: Path, tmp_path: Path):
    assert run(f"geneval@{prompts}", "--out", tmp_path / "runs") == 0
    reasons = failures(tmp_path / "runs")
    assert len(reasons) == 12 and sum(not reason for reason in reasons.values()) == 4
    assert {reason.split(":")[0] for reason in reasons.values() if "empty" in reason} == {"the prompt is empty"}

"""A run written in the layout of GenEval's own script, complete or with everything that is missing named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from harness import cli
from harness.commands import run_suite
from harness.errors import UserError
from harness.run import run
from harness.spec import RunSpec
from harness.store.run_folder import RunFolder, find_run_folders
from tasks.geneval.export import export_images, main
from tasks.geneval.image_folder import IncompleteImages
from tasks.geneval.prompt_sets import open_prompts
from tasks.geneval.task import build


class Noise:
    """Satisfies GeneratesImages: 8x8 pixels from the seed, or the same ones always; refuses a prompt with ``bad``."""

    image_size = 8

    def __init__(self, same: bool = False, bad: str = "-") -> None:
        self.same, self.bad = same, bad

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        if any(self.bad in prompt for prompt in prompts):
            raise RuntimeError("refused")
        draws = [np.random.default_rng(0 if self.same else seed).random((3, 8, 8)) for seed in seeds]
        return torch.tensor(np.stack(draws))


def made(root: Path, prompts: Path, subject: Any, limit: int | None = None) -> RunFolder:
    task = build(str(prompts), subject)
    spec = RunSpec("noise", 1, "", task.name, task.version, task.data_revision, batch=8)
    folder = RunFolder.create_or_open(root / "runs", spec)
    run(spec, task, lambda: subject, folder, limit=limit)
    return folder


def test_a_whole_run_is_a_complete_folder(tmp_path: Path, prompt_file: Path, records: list[dict[str, Any]]) -> None:
    folder = made(tmp_path, prompt_file, Noise())
    images = export_images(folder, open_prompts(str(prompt_file)), tmp_path / "images")
    assert [image.name for image in images] == [f"{i:05d}/{j:04d}" for i in range(6) for j in range(4)]
    assert [json.loads((tmp_path / f"images/{i:05d}/metadata.jsonl").read_text()) for i in range(6)] == records
    stored = {sample.case.id: sample.images["output"] for unit in folder.samples() for sample in unit}
    for image in images:
        prompt = records[image.prompt]["prompt"]
        assert np.array_equal(np.asarray(Image.open(image.path)), stored[f"{prompt}/{image.number}"])


def test_missing_and_failed_images_are_named(tmp_path: Path, prompt_file: Path) -> None:
    source = open_prompts(str(prompt_file))
    with pytest.raises(IncompleteImages) as half:
        export_images(made(tmp_path, prompt_file, Noise(), limit=20), source, tmp_path / "half")
    assert half.value.problems == tuple(f"missing {i:05d}/samples/0003.png" for i in range(2, 6))
    with pytest.raises(IncompleteImages) as failed:
        export_images(made(tmp_path / "other", prompt_file, Noise(bad="clocks")), source, tmp_path / "failed")
    assert failed.value.problems == tuple(f"missing 00002/samples/{j:04d}.png" for j in range(4))


def test_images_that_are_the_same_are_named_unless_accepted(tmp_path: Path, prompt_file: Path) -> None:
    folder = made(tmp_path, prompt_file, Noise(same=True))
    source = open_prompts(str(prompt_file))
    with pytest.raises(IncompleteImages, match=r"identical 00000/samples/0001.png and 00000/samples/0000.png"):
        export_images(folder, source, tmp_path / "refused")
    assert len(export_images(folder, source, tmp_path / "accepted", identical="accept")) == 24


def test_the_command(tmp_path: Path, prompt_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made(tmp_path, prompt_file, Noise())
    there = str(tmp_path / "images")
    assert main([folder.path, "--prompts", str(prompt_file), "--to", there]) == 0
    assert capsys.readouterr().out == f"24 images of 6 prompts in {there}\n"
    assert main([folder.path, "--prompts", str(prompt_file), "--to", there]) == 2
    assert "is not empty: name another folder" in capsys.readouterr().err
    assert main([folder.path, "--prompts", "world", "--to", str(tmp_path / "new")]) == 2
    assert "name those that it ran on" in capsys.readouterr().err


def test_a_run_on_other_prompts_is_refused(tmp_path: Path, prompt_file: Path) -> None:
    folder = made(tmp_path, prompt_file, Noise(), limit=4)
    with pytest.raises(UserError, match="was asked prompts of revision geneval-"):
        export_images(folder, open_prompts("world"), tmp_path / "images")
    assert not (tmp_path / "images").exists()


def ddtbench(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    return int(ended.value.code or 0)


def test_the_command_writes_a_limited_run_of_the_world_with_its_verdicts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_suite("geneval@world", str(tmp_path / "runs"), models=["real"], limit=30)
    (folder,) = find_run_folders(str(tmp_path / "runs"))
    there = tmp_path / "out"
    assert ddtbench("export", folder.path, "--to", there) == 0
    assert "30 images of 12 prompts, numbered as in their file; the verdicts in results" in capsys.readouterr().out
    source = open_prompts("world")
    prompts = source.prompts
    for sample in (sample for unit in folder.samples() for sample in unit):
        text, _, image = sample.case.id.rpartition("/")
        home = there / f"{[prompt.text for prompt in prompts].index(text):05d}"
        assert json.loads((home / "metadata.jsonl").read_text()) == sample.case.facts["geneval"]
        assert np.array_equal(np.asarray(Image.open(home / f"samples/{int(image):04d}.png")), sample.images["output"])
    results = [json.loads(line) for line in (there / "results.jsonl").read_text().splitlines()]
    assert all((there / result["filename"]).is_file() for result in results) and len(results) == 30
    scores = folder.read_scores()
    right = int((scores[scores.metric == "geneval"].numerator > 0).sum())
    assert sum(result["correct"] for result in results) == right


def test_the_command_writes_an_unjudged_limited_run_with_failures(
    tmp_path: Path, prompt_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made(tmp_path, prompt_file, Noise(bad="clocks"), limit=20)
    assert ddtbench("export", folder.path, "--to", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "17 images of 5 prompts, numbered as they were asked" in said and "3 failed and are left out" in said
    assert "no results.jsonl, since they were not judged here" in said
    homes = list((tmp_path / "out").iterdir())
    assert len(homes) == 5 and all((home / "metadata.jsonl").is_file() for home in homes)
    assert len(list((tmp_path / "out").glob("*/samples/*.png"))) == 17

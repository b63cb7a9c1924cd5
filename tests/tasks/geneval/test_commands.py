"""GenEval through the command line: prepared data, a model, a folder of images, the script's result file."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from harness import cli, commands
from harness.store.run_folder import find_run_folders
from tasks.geneval import export
from tasks.geneval.prompts import OFFICIAL


def ddtbench(*words):
    """The exit code."""
    with pytest.raises(SystemExit) as done:
        cli.main([str(word) for word in words])
    return done.value.code


@pytest.fixture(autouse=True)
def fresh_instruments():
    """They are made once per process: these tests name other weights each time."""
    commands._instrument.cache_clear()
    yield
    commands._instrument.cache_clear()


def estimates(out):
    (folder,) = find_run_folders(str(out))
    return folder, {(item.metric, item.stratum): item for item in folder.read_estimates()}


@pytest.fixture
def full_folder(tmp_path, records) -> Path:
    """Four images of 24 x 20 pixels for each prompt of the miniature."""
    rng = np.random.default_rng(0)
    root = tmp_path / "made-elsewhere"
    for number, record in enumerate(records):
        home = root / f"{number:05d}" / "samples"
        home.mkdir(parents=True)
        (home.parent / "metadata.jsonl").write_text(json.dumps(record))
        for image in range(4):
            Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(home / f"{image:05d}.png")
    return root


def test_a_model_runs_from_prompt_to_score(tmp_path, prompt_file, eyes):
    out = tmp_path / "runs"
    words = ("run", f"geneval@{prompt_file}", "--model", "vqgan-llama", "--limit", 8, "--out", out)
    assert ddtbench(*words, "--batch", 8, "--device", "cpu") == 0
    _, found = estimates(out)
    overall = found["geneval-coco", ""]
    assert overall.scored == 8 and overall.failed == 0 and 0 <= overall.value <= 1
    detector = overall.fingerprint["geneval-coco"].removeprefix("detector-")[:16]
    assert overall.fingerprint["published"] == f"detector differs: {detector} is not mmdet's official file"
    assert overall.fingerprint["counting_threshold"] == 0.9
    assert {tag for metric, tag in found if metric == "geneval-coco"} >= {"counting", "color_attr"}
    before = overall.value
    for name in ("DDTBENCH_DETECTOR", "DDTBENCH_COLOUR_CLIP"):
        os.environ.pop(name)  # eyes puts them back
    assert ddtbench("measure", out) == 0
    assert estimates(out)[1]["geneval-coco", ""].value == before


def test_a_detector_without_its_head_ends_the_run_with_its_keys(
    tmp_path, prompt_file, full_folder, eyes, tiny_detector, monkeypatch, capsys
):
    lacking = Path(shutil.copytree(tiny_detector, tmp_path / "no_head"))
    state = load_file(lacking / "model.safetensors")
    kept = {key: value for key, value in state.items() if not key.startswith("class_predictor")}
    save_file(kept, lacking / "model.safetensors", {"format": "pt"})
    monkeypatch.setenv("DDTBENCH_DETECTOR", str(lacking))
    words = ("run", f"geneval@{prompt_file}", "--model", f"image-folder@{full_folder}", "--limit", 4)
    assert ddtbench(*words, "--out", tmp_path / "runs") != 0
    assert "2 keys missing ['class_predictor.bias', 'class_predictor.weight']" in capsys.readouterr().err


def test_without_weights_it_is_not_measured_and_the_images_are_kept(tmp_path, prompt_file, full_folder, monkeypatch):
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("DDTBENCH_DETECTOR", raising=False)
    out = tmp_path / "runs"
    assert ddtbench("run", f"geneval@{prompt_file}", "--model", f"image-folder@{full_folder}", "--out", out) == 0
    folder, found = estimates(out)
    assert found["geneval-coco", ""].value is None
    assert found["geneval-coco", ""].absent.startswith("judge missing: Mask2Former's weights are missing: set ")
    assert sum(len(unit) for unit in folder.samples()) == 24


def test_a_folder_of_images_is_scored_and_written_as_the_scripts_results(tmp_path, prompt_file, full_folder, eyes):
    out = tmp_path / "runs"
    model = f"image-folder@{full_folder}"
    assert ddtbench("run", f"geneval@{prompt_file}", "--model", model, "--out", out, "--batch", 8) == 0
    folder, found = estimates(out)
    assert found["geneval-coco", ""].scored == 24
    (first,) = [sample for unit in folder.samples() for sample in unit if sample.case.id == "a photo of a bench/2"]
    wanted = np.array(Image.open(full_folder / "00000" / "samples" / "00002.png"))
    assert np.array_equal(first.images["output"], wanted)
    results = tmp_path / "results.jsonl"
    words = [folder.path, "--prompts", prompt_file, "--to", tmp_path / "copy", "--results", results]
    assert export.main([str(word) for word in words]) == 0
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    assert len(rows) == 24
    share = np.mean([row["correct"] for row in rows if row["tag"] == "single_object"])
    assert share == found["geneval-coco", "single_object"].value
    assert [Path(row["filename"]).is_file() for row in rows] == [True] * 24


def test_an_incomplete_folder_is_refused_with_a_list(tmp_path, prompt_file, full_folder, capsys):
    (full_folder / "00001" / "samples" / "00003.png").unlink()
    shutil.copy(full_folder / "00002" / "samples" / "00000.png", full_folder / "00002" / "samples" / "00001.png")
    Image.new("RGB", (8, 8)).save(full_folder / "00003" / "samples" / "00000.png")
    model = f"image-folder@{full_folder}"
    assert ddtbench("run", f"geneval@{prompt_file}", "--model", model, "--out", tmp_path / "runs") == 2
    said = capsys.readouterr().err
    assert "3 problems: missing 00001/samples/0003.png" in said and "wrong size 00003/samples/00000.png: 8x8" in said
    assert "identical 00002/samples/00001.png and 00002/samples/00000.png" in said
    assert not (tmp_path / "runs").exists()
    assert ddtbench("run", f"geneval@{prompt_file}", "--model", "image-folder@nowhere") == 2
    assert "no folder at 'nowhere'" in capsys.readouterr().err


def test_prepare_checks_counts_and_digest_and_official_finds_it(tmp_path, prompt_file, monkeypatch, capsys):
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path / "data"))
    assert ddtbench("data", "prepare", "geneval") == 2
    assert "not prepared: get prompts/evaluation_metadata.jsonl of github.com/djghosh13" in capsys.readouterr().err
    assert ddtbench("data", "prepare", "geneval", "--from", prompt_file) == 2
    said = capsys.readouterr().err
    assert "6 prompts, not 553: single_object 1 of 80, two_object 1 of 99" in said
    assert ddtbench("run", "geneval@official", "--model", "vqgan-llama", "--out", tmp_path / "runs") == 2
    assert "not prepared: ddtbench data prepare geneval --from" in capsys.readouterr().err
    assert not (tmp_path / "data" / "geneval").exists() or not any((tmp_path / "data" / "geneval").iterdir())


@pytest.mark.needs("geneval-prompts")
def test_the_official_file_is_prepared_and_found(tmp_path, monkeypatch, capsys):
    from tasks.geneval.prompt_sets import open_prompts

    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path))
    assert ddtbench("data", "prepare", "geneval", "--from", os.environ["GENEVAL_PROMPTS"]) == 0
    assert "553 prompts, single_object 80, two_object 99" in capsys.readouterr().out
    source = open_prompts("official")
    assert len(source.cases) == 4 * sum(OFFICIAL.counts.values()) == 2212 and source.name == "official"

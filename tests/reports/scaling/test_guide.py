"""Every command of the pages on scaling curves and on claims is run; those that open a model with few cases."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from harness.cli import main
from harness.weights.digests import sha256_of

ROOT = Path(__file__).parents[3]
PAGES = ("scaling-curves", "claims")
SHOWN = "perplexity-image-codes-given-caption"
SHORT = {"run": ["--task", "geneval@world", "--limit", "8", "--workers", "1"], "train": ["--dry-run"]}
"""What makes a command of minutes one of seconds: fewer cases, and a few steps of a training."""


def commands(page: str) -> Iterator[list[str]]:
    text = (ROOT / "docs" / "guide" / f"{page}.md").read_text(encoding="utf-8")
    for line in re.findall(r"^    (ddtbench .*)$", text, re.MULTILINE):
        yield shlex.split(line)[1:]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a reader has it: the zoo's runs of the task that the pages show, and runs of a demo."""
    for run in sorted((ROOT / "zoo" / "runs").glob(f"*/{SHOWN}")):
        here = tmp_path / "zoo" / "runs" / run.parent.name / run.name
        here.parent.mkdir(parents=True)
        here.symlink_to(run)
    shutil.copytree(tmp_path / "zoo" / "runs" / here.parent.name, tmp_path / "runs" / here.parent.name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(words)
    said = capsys.readouterr()
    assert ended.value.code in (0, None), f"{words}: {said.err}"
    return said.out


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_reads_stored_runs_is_as_the_page_says(place: Path, page: str, capsys: Any) -> None:
    told = {}
    for words in commands(page):
        if words[0] not in SHORT and words[:2] != ["scale", "runs"]:
            told[" ".join(words)] = run(words, capsys)
    assert len(told) >= 2
    text = (ROOT / "docs" / "guide" / f"{page}.md").read_text(encoding="utf-8")
    if page == "scaling-curves":
        assert (place / "scaling" / "fits.csv").exists()
    shown = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    for line in (line for block in shown for line in block.splitlines() if line.strip() not in ("", "...")):
        said = " ".join(" ".join(out.split()) for out in told.values())
        assert " ".join(line.split()) in said, line


@pytest.mark.slow
def test_every_command_that_opens_a_model_runs(place: Path, capsys: Any) -> None:
    for name in ("50", "100"):
        shutil.copytree(ROOT / "zoo" / "ddt-llama-2.9m-s0", place / "MINE" / "checkpoints" / name)
    half = place / "MINE" / "checkpoints" / "50"
    weights = load_file(half / "model.safetensors")
    save_file({name: 0.99 * tensor for name, tensor in weights.items()}, half / "model.safetensors")
    told = json.loads((half / "card.json").read_text())
    told["training"]["training_flops"] //= 2
    (half / "card.json").write_text(json.dumps({**told, "sha256": sha256_of(half / "model.safetensors")}))
    shutil.rmtree(place / "runs")
    done = [words for words in commands("scaling-curves") if words[0] in SHORT or words[:2] == ["scale", "runs"]]
    for words in sorted(done, key=lambda words: ("run", "scale", "train").index(words[0])):
        run([*words, *SHORT.get(words[0], [])], capsys)
    assert (place / "scaling" / "points.csv").exists()

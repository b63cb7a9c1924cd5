"""The guide to the analyses: each of its commands runs, at a tiny limit, and its report has the figures and strips."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from harness import cli

PAGE = (Path(__file__).parent.parent / "docs" / "guide" / "analyses.md").read_text()
RUNS = [line.strip() for line in re.findall(r"^    (ddtbench run .*)$", PAGE, re.MULTILINE)]
COMPARED = [line.strip() for line in re.findall(r"^    (ddtbench compare .*)$", PAGE, re.MULTILINE)]
STRIPS = ("counterfactual", "progressive")


def tiny(command: str) -> list[str]:
    """The words of a command with a limit of four, on checkpoints that are here."""
    words: list[str] = []
    given = iter(shlex.split(command)[1:])
    for word in given:
        if word == "--limit":
            next(given)
        elif word == "--model":
            model = re.sub(r"@training/.*", "", next(given))
            words += [] if model in words else [word, model]
        else:
            words.append(word)
    return [*words, "--limit", "4"]


def call(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(words))
    return int(ended.value.code or 0)


def test_every_analysis_has_its_command() -> None:
    tasks = {shlex.split(command)[2].partition("@")[0] for command in RUNS}
    assert tasks == {"counterfactual", "progressive", "code-entropy", "perplexity", "hard-prompts", "editing-guidance"}


def test_a_command_is_shortened_and_not_changed() -> None:
    assert tiny("ddtbench run a@b --model x --model 'y@training/z-*/c' --model y --limit 200") == [
        *("run", "a@b", "--model", "x", "--model", "y", "--limit", "4")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("command", RUNS, ids=lambda command: shlex.split(command)[2])
def test_every_command_of_the_guide_runs(command: str, tmp_path: Path) -> None:
    assert call(*tiny(command), "--out", str(tmp_path / "runs")) == 0
    assert call("report", str(tmp_path / "runs"), "--to", str(tmp_path / "report")) == 0
    figures = [path.name for path in (tmp_path / "report" / "figures").iterdir()]
    for other in COMPARED:
        words = shlex.split(other)[1:]
        if words[words.index("--task") + 1] == shlex.split(command)[2]:
            assert call(*(str(tmp_path / "runs") if word == "runs" else word for word in words)) == 0
    if "perplexity" not in command:
        assert any(name.endswith(".pdf") for name in figures), figures
    if any(task in command for task in STRIPS):
        assert any(name.endswith(".webp") for name in figures), figures


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("counterfactual@world", "--model", "real"), "examines ImageTokenizer, which model 'real' is not"),
        (("progressive@world", "--model", "real"), "examines ImageTokenizer, which model 'real' is not"),
        (("progressive@drawn-by:jpeg", "--model", "jpeg"), "drawn-by:jpeg: this model draws no pictures"),
        (("counterfactual@nowhere", "--model", "jpeg"), "no images at 'nowhere'"),
        (("code-entropy@world", "--model", "jpeg"), "examines ScoresCodes, which model 'jpeg' is not"),
        (("code-entropy@fashion", "--model", "jpeg"), "world's scenes"),
        (("hard-prompts@world", "--model", "jpeg"), "examines GeneratesImages, which model 'jpeg' is not"),
        (("editing-guidance@world", "--model", "copy-source"), "examines EditsWithGuidance"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_run_is_one_line(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("run", *words, "--limit", "2", "--out", str(tmp_path)) == 2
    error = capsys.readouterr().err.strip()
    assert said in error and "\n" not in error, error

"""Every command of ``docs/guide/compare-tokenizers.md`` is run. Those that compare are, on runs made by hand; marked
``slow``, all of them are in their order, on few cases."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_runs import a_picture, names, store_run

from harness import cli

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "compare-tokenizers.md").read_text()
COMMAND = re.compile(r"(?:^    |`)(ddtbench [^`#\n]+)", re.MULTILINE)
STEPS, MORE = PAGE.split("## More to compare")
COMPARES = [
    *(line for line in COMMAND.findall(STEPS) if line.startswith("ddtbench compare")),
    *(f"ddtbench compare runs --baseline vqgan {forms}" for forms in re.findall(r"`(--format[^`]+)` \|", STEPS)),
]
RUNS = [line for line in COMMAND.findall(STEPS) if line.startswith("ddtbench run")]
LONGER = [line for line in COMMAND.findall(MORE) if line.startswith(("ddtbench run", "ddtbench report"))]
FEW = 20
"""Below it a set has no interval."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, make_runs: Any, subject: Callable[..., Any]) -> Path:
    """A folder that looks as it would after the page's runs."""
    folder = tmp_path_factory.mktemp("guide")
    maker = make_runs(folder / "runs")
    keys = maker.task(subjects=[subject("ddt", 1.2), subject("vqgan", 0.4), subject("var", 0.6)], cases=FEW)
    maker.suite("reconstruction-world", keys)
    for number, model in enumerate(("ddt-llama", "vqgan-llama", "var-llama")):
        right = np.random.default_rng(number).random(FEW) < 0.6
        scores = dict(zip(names(FEW), right.astype(float).tolist(), strict=True))
        label = model.upper().replace("LLAMA", "LLaMA")
        store_run(folder / "runs", model, scores, task="geneval-world", label=label, picture=a_picture(number))
    make_runs(folder / "other-runs").task(subjects=[subject("var", 0.7, 3.0, bits=300.0)], cases=FEW)
    return folder


def ended(words: list[str]) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    return int(left.value.code or 0)  # type: ignore[arg-type]


def require_answered(line: str, folder: Path, out: str) -> None:
    """A table that answers, with what the options of the command ask for."""
    to = re.search(r"--to (\S+)", line)
    text = (folder / to[1]).read_text() if to else out
    assert "answer" in text
    assert "DDT" in text or "--model" in line
    if "--flips" in line:
        assert "right:" in text and "pictures lie in" in text
    if to and "markdown" in line:
        shown = re.findall(r"\]\((compared-pictures/[^)]+\.png)\)", text)
        assert shown and all((folder / name).read_bytes().startswith(b"\x89PNG") for name in shown)


@pytest.mark.parametrize("line", COMPARES)
def test_a_command_that_compares_answers(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    monkeypatch.chdir(place)
    code = ended(shlex.split(line)[1:])
    out, err = capsys.readouterr()
    assert code == 0, err
    require_answered(line, place, out)


def test_the_call_of_the_page_returns_a_row_for_every_comparison(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    known: dict[str, Any] = {}
    exec(code, known)
    assert sorted(set(known["frame"].model)) == ["DDT", "VAR"]


def test_its_table_is_laid_out_as_the_command_prints_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    ended(["compare", "runs", "--baseline", "vqgan", "--task", "reconstruction@world"])
    printed = capsys.readouterr().out.splitlines()
    (table,) = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (heading,) = {tuple(line.split()) for line in table.splitlines() if line.startswith("model")}
    assert heading in {tuple(line.split()) for line in printed}
    titles = [line.split(" \N{MIDDLE DOT} ")[:2] for line in table.splitlines() if " \N{MIDDLE DOT} " in line]
    assert titles and all(title in [line.split(" \N{MIDDLE DOT} ")[:2] for line in printed] for title in titles)


# ------------------------------------------------------------------------------------------------ from nothing


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the page's runs were made, of few cases."""
    folder = tmp_path_factory.mktemp("from-nothing")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in RUNS:
            assert ended(small(line)) == 0, line
        assert ended(small(RUNS[0].replace("--model ddt ", "--out other-runs "))) == 0
    return folder


def small(line: str) -> list[str]:
    words = shlex.split(line)[1:]
    return [str(FEW) if before == "--limit" else word for before, word in zip(["", *words], words, strict=False)]


@pytest.mark.slow
@pytest.mark.parametrize("line", COMPARES)
def test_from_nothing_to_the_answer(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    monkeypatch.chdir(made)
    code = ended(shlex.split(line)[1:])
    out, err = capsys.readouterr()
    assert code == 0, err
    require_answered(line, made, out)


@pytest.mark.slow
@pytest.mark.needs("fashion-mnist")
@pytest.mark.parametrize("line", LONGER)
def test_what_takes_longer_is_planned_and_the_report_is_made(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    monkeypatch.chdir(made)
    (made / "FOLDER").mkdir(exist_ok=True)
    for number in range(3):
        (made / "FOLDER" / f"{number}.png").write_bytes(a_picture(number))
    plan = [] if "report" in line else ["--plan"]
    assert ended([*shlex.split(line)[1:], *plan]) == 0, capsys.readouterr().err
    assert plan or (made / "report" / "index.html").is_file()

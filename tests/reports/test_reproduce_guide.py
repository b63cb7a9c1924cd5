"""Every command of ``docs/guide/reproduce-tables.md`` is run. Those that read runs are, on runs made by hand; marked
``slow``, all of them are in their order, from nothing."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.store.run_folder import RunFolder

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "reproduce-tables.md"
SET_UP = ("make setup", ". .venv/bin/activate")


def commands() -> list[list[str]]:
    """The words of the indented lines, in order, without the program's name."""
    lines = re.findall(r"^    (\S.*)$", PAGE.read_text(), re.MULTILINE)
    assert tuple(lines[:2]) == SET_UP
    words = [shlex.split(line) for line in lines[2:]]
    assert all(one[0] == "ddtbench" for one in words)
    return [one[1:] for one in words]


def said_by(listed: list[list[str]], capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What each of them printed; all of them end well."""
    said = {}
    for words in listed:
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        printed = capsys.readouterr()
        assert ended.value.code == 0, f"{' '.join(words)}: {printed.err}"
        said[" ".join(words)] = printed.out
    return said


def require_what_the_page_says(said: dict[str, str], folder: Path) -> None:
    beside = said["reproduce geneval --run runs"]
    verdicts = re.findall(r"protocol mismatch \(|reproduced \(|off \(|cannot tell \(", beside)
    assert verdicts and set(verdicts) == {"protocol mismatch ("}, "every word is that"
    assert "TokenFlow-XL" in said["reproduce --lint"]
    assert "\nspread" in said["conventions runs"]
    assert {path.suffix for path in folder.glob("table.*")} == {".tex", ".md", ".csv"}
    assert "\\begin{tabular}" in (folder / "table.tex").read_text()


def test_the_commands_that_read_runs_give_what_the_page_says(
    make_runs: Any, subject: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    maker = make_runs(tmp_path / "runs")
    maker.task("geneval-world", [subject("vqgan-llama", 0.5, 3.0)], 16)
    maker.rewrite('"psnr"', '"geneval"')
    maker.task("reconstruction-world", [subject("vqgan", 0.5, 3.0), subject("jpeg", 0.9, 9.0)], 16)
    for path in (tmp_path / "runs").glob("*/*/*"):
        request = {"model": path.parts[-3], "task": path.parts[-2].replace("-world", "@world"), "limit": None}
        RunFolder.open(path).write_manifest(protocol={"request": request})
    monkeypatch.chdir(tmp_path)
    listed = [words for words in commands() if words[0] != "run"]
    assert len(listed) == len(commands()) - 2
    require_what_the_page_says(said_by(listed, capsys), tmp_path)


@pytest.mark.slow
def test_every_command_of_the_page_runs_in_its_order_and_gives_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    require_what_the_page_says(said_by(commands(), capsys), tmp_path)

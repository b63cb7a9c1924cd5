"""``docs/guide/reproduce-tables.md``: every command of its blocks is run as it stands, from nothing."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from harness import cli

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "reproduce-tables.md"
SET_UP = ("make setup", ". .venv/bin/activate")


def commands() -> list[list[str]]:
    """The lines of indented blocks, in order."""
    lines = re.findall(r"^    (\S.*)$", PAGE.read_text(), re.MULTILINE)
    assert tuple(lines[:2]) == SET_UP
    return [shlex.split(line) for line in lines[2:]]


def test_every_command_of_the_page_runs_in_its_order_and_gives_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said: dict[str, str] = {}
    for words in commands():
        assert words[0] == "ddtbench"
        with pytest.raises(SystemExit) as ended:
            cli.main(words[1:])
        printed = capsys.readouterr()
        assert ended.value.code == 0, f"{' '.join(words)}: {printed.err}"
        said[" ".join(words[1:])] = printed.out
    assert said["reproduce geneval --run runs"].count("protocol mismatch") >= 7, "every word is that"
    assert "TokenFlow-XL" in said["reproduce --lint"]
    assert "\nspread" in said["conventions runs"]
    assert {path.suffix for path in tmp_path.glob("table.*")} == {".tex", ".md", ".csv"}
    assert "\\begin{tabular}" in (tmp_path / "table.tex").read_text()

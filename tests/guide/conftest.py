"""Runs a command line in this process, as a reader of the guide types it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for guide_pages
sys.path.insert(0, str(Path(__file__).parent.parent / "reports"))  # for made_runs

from harness import cli

Call = Callable[[str], tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """(exit code, stdout, stderr) of a line that begins with ``ddtbench``."""

    def run(line: str) -> tuple[int, str, str]:
        words = shlex.split(line)
        assert words[0] == "ddtbench", line
        with pytest.raises(SystemExit) as ended:
            cli.main(words[1:])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run

"""Installs example packages into a folder, and runs a command line in this process."""

from __future__ import annotations

import importlib
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "harness"))
sys.path.insert(0, str(Path(__file__).parent))

from plugin_packages import install

from harness import catalog, cli, commands
from harness.plan import opened

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """``installed(project)``: as ``pip install`` leaves it. The working directory is empty."""
    known = set(sys.modules)
    monkeypatch.chdir(tmp_path)

    def add(project: Path) -> None:
        site = tmp_path / "site" / project.name
        monkeypatch.syspath_prepend(str(install(project, site)))
        importlib.invalidate_caches()
        catalog.refresh()

    yield add
    opened.cache_clear()
    commands._instrument.cache_clear()
    catalog.refresh()
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command line in this process: (exit code, stdout, stderr)."""

    def run(line: str) -> tuple[int, str, str]:
        words = shlex.split(line)
        assert words[0] == "ddtbench", line
        with pytest.raises(SystemExit) as ended:
            cli.main(words[1:])
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run

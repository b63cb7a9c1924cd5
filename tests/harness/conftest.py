"""Makes ``harness_fakes`` importable, by the tests and by the processes that they spawn; the toy package, and a command
line in this process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from plugin_packages import TOY, install

from harness import catalog, cli, commands
from harness.plan import opened


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The toy package installed, in an empty working directory."""
    monkeypatch.syspath_prepend(str(install(TOY, tmp_path / "site")))
    catalog.refresh()
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    opened.cache_clear()
    commands._instrument.cache_clear()
    catalog.refresh()
    for name in [name for name in sys.modules if name.startswith("toy_bench")]:
        del sys.modules[name]


@pytest.fixture
def call(capsys):
    """Run a command line in this process: (exit code, stdout, stderr)."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            cli.main([str(word) for word in words])
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run

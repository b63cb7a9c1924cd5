"""A command line in this process, an empty working folder, and one with the toy package and two more adders."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for gate_runs
sys.path.insert(0, str(Path(__file__).parents[2] / "harness"))

from plugin_packages import TOY, install, write_package

from harness import catalog, cli, commands
from harness.plan import opened

ADDERS = """
from harness.contracts import ModelEntry

ENTRIES = (
    ModelEntry("toy-exact-adder", "adders_models:open_exact", "adds and carries", provides=("Adds",)),
    ModelEntry("toy-forgetful", "adders_models:open_forgetful", "forgets to carry", provides=("Adds",)),
)
"""
MODELS = """
class Forgetful:
    version = 1

    def add(self, left, right):
        return (left // 10 + right // 10) * 10 + (left + right) % 10


class Exact:
    def add(self, left, right):
        return left + right


def open_forgetful(source, device):
    return Forgetful()


def open_exact(source, device):
    return Exact()
"""
POLICY = '[metrics.toy-exact]\nmargin = 0.1\ntier = "blocks"\n'


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in this process: (exit code, stdout, stderr)."""

    def run(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main([str(word) for word in words])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, in which baselines are stored."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DDTBENCH_BASELINES", raising=False)
    return tmp_path


@pytest.fixture
def sums(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The toy package and two more adders, in an empty working folder with a policy."""
    known, site = set(sys.modules), here / "site"
    install(TOY, site)
    modules = {"adders_catalog": ADDERS, "adders_models": MODELS}
    write_package(site, "adders", modules, {"ddtbench.catalog": {"adders": "adders_catalog:ENTRIES"}})
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    catalog.refresh()
    (here / "policy.toml").write_text(POLICY)
    yield here
    opened.cache_clear()
    commands._instrument.cache_clear()
    catalog.refresh()
    for name in set(sys.modules) - known:
        if name.startswith(("toy_bench", "adders_")):
            del sys.modules[name]

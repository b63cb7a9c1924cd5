"""Shapes are types, and what a machine may lack is hidden from every test that does not ask for it.

In tests, beartype checks jaxtyping's annotations wherever a tensor passes a border inside a network; not in the modules
at the user's border (``model``, ``vqgan``, ``var``, ``schedule``): their own errors are what their tests are about.

``@pytest.mark.needs("fashion-mnist")`` shows a test what the machine has, or skips it where it has none. Without the
mark a test sees an empty data folder, whatever the machine holds: what is green here is green for a newcomer too.
``--affected`` keeps the test modules that hold such a mark. The last lines of a run say what was skipped for want of
what.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jaxtyping import install_import_hook

from harness.paths import data_root
from tasks.data.fashion_mnist import fashion_at_hand

INSIDE = ("decoder", "encoder", "flow", "latents", "layers", "quantizer")
install_import_hook([*(f"ddt_llama.tokenizer.{name}" for name in INSIDE), "baselines.convnet"], "beartype.beartype")

os.environ["COLUMNS"] = "100"  # tables are as wide wherever the tests run

MARK = "needs"
WANT = "for want of"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
HIDING = ("DDTBENCH_DATA", "DDTBENCH_SYSTEM_DATA", "GENEVAL_PROMPTS")
AS_FOUND = {name: os.environ.get(name) for name in HIDING}


@dataclass(frozen=True)
class Thing:
    """What a machine may lack: its title, how to get it, and whether it is here."""

    title: str
    cure: str
    here: bool


def _things() -> Mapping[str, Thing]:
    """Asked before anything is hidden."""
    prompts = os.environ.get("GENEVAL_PROMPTS", "")
    fetch = "ddtbench data prepare fashion-mnist --fetch"
    return {
        "fashion-mnist": Thing("Fashion-MNIST", fetch, fashion_at_hand()),
        "chromium": Thing("chromium", "apt-get install chromium", any(map(shutil.which, CHROMIUM))),
        "geneval-prompts": Thing(
            "GenEval's official prompts", "GENEVAL_PROMPTS=evaluation_metadata.jsonl", Path(prompts).is_file()
        ),
        "java": Thing("Java", "apt-get install default-jre-headless", shutil.which("java") is not None),
    }


THINGS = _things()
FOLDERS = Path(tempfile.mkdtemp(prefix="ddtbench-tests-"))
"""Data folders of this session, so that no test reads or writes the user's own."""
(FOLDERS / "with-fashion").mkdir()
if (data_root() / "fashion-mnist" / "test.parquet").is_file():  # prepared already: converted only once
    (FOLDERS / "with-fashion" / "fashion-mnist").symlink_to((data_root() / "fashion-mnist").resolve())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--affected", action="store_true", help="only modules with a test that needs an optional thing")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARK}(*names): of {', '.join(THINGS)}; hidden from a test without it")


def _needs(item: pytest.Item) -> list[str]:
    return list(dict.fromkeys(name for mark in item.iter_markers(MARK) for name in mark.args))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if unknown := set(_needs(item)) - THINGS.keys():
            raise pytest.UsageError(f"{item.nodeid} needs the unknown {', '.join(unknown)}; known: {', '.join(THINGS)}")
    if config.getoption("--affected"):
        affected = {item.path for item in items if _needs(item)}
        config.hook.pytest_deselected(items=[item for item in items if item.path not in affected])
        items[:] = [item for item in items if item.path in affected]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture is made, of whatever scope."""
    wanted = _needs(item)
    for name in wanted:
        if not THINGS[name].here:
            pytest.skip(f"{WANT} {THINGS[name].title} ({THINGS[name].cure})")
    _show(wanted)


def _show(wanted: list[str]) -> None:
    """Set the environment for a test that asks for these things, and forget what others have read."""
    fashion = "fashion-mnist" in wanted
    values = {
        "DDTBENCH_DATA": str(FOLDERS / ("with-fashion" if fashion else "bare")),
        "DDTBENCH_SYSTEM_DATA": AS_FOUND["DDTBENCH_SYSTEM_DATA"] if fashion else str(FOLDERS / "nothing"),
        "GENEVAL_PROMPTS": AS_FOUND["GENEVAL_PROMPTS"] if "geneval-prompts" in wanted else None,
    }
    if os.environ.get("DDTBENCH_DATA") == str(FOLDERS / "with-fashion") and not fashion:
        _forget_what_was_read()
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _forget_what_was_read() -> None:
    """A picture that is still in memory would hide that a test needs it."""
    for name in [name for name in sys.modules if name.startswith("tasks.") and "world" not in name]:
        for value in list(vars(sys.modules[name]).values()):
            if hasattr(value, "cache_clear") and getattr(value, "__module__", "") == name:
                value.cache_clear()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last lines: what was skipped, for want of what."""
    shutil.rmtree(FOLDERS, ignore_errors=True)
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    reasons = Counter(str(report.longrepr[-1]).removeprefix("Skipped: ") for report in skipped)
    for reason, count in reasons.most_common():
        tests = "1 test was" if count == 1 else f"{count} tests were"
        reporter.write_line(f"{tests} skipped {'' if reason.startswith(WANT) else 'because: '}{reason}")

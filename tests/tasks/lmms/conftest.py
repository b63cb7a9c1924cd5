"""A data folder of its own, and lmms-eval's place taken by a script that writes what it would write."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tasks.lmms import definition
from tasks.lmms.call import ANSWERS, OUT, Call
from tasks.lmms.definition import Definition

SCRIPT = """
import json, pathlib, sys
plan = json.loads(sys.argv[1])
print("lmms-eval begins")
with open(plan["answers"], "a") as log:
    for record in plan["records"]:
        log.write(json.dumps(record) + "\\n")
if plan["error"]:
    print("Traceback (most recent call last):", plan["error"], sep="\\n", file=sys.stderr)
    sys.exit(0)
folder = pathlib.Path(plan["out"], "any")
folder.mkdir(parents=True)
(folder / "20260101_000000_results.json").write_text(json.dumps({"results": {plan["task"]: plan["stated"]}}))
samples = "".join(json.dumps(row) + "\\n" for row in plan["samples"])
(folder / f"20260101_000000_samples_{plan['task']}.jsonl").write_text(samples)
"""


@pytest.fixture(scope="session")
def miniatures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lmms_miniatures", Path(__file__).parent / "miniatures.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the data sets."""
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "data" / "lmms"
    root.mkdir(parents=True)
    return root


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Definition]:
    """What an installed lmms-eval would say of a task, in place of its files."""

    def make(task: str, dataset: str, metrics: Sequence[str], captions: bool = False, **more: str) -> Definition:
        values = {"configuration": "", "split": "test", "digest": "0" * 16, "release": "0.7.3", **more}
        made = Definition(task, f"lmms-lab-encoder/{dataset}", metrics=tuple(metrics), captions=captions, **values)
        monkeypatch.setattr("tasks.lmms.task.definition_of", lambda name: made)
        return made

    return make


@pytest.fixture
def lmms_eval(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Call]]:
    """Takes lmms-eval's place; returns the calls that will be made of it."""

    def replace(
        task: str,
        records: Sequence[Mapping[str, Any]] = (),
        samples: Sequence[Mapping[str, Any]] = (),
        stated: Mapping[str, Any] | None = None,
        error: str = "",
    ) -> list[Call]:
        calls: list[Call] = []
        plan = {
            **{"answers": ANSWERS, "out": OUT, "task": task, "error": error, "stated": stated or {}},
            **{"records": [{"task": task, **record} for record in records], "samples": list(samples)},
        }

        def command(call: Call) -> list[str]:
            calls.append(call)
            return [sys.executable, "-c", SCRIPT, json.dumps(plan)]

        monkeypatch.setattr(Call, "command", property(command))
        monkeypatch.setattr("tasks.lmms.call.POLL_SECONDS", 0.01)
        return calls

    return replace


@pytest.fixture(autouse=True)
def forget() -> None:
    definition.definition_of.cache_clear()
    definition._places.cache_clear()

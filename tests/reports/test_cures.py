"""The command against what is wrong with a stored run makes that run again, and no other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from harness.spec import RunSpec
from reports.reading.cures import run_again


def test_a_run_that_the_user_named_is_named_again() -> None:
    spec = RunSpec("my-name", 1, "", "quiz", 1, "data", seed=3)
    manifest = {"shown": "my name", "protocol": {"request": {"model": "a@weights", "task": "quiz", "limit": 8}}}
    folder = cast(Any, SimpleNamespace(spec=spec, manifest=lambda: manifest))
    said = run_again("my-name/quiz/0123", folder=folder)
    assert said == "ddtbench run quiz --model a@weights --as 'my name' --limit 8 --seed 3 --out RUNS"


def test_a_run_that_says_nothing_is_asked_for_as_its_folder_calls_it() -> None:
    assert run_again("a/quiz/0123") == "ddtbench run quiz --model a --out RUNS"

"""The engine: specs, runs, observations, measures, statistics and the store. It names no subject, task or report.

Everything that the command line does is a call from here::

    from harness import SuiteSpec, run_suite

    frame = run_suite(SuiteSpec.of("mine", ["ddt", "vqgan"], ["reconstruction@world"], limit=64))

Names are loaded when they are asked for, so that ``import harness`` costs nothing. The verbs carry their object
(``measure_runs``) because ``harness.measure`` and ``harness.observe`` are the modules of those stages.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.added_commands import Command
    from harness.commands import (
        dry_run,
        export_run,
        measure_runs,
        observe_runs,
        prepare_data,
        prune_runs,
        report_runs,
        run_suite,
        suite_for,
        summary,
        train_tokenizer,
    )
    from harness.errors import UserError
    from harness.listing import list_entries
    from harness.spec import RunRequest, RunSpec, SuiteSpec

_PLACES = {
    "Command": "harness.added_commands",
    "RunRequest": "harness.spec",
    "RunSpec": "harness.spec",
    "SuiteSpec": "harness.spec",
    "UserError": "harness.errors",
    "dry_run": "harness.commands",
    "export_run": "harness.commands",
    "list_entries": "harness.listing",
    "measure_runs": "harness.commands",
    "observe_runs": "harness.commands",
    "prepare_data": "harness.commands",
    "prune_runs": "harness.commands",
    "report_runs": "harness.commands",
    "run_suite": "harness.commands",
    "suite_for": "harness.commands",
    "summary": "harness.commands",
    "train_tokenizer": "harness.commands",
}

__all__ = [
    "Command",
    "RunRequest",
    "RunSpec",
    "SuiteSpec",
    "UserError",
    "dry_run",
    "export_run",
    "list_entries",
    "measure_runs",
    "observe_runs",
    "prepare_data",
    "prune_runs",
    "report_runs",
    "run_suite",
    "suite_for",
    "summary",
    "train_tokenizer",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'harness' has no attribute '{name}'")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})

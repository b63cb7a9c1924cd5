"""``ddtbench claims``."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from harness.command_line import Debug, said_partial
from harness.errors import UserError, nearest

if TYPE_CHECKING:
    from reports.claims.answers import Answer
    from reports.claims.statements import Claim
    from reports.reading.runs import Problem, Run

FORMATS = ("text", "markdown", "csv", "json")
WIDTH = 100
ZOO = "zoo/runs"


def claims(
    roots: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUNS]...", help="Folders that 'run' wrote, read together; default: the zoo's runs."),
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="F", help="text, markdown, csv or json.")] = "text",
    debug: Debug = False,
) -> int:
    """The paper's claims: supported, refuted or undetermined.

    Each is a statement in a data file ('ddtbench list claims'), with metric, test, margin and the sentence that it
    comes from. What is not measured is said with the command that would.
    """
    if form not in FORMATS:
        raise UserError(f"there is no format '{form}'{nearest(form, FORMATS)}")
    from harness.paths import checkout_root

    stated = stated_claims()
    runs, problems = read_together(roots or [str(checkout_root() / ZOO)])
    from reports.claims.answers import answer

    print(shown_as([answer(claim, runs) for claim in stated], form), end="")
    return said_partial([f"not shown: {item.where}: {item.reason}" for item in problems])


def stated_claims() -> list[Claim]:
    """All claims of the catalogue, those of one topic together. Raises UserError for a data file that is wrong."""
    from harness import catalog
    from reports.claims.statements import claims_of

    found: list[Claim] = []
    for entry in sorted(catalog.entries("claims"), key=lambda entry: (entry.order, entry.name)):
        content = catalog.find("claims", entry.name)
        found += claims_of(content if isinstance(content, dict) else {}, entry.place)
    if not found:
        raise UserError("no installed package states a claim: 'ddtbench list claims' is empty")
    names = [claim.name for claim in found]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise UserError(f"two claims are called '{twice}': rename one ('ddtbench list claims' says where they lie)")
    topics = list(dict.fromkeys(claim.topic for claim in found))
    return sorted(found, key=lambda claim: topics.index(claim.topic))


def read_together(roots: Sequence[str]) -> tuple[list[Run], list[Problem]]:
    """The runs of several roots, each run once. Raises UserError for a root without any that can be read."""
    from reports.scaling.study import read_runs

    runs: dict[tuple[str, str, str], Run] = {}
    problems: list[Problem] = []
    for root in roots:
        stored = read_runs(root)
        problems += stored.problems
        for run in stored.runs:
            runs.setdefault((str(run.spec.get("model")), run.task, run.key), run)
    return list(runs.values()), problems


def shown_as(found: Sequence[Answer], form: str) -> str:
    """The answers in a format of ``FORMATS``."""
    from reports.claims import text

    forms: dict[str, Callable[[], str]] = {
        "text": lambda: text.as_text(found, max(60, shutil.get_terminal_size((WIDTH, 40)).columns)),
        "markdown": lambda: text.as_markdown(found),
        "csv": lambda: text.as_csv(found),
        "json": lambda: text.as_json(found),
    }
    return forms[form]()

"""Which cases end the process that asks them: a unit whose worker died twice is asked again in parts.

Every part is a batch with all of its slots: those of the other cases are filled as where an input failed, so that the
cases which live keep their bytes. A case is failed only after it *alone* ended its process twice.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from harness.contracts import Case
from harness.jobs import Outcome, Row, Search, Trial, Unit
from harness.store.parts import failed_row

ELSE = "another case of its batch is asked"


def rescue(unit: Unit, batch: int) -> Search:
    """Yields trials, is sent their outcomes, and returns the rows of the whole unit."""
    rows: list[Row] = []
    for start in range(0, len(unit.cases), batch):
        rows += yield from _rescue_batch(unit.cases[start : start + batch])
    return rows


def _rescue_batch(cases: tuple[Case, ...]) -> Search:
    outcome = yield Trial(cases, {})
    if outcome.rows is not None:
        return list(outcome.rows)
    dead: dict[str, str] = {}
    yield from _find(cases, cases, dead)
    if dead:
        outcome = yield Trial(cases, dead)
        if outcome.rows is not None:
            return list(outcome.rows)
    # Together they end it and alone none does (or another one did this time): each is asked by itself.
    rows = []
    for index, case in enumerate(cases):
        if case.id not in dead:
            outcome = yield from _alone(cases, case)
            if outcome.rows is not None:
                rows.append(outcome.rows[index])
                continue
            dead[case.id] = outcome.cause
        rows.append(failed_row(case, dead[case.id]))
    return rows


def _find(cases: tuple[Case, ...], suspects: Sequence[Case], dead: dict[str, str]) -> Generator[Trial, Outcome, None]:
    """Adds to ``dead`` those of the suspects, who together ended a process, that end it alone, twice."""
    if len(suspects) == 1:
        outcome = yield from _alone(cases, suspects[0])
        if outcome.rows is None:
            dead[suspects[0].id] = outcome.cause
        return
    middle = len(suspects) // 2
    for half in (suspects[:middle], suspects[middle:]):
        if len(half) > 1 and (yield _only(cases, half)).rows is not None:
            continue
        yield from _find(cases, half, dead)


def _alone(cases: tuple[Case, ...], case: Case) -> Generator[Trial, Outcome, Outcome]:
    outcome = yield _only(cases, [case])
    return outcome if outcome.rows is not None else (yield _only(cases, [case]))


def _only(cases: tuple[Case, ...], asked: Sequence[Case]) -> Trial:
    kept = {case.id for case in asked}
    return Trial(cases, {case.id: ELSE for case in cases if case.id not in kept})

"""The search for the cases that end a process, against a worker that is told which do."""

from __future__ import annotations

from collections import Counter

import harness_fakes as fakes
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.engines.rescue import Outcome, Trial, rescue
from harness.jobs import Unit

CASES = tuple(fakes.FakeTask(count=10).cases())
BATCH = 4


def searched(dies, unit=CASES):
    """(rows, trials) of a search whose trials end as ``dies(asked numbers, how many such trials before)`` says."""
    trials: list[tuple[int, ...]] = []
    search = rescue(Unit("00000", unit), BATCH)
    trial: Trial = next(search)
    while True:
        assert len(trial.cases) <= BATCH
        asked = tuple(case.facts["n"] for case in trial.cases if case.id not in trial.dead)
        rows = [
            {
                "case": case.id,
                "outcome": "failed" if case.id in trial.dead else "ok",
                "reason": trial.dead.get(case.id, ""),
            }
            for case in trial.cases
        ]
        ends = dies(asked, trials.count(asked))
        trials.append(asked)
        try:
            trial = search.send(Outcome(None, "the worker died: SIGKILL") if ends else Outcome(rows))
        except StopIteration as end:
            return end.value, trials


@given(st.sets(st.integers(0, 9)))
@settings(max_examples=60, deadline=None)
def test_exactly_the_deadly_cases_fail_and_each_alone_twice(deadly):
    rows, trials = searched(lambda asked, before: bool(deadly & set(asked)))
    assert [row["case"] for row in rows] == [case.id for case in CASES]
    failed = {index for index, row in enumerate(rows) if row["outcome"] == "failed"}
    assert failed == deadly
    assert all(rows[index]["reason"] == "the worker died: SIGKILL" for index in failed)
    alone = Counter(asked[0] for asked in trials if len(asked) == 1)
    assert all(alone[number] >= 2 for number in deadly if number < 8)


def test_one_in_a_batch_costs_few_processes():
    _, trials = searched(lambda asked, before: 2 in asked)
    assert len(trials) <= 9


def test_a_worker_that_died_by_chance_costs_nobody_anything():
    rows, _ = searched(lambda asked, before: before == 0)  # each trial that is new, and none of them again
    assert all(row["outcome"] == "ok" for row in rows)


@pytest.mark.parametrize("together", [{0, 3}, {1, 2}])
def test_cases_that_end_it_only_together_are_asked_one_by_one(together):
    rows, _ = searched(lambda asked, before: together <= set(asked))
    assert all(row["outcome"] == "ok" and row["reason"] == "" for row in rows)

"""Observing in workers: the same bytes as in this process, and the same words for an instrument that is of no use."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import harness_fakes as fakes
import pytest

from harness.engines.children import Children, Workers
from harness.engines.local import Crew, Growing, InProcess
from harness.errors import UserError
from harness.looking import Look, ObservingJob, died_of
from harness.observe import observe
from harness.run import run
from harness.store.parts import Part
from harness.store.run_folder import RunFolder
from harness.watch import current

TASK = fakes.FakeTask(count=20, bad_ask=(0, 1, 2, 3, 4, 5, 6, 7, 13))  # of the first unit every case has failed


def stored(root: Path | str) -> RunFolder:
    """The same samples in each root."""
    folder = RunFolder.create_or_open(str(root), fakes.spec_for(TASK))
    run(folder.spec, TASK, fakes.FakeSubject, folder)
    return folder


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """Two workers for all tests: what ends them starts others."""
    workers = Crew(2, timeout=4)
    yield workers
    workers.close()


@pytest.fixture
def fresh() -> Iterator[None]:
    """What this process knows of instruments that end processes is not kept."""
    before = current().deaths
    yield
    current().deaths = before


def test_workers_observe_the_same_bytes_as_this_process(tmp_path: Path, crew: Crew):
    both = [fakes.Brightness(bad=("case-0009",), nan=("case-0014",)), fakes.Brightness(name="again")]
    alone, shared = stored(tmp_path / "alone"), stored(tmp_path / "shared")
    said = observe(alone, both, batch=4)
    assert observe(shared, both, batch=4, crew=crew) == said == {"brightness": "", "again": ""}
    assert fakes.part_bytes(shared.path) == fakes.part_bytes(alone.path)
    assert shared.instruments() == alone.instruments() and shared.unavailable() == alone.unavailable() == {}


def test_it_is_the_workers_that_look(tmp_path: Path, crew: Crew):
    folder = stored(tmp_path)
    observe(folder, [fakes.Where(name="where")], batch=4, crew=crew)
    assert os.getpid() not in folder.observation_columns("where")["process"]


def test_what_is_in_the_memory_of_this_process_is_observed_here(crew: Crew):
    folder = stored("memory://looked-at-here")
    observe(folder, [fakes.Where(name="where")], batch=4, crew=crew)
    assert set(folder.observation_columns("where")["process"]) == {os.getpid()}


@pytest.mark.parametrize(("does", "why"), [("end", "exit code 3"), ("hang", "no answer in 4 s")])
def test_an_instrument_that_ends_its_workers_is_not_asked_again(
    tmp_path: Path, crew: Crew, fresh: None, does: str, why: str
):
    folder = stored(tmp_path)
    bad = fakes.Odd(name="bad", at=("case-0010",), does=does)
    said = observe(folder, [bad, fakes.Brightness()], batch=4, crew=crew)
    assert said == {"bad": f"it ended the process twice ({why})", "brightness": ""}
    assert died_of(folder, "bad") == said["bad"] == folder.unavailable()["bad"]
    assert folder.instruments() == {"brightness": "d1"} and len(folder.observation_columns("brightness")["mean"]) == 11


def test_where_the_memory_of_a_worker_runs_out_half_the_batch_is_tried(tmp_path: Path, crew: Crew):
    folder, alone = stored(tmp_path / "shared"), stored(tmp_path / "alone")
    assert observe(folder, [fakes.Odd(name="large", most=2)], batch=4, crew=crew) == {"large": ""}
    observe(alone, [fakes.Odd(name="large", most=2)], batch=2)
    assert fakes.part_bytes(folder.path) == fakes.part_bytes(alone.path)
    assert folder.manifest()["observed_in_batches"] == {"large": 2}


def test_a_refusal_of_everything_is_an_error_and_a_later_one_is_not(tmp_path: Path, crew: Crew):
    """Whoever looks: the first samples are those of the second part."""
    first = fakes.Odd(name="none", at=tuple(f"case-{number:04d}" for number in range(8, 16)), does="refuse")
    for team in (None, crew):
        folder = stored(tmp_path / str(team is None))
        with pytest.raises(UserError, match="no weights of mine"):
            observe(folder, [first], batch=4, crew=team)
    late = replace(first, name="late", at=tuple(f"case-{number:04d}" for number in range(16, 20)))
    parts = []
    for team in (None, crew):
        folder = stored(tmp_path / str(team is None))
        assert observe(folder, [late], batch=4, crew=team) == {"late": ""}
        assert list(folder.observation_columns("late")["_failed"][-4:]) == ["no weights of mine"] * 4
        parts.append({name: of for name, of in fakes.part_bytes(folder.path).items() if "late" in name})
    assert parts[0] == parts[1]


def test_weights_that_a_worker_finds_changed_are_refused(tmp_path: Path, crew: Crew):
    others = partial(tuple, [fakes.Brightness(digest="d2")])
    folder = stored(tmp_path)
    with pytest.raises(UserError, match="weights of brightness have changed"):
        observe(folder, [fakes.Brightness()], batch=4, crew=crew, open_again=others)


def test_samples_that_do_not_hold_are_said_and_not_observed(tmp_path: Path, crew: Crew):
    folder = stored(tmp_path)
    part = folder.parts()[-1]
    file = Path(folder.path) / "samples" / part.file
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(UserError, match="run again to make"):
        observe(folder, [fakes.Brightness()], batch=4, crew=crew)


def test_by_default_workers_observe_what_is_worth_their_start(monkeypatch: pytest.MonkeyPatch):
    """The first part, in which instruments open what they need, says nothing of the time of others."""
    monkeypatch.setattr("harness.engines.local.cores_at_hand", lambda: 2)
    job = ObservingJob("runs", "k", "m on t", 1, 4, tuple, {}, {}, warm=2)
    looks = [Look.at(Part(f"{unit:05d}", "0" * 16), name, True) for unit in range(4) for name in ("a", "b")]
    crew = Crew(None)
    assert isinstance(crew.engine(job, looks), Growing) and isinstance(crew.engine(job, looks[:1]), InProcess)
    here, there = [], []

    class Hands:
        """Notes who was given what."""

        def __init__(self, kept: list[str]) -> None:
            self.kept = kept

        def compute(self, units: Sequence[Look], tick: Any) -> Iterator[tuple[Look, bytes]]:
            for unit in units:
                self.kept.append(unit.name)
                time.sleep(0.01 if unit.part.unit == "00001" else 0)
                yield unit, b""

        def close(self) -> None:
            """It holds nothing."""

    def computed(worth: float) -> None:
        here.clear(), there.clear()
        monkeypatch.setattr("harness.engines.local.WORTH", worth)
        monkeypatch.setattr("harness.engines.local.InProcess", lambda job: Hands(here))
        growing = Growing(job, lambda: Hands(there), lambda: True, 1)
        list(growing.compute(looks, lambda done, failed: None))

    computed(0.03)
    assert (len(here), len(there)) == (4, 4)
    computed(10.0)
    assert (len(here), len(there)) == (8, 0)


def test_workers_that_are_there_already_are_used(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("harness.engines.local.cores_at_hand", lambda: 2)
    job = ObservingJob("runs", "k", "m on t", 1, 4, tuple, {}, {}, warm=1)
    looks = [Look.at(Part(f"{unit:05d}", "0" * 16), "a", True) for unit in range(4)]
    crew = Crew(None)
    crew._workers = Workers(2, 1)
    crew._workers.alive = [None]  # type: ignore[list-item]
    assert isinstance(crew.engine(job, looks), Children)

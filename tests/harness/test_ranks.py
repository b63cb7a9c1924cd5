"""Processes that a launcher started: who they are, and what they refuse. What they make together,
``tests/baselines/test_causal_lm.py`` holds with two of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.contracts import ComputesUnits
from harness.engines import ranks
from harness.engines.local import Crew
from harness.engines.ranks import Ranks
from harness.engines.teams import team
from harness.environment import Environment
from harness.errors import UserError
from harness.launch import follows, launched


def launch(monkeypatch: pytest.MonkeyPatch, rank: int = 0) -> None:
    for name, value in (("WORLD_SIZE", "2"), ("RANK", str(rank)), ("MASTER_ADDR", "127.0.0.1")):
        monkeypatch.setenv(name, value)


def test_without_a_launcher_this_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "RANK", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    assert launched() == 1 and not follows()
    assert isinstance(team("local", "", 1, 1, "cpu"), Crew)
    monkeypatch.setenv("WORLD_SIZE", "2")  # of a scheduler, not of torchrun
    assert launched() == 1 and not follows()


def test_the_first_process_leads_and_the_second_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    launch(monkeypatch)
    assert launched() == 2 and not follows()
    made = team("local", "", 1, 1, "cpu")
    assert isinstance(made, Ranks) and made.processes == 2
    launch(monkeypatch, 1)
    assert follows()


@pytest.mark.parametrize(
    ("device", "options", "reason"),
    [
        ("cpu", {"engine": "ray"}, "are one worker together: leave out --engine and --workers"),
        ("cpu", {"workers": 2}, "are one worker together: leave out --engine and --workers"),
        ("cuda:1", {}, "the launcher gives each process its GPU"),
    ],
)
def test_other_workers_beside_them_are_refused(monkeypatch, device: str, options: dict[str, Any], reason: str) -> None:
    launch(monkeypatch)
    with pytest.raises(UserError, match=reason):
        ranks.join(device, **options)


def test_a_task_that_brings_its_own_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own:
        def engine(self, model: str, device: str, job: Any) -> Any: ...

    assert isinstance(Own(), ComputesUnits)
    planned: Any = [SimpleNamespace(task=Own(), request=SimpleNamespace(task="own"))]
    ranks.require_handed_out(planned)
    launch(monkeypatch)
    with pytest.raises(UserError, match="task 'own' starts a process of its own: run it without a launcher"):
        ranks.require_handed_out(planned)


def test_what_several_processes_make_says_so() -> None:
    alone, two = Environment.current(1), Environment.current(1, processes=2)
    assert two.device == f"{alone.device} x2" and two.digest != alone.digest

"""Engines: the same units of work, handed out to this process, to isolated children, or to a cluster.

An engine decides where and in which order units are computed, never what their bytes are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from harness.jobs import Job, Tick, Unit
from harness.store.summary import Stored


class Engine(Protocol):
    """Made for one job; computes its units and is closed. ``compute`` may yield units in any order."""

    def compute(self, units: Sequence[Unit], tick: Tick) -> Iterator[tuple[Unit, bytes | Stored]]:
        """(unit, bytes of its part) as each is finished; the caller stores it before asking for the next. Or what there
        is to know of a part that its worker has stored itself in ``Job.place``."""
        ...

    def probe(self) -> Mapping[str, Any]:
        """What ``Task.probe`` says on the engine's device, with the spec's threads."""
        ...

    def close(self) -> None:
        """Give back what it holds; units in progress are dropped."""
        ...


class Team(Protocol):
    """Who computes the units of a suite's runs, one run after the other. ``runs``: how many are to come; ``processes``:
    how many hold one subject together (``engines.ranks``), which stands in the environment of what they make."""

    runs: int

    @property
    def processes(self) -> int: ...

    def prepare(self, opening: Callable[[], Any]) -> None:
        """There will be work, whose subject this opens: workers that are sure to be needed may begin with it, while it
        is planned what to ask. What it raises is nobody's here: who plans opens the subject as well."""
        ...

    def engine(self, job: Job, units: Sequence[Unit]) -> Engine:
        """For this job, of which these units are missing. Raises UserError for one that cannot be handed out."""
        ...

    def close(self) -> None:
        """End the workers; another ``engine`` starts them again."""
        ...

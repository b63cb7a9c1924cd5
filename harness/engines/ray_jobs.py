"""A job as it is done by workers elsewhere: in the driver's environment or not at all, and each stores its parts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.environment import Environment, difference
from harness.errors import UserError
from harness.jobs import Begin, Job, Row, Search, Tick, Trial, Unit
from harness.store.summary import Stored


@dataclass(frozen=True)
class StoringJob:
    """The same work (``harness.jobs.Job``), whose parts are stored where they are made. ``here``: the environment of
    the driver, which the parts name; ``device``: the kind that it computes on."""

    job: Job
    here: Environment
    device: str

    @property
    def threads(self) -> int:
        return self.job.threads

    @property
    def key(self) -> str:
        return self.job.key

    @property
    def model(self) -> str:
        return self.job.model

    @property
    def place(self) -> str:
        return self.job.place

    @property
    def opens(self) -> str:
        return self.job.opens

    @property
    def warm(self) -> int:
        return self.job.warm

    def doing(self, unit: Unit) -> str:
        return self.job.doing(unit)

    def open(self) -> Any:
        """Raises UserError where another environment would make other bytes."""
        there = Environment.current(self.here.threads, self.device)
        if there != self.here:
            what = difference(self.here.to_dict(), there.to_dict())
            raise UserError(
                f"the worker on {os.uname().nodename} computes in a different environment from the driver's ({what}): "
                "install the same on every machine, and start on one like those of the workers"
            )
        return self.job.open()

    def make(self, opened: Any, unit: Unit, tick: Tick, begin: Begin) -> Stored:
        made = self.job.make(opened, unit, tick, begin)
        return self.job.stored(unit, made) if isinstance(made, bytes) else made

    def stored(self, unit: Unit, data: bytes) -> Stored:
        return self.job.stored(unit, data)

    def wanted(self, unit: Unit) -> bool:
        return self.job.wanted(unit)

    def search(self, unit: Unit, cause: str) -> Search | None:
        return self.job.search(unit, cause)

    def rows(self, opened: Any, trial: Trial, begin: Begin) -> list[Row]:
        return self.job.rows(opened, trial, begin)

    def encode(self, unit: Unit, rows: Sequence[Row]) -> bytes:
        return self.job.encode(unit, rows)

    def probe(self, opened: Any) -> Mapping[str, Any]:
        return self.job.probe(opened)

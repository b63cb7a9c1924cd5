"""The local engines: units computed in this process, or in isolated child processes on this machine.

``Crew`` says which for each run of a suite. The engine in this process is for the call from Python: a subject that ends
or hangs the process ends or hangs the caller. ``ddtbench run`` computes in a child (``harness.watch``), so that there
its parent starts another, which leaves the rest of that run to children.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from harness.engines import Engine
from harness.engines.children import Children, Worker, Workers, picklable
from harness.engines.probing import probe
from harness.environment import limited_threads
from harness.errors import UserError
from harness.jobs import Job, Tick, Unit
from harness.store.summary import Stored
from harness.watch import current

WORTH = 12.0
"""Seconds of work that are worth the start of workers: each imports torch and opens a subject of its own."""
FREE_SHARE = 0.8


def cores_at_hand() -> int:
    """The cores that this process may use, where the machine or its container says so."""
    known = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
            quota, period = file.read().split()
        return known if quota == "max" else max(1, min(known, int(quota) // int(period)))
    except (OSError, ValueError):
        return known


def room_for() -> int:
    """How many processes as large as this one has been fit in the memory that is free."""
    unit = 1 if sys.platform == "darwin" else 1024
    mine = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            free = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return 1
    return int(FREE_SHARE * free / mine)


class Crew:
    """Who computes the units of a suite's runs: ``workers`` children, or this process for one.

    ``workers`` None: as many as there are cores at hand (one on a GPU, which they would share) and room for in memory,
    where that is worth their start (``Growing``). What is asked for is held to: several workers never become this
    process. ``timeout``: seconds in which a batch must be answered. ``release`` is called when this process needs its
    subject no more, since children open their own.
    """

    processes = 1

    def __init__(
        self,
        workers: int | None,
        threads: int = 1,
        device: str = "cpu",
        timeout: float | None = None,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        self.runs = 1
        """How many runs are to come, which share the workers: what one of them is not worth many may be."""
        if workers is not None and workers < 1:
            raise UserError(f"workers must be at least 1, not {workers}")
        if timeout is not None and not timeout > 0:
            raise UserError(f"a batch's time limit must be above 0 seconds, not {timeout:g}")
        self._asked = workers is not None
        self._on_cpu = device.partition(":")[0] == "cpu"
        cores = max(1, cores_at_hand() // threads) if self._on_cpu else 1
        self.count = cores if workers is None else workers
        self._threads, self._timeout, self._release = threads, timeout, release
        self._workers: Workers | None = None

    def prepare(self, opening: Callable[[], Any]) -> None:
        """Start all but one of the children that were asked for, as far as they have a core beside this process: so
        there are never more copies of a subject than workers. On a GPU none, since the one that plans needs it."""
        if self._asked and self.count > 1 and self._on_cpu:
            self._hired().prepare(opening, min(self.count, cores_at_hand()) - 1)

    def engine(self, job: Job, units: Sequence[Unit]) -> Engine:
        """For this job, of which these units are missing. Raises UserError for one that cannot be given to children
        that were asked for."""
        died = _deaths(job, units)
        if died or (self._asked and self.count > 1):
            return self._children(job, died)
        if self.count > 1 and len(units) > 1 and picklable(job):
            started = self._workers is not None and bool(self._workers.alive)
            return self._children(job) if started else Growing(job, lambda: self._children(job), self._fit, self.runs)
        return InProcess(job)

    def _fit(self) -> bool:
        """As many workers as there is room for; whether these are several."""
        self.count = min(self.count, room_for())
        return self.count > 1

    def _children(self, job: Job, died: Mapping[str, int] | None = None) -> Children[Worker]:
        self._release()
        return Children(job, self._hired(), died)

    def _hired(self) -> Workers:
        if self._workers is None:
            self._workers = Workers(max(1, self.count), self._threads, self._timeout)
        return self._workers

    def close(self) -> None:
        """End the children."""
        if self._workers is not None:
            self._workers.close()
            self._workers = None


def _deaths(job: Job, units: Sequence[Unit]) -> dict[str, int]:
    """Unit -> how many processes before this one it ended."""
    before = current().deaths
    return {unit.name: len(before[place]) for unit in units if (place := job.doing(unit)) in before}


class Growing:
    """This process for the first unit; children for the others where these, times the runs to come, take long enough
    by its measure."""

    def __init__(self, job: Job, children: Callable[[], Engine], fit: Callable[[], bool], runs: int) -> None:
        self._now: Engine = InProcess(job)
        self._children, self._fit, self._runs, self._warm = children, fit, runs, job.warm

    def compute(self, units: Sequence[Unit], tick: Tick) -> Iterator[tuple[Unit, bytes | Stored]]:
        warm, timed = self._warm, max(1, self._warm)
        yield from self._now.compute(units[:warm], tick)
        seconds, left = 0.0, units[warm + timed :]
        for unit in units[warm : warm + timed]:
            begun = time.monotonic()
            [made] = self._now.compute([unit], tick)
            seconds += time.monotonic() - begun
            yield made
        if left and seconds / timed * len(left) * self._runs > WORTH and self._fit():
            self._now.close()
            self._now = self._children()
        yield from self._now.compute(left, tick)

    def probe(self) -> Mapping[str, Any]:
        return self._now.probe()

    def close(self) -> None:
        self._now.close()


class InProcess:
    """One worker: this process. The subject is opened when the first unit needs it."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._subject: Any = None

    def _opened(self) -> Any:
        if self._subject is None:
            self._subject = self._job.open()
        return self._subject

    def compute(self, units: Sequence[Unit], tick: Tick) -> Iterator[tuple[Unit, bytes | Stored]]:
        with limited_threads(self._job.threads):
            for unit in units:
                subject, place = self._opened(), self._job.doing(unit)
                data = self._job.make(subject, unit, tick, partial(current().begin, place))
                current().rest()
                yield unit, data

    def probe(self) -> Mapping[str, Any]:
        place = f"probing {self._job.key}"
        if place in current().deaths:
            return {"probe_failed": f"the process died: {current().deaths[place][-1]}"}
        with limited_threads(self._job.threads):
            subject = self._opened()
            current().begin(place)
            found = probe(self._job, subject)
            current().rest()
            return found

    def close(self) -> None:
        self._subject = None

"""Isolated child processes on this machine: what they compute, what becomes of a unit whose worker died or hung.

Children are spawned, not forked (threads and GPU contexts do not survive a fork), with the spec's thread count in their
environment before anything is imported. They stay for all runs of a suite. Only the parent writes.

A unit whose worker died (a crash in native code, the memory killer) or gave no answer in time is asked again whole; if
that worker ends too, it is asked in parts (``engines.rescue``), and the cases that end a process alone are failed.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import pickle
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, Protocol, TypeVar

from harness.allocation import keep_freed_memory
from harness.engines.probing import probe
from harness.environment import limit_threads, limited_threads
from harness.errors import UserError
from harness.isolation import OutOfMemory, tried
from harness.jobs import Job, Outcome, Search, Tick, Trial, Unit
from harness.store.summary import Stored
from harness.watch import cause_of, die_with_parent, no_answer

ATTEMPTS = 2


class Hand(Protocol):
    """A worker as the engine sees it. ``job``: what it holds; ``begun``: whether it came as far as asking;
    ``deadline``: when its answer is due, where the engine's own process watches that."""

    job: bytes
    deadline: float | None
    begun: bool

    def send(self, message: Any) -> None:
        """``("job", pickled)``, then ``("unit", Unit)``, ``("trial", Trial)`` or ``("probe", None)``."""
        ...


SomeHand = TypeVar("SomeHand", bound=Hand)


class Hands(Protocol[SomeHand]):
    """The workers that an engine hands units to, wherever they are."""

    timeout: float | None

    def free(self, busy: Mapping[SomeHand, Any]) -> SomeHand | None:
        """One that has nothing to do, started if there may be another; None where none is there yet."""
        ...

    def heard(self, busy: Mapping[SomeHand, Any]) -> Iterator[tuple[SomeHand, tuple[str, Any]]]:
        """(worker, its message) once one has something to say; nothing where only another worker arrived."""
        ...

    def drop(self, worker: SomeHand, kill: bool = False) -> int:
        """End with this one."""
        ...


@dataclass(eq=False)
class Worker:
    """One child. ``deadline``: when its answer is due; ``begun``: whether it came as far as asking."""

    process: BaseProcess
    pipe: Connection
    job: bytes = b""
    deadline: float | None = None
    begun: bool = False

    def send(self, message: Any) -> None:
        with contextlib.suppress(OSError):  # it is dead: the next receive says so
            self.pipe.send(message)


class Workers:
    """Up to ``count`` children with these threads. ``timeout``: seconds in which a batch is answered (None: any).
    ``waiting``: a child that says that it begins with a message waits for ``("go", None)``."""

    def __init__(self, count: int, threads: int, timeout: float | None = None, waiting: bool = False) -> None:
        self.count, self.timeout, self._waiting = count, timeout, waiting
        self._threads = threads
        self._context = multiprocessing.get_context("spawn")
        self.alive: list[Worker] = []

    def free(self, busy: Mapping[Worker, Any]) -> Worker | None:
        """One that has nothing to do, started if there may be another."""
        idle = next((worker for worker in self.alive if worker not in busy), None)
        return idle or (self._start() if len(self.alive) < self.count else None)

    def prepare(self, opening: Callable[[], Any], most: int) -> None:
        """Start up to ``most`` of them, each with this."""
        for _ in range(min(self.count, most)):
            self._start().send(("ahead", opening))

    def _start(self) -> Worker:
        ours, theirs = self._context.Pipe()
        child = self._context.Process(target=_serve, args=(theirs, os.getpid(), self._waiting), daemon=True)
        with limited_threads(self._threads):  # a child reads the thread variables when it imports NumPy and torch
            child.start()
        theirs.close()
        self.alive.append(Worker(child, ours))
        return self.alive[-1]

    def heard(self, busy: Mapping[Worker, Any]) -> Iterator[tuple[Worker, tuple[str, Any]]]:
        """(worker, its message), once one of the busy ones has something to say; ``("died", cause)`` of one that ended,
        or that did not answer in time and was ended."""
        due = min((worker.deadline for worker in busy if worker.deadline is not None), default=None)
        spoke = wait([worker.pipe for worker in busy], None if due is None else max(0.0, due - time.monotonic()))
        for worker in list(busy):
            if worker.pipe in spoke:
                try:
                    yield worker, worker.pipe.recv()
                except (EOFError, OSError):
                    yield worker, ("died", f"the worker died: {cause_of(self.drop(worker))}")
            elif worker.deadline is not None and time.monotonic() >= worker.deadline:
                self.drop(worker, kill=True)
                yield worker, ("died", no_answer(self.timeout or 0))

    def drop(self, worker: Worker, kill: bool = False) -> int:
        """End with this one; its exit code."""
        self.alive.remove(worker)
        if kill:
            worker.process.kill()
        worker.pipe.close()
        worker.process.join(timeout=5)
        if worker.process.exitcode is None:  # its end of the pipe is closed and it lives on: it is of no use
            worker.process.kill()
            worker.process.join()
        return worker.process.exitcode or 0

    def close(self) -> None:
        """End all of them; what they are doing is dropped."""
        for worker in self.alive:
            worker.pipe.close()
            worker.process.terminate()
        for worker in self.alive:
            worker.process.join(timeout=5)
            if worker.process.exitcode is None:
                worker.process.kill()
                worker.process.join()
        self.alive = []


@dataclass
class _Work:
    """A unit on its way: how many workers it ended, what is shown as done of it, and the search once it is in parts."""

    unit: Unit
    died: int = 0
    ticked: list[tuple[int, int]] = field(default_factory=list)
    search: Search | None = None
    trial: Trial | None = None


def picklable(job: Job) -> bool:
    """Whether a child can be given this job."""
    try:
        pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return True


class Children(Generic[SomeHand]):
    """The engine of these workers, for one job. ``died``: unit -> how often it ended a process already."""

    def __init__(self, job: Job, workers: Hands[SomeHand], died: Mapping[str, int] | None = None) -> None:
        try:
            self._pickled = pickle.dumps(job)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise UserError(f"workers of their own need a task and a subject that pickle: {error}") from error
        self._job, self._workers = job, workers
        self._died = dict(died or {})
        self._lost = 0
        self._busy: dict[SomeHand, _Work] = {}

    def compute(self, units: Sequence[Unit], tick: Tick) -> Iterator[tuple[Unit, bytes | Stored]]:
        todo = deque(_Work(unit, self._died.get(unit.name, 0)) for unit in units)
        for work in todo:
            if work.died >= ATTEMPTS:
                self._divide(work, "")
        busy = self._busy
        while todo or busy:
            while todo and (worker := self._workers.free(busy)):
                work = todo.popleft()
                if self._job.wanted(work.unit):
                    busy[worker] = work
                    self._give(worker, work)
            if not todo and not busy:  # the last ones are not wanted any more
                return
            for worker, (kind, value) in self._workers.heard(busy):
                if self._goes_on(worker, busy[worker], kind, value, tick):
                    continue
                work = busy.pop(worker)
                data = value if kind == "part" else self._next(work, worker, kind, value, tick)
                if data is None:
                    todo.appendleft(work)
                else:
                    yield work.unit, data

    def _goes_on(self, worker: SomeHand, work: _Work, kind: str, value: Any, tick: Tick) -> bool:
        """Whether the worker only says how far it is."""
        if kind == "begin":
            worker.begun = True
            self._lost = 0
            worker.deadline = time.monotonic() + self._workers.timeout if self._workers.timeout else None
            return True
        worker.deadline = None
        if kind == "tick" and work.search is None:
            work.ticked.append(value)
            tick(*value)
        return kind == "tick"

    def _give(self, worker: SomeHand, work: _Work) -> None:
        self._hold(worker)
        worker.begun = False
        worker.send(("unit", work.unit) if work.trial is None else ("trial", work.trial))

    def _hold(self, worker: SomeHand) -> None:
        """Give it this job, unless it holds it already."""
        if worker.job != self._pickled:
            worker.send(("job", self._pickled))
            worker.job = self._pickled

    def _next(self, work: _Work, worker: SomeHand, kind: str, value: Any, tick: Tick) -> bytes | None:
        """What is to be done after a death or a trial: the bytes of the unit where its search is at an end."""
        if kind == "error":
            raise_error(value)
        if kind == "died" and not worker.begun:
            self._lost += 1
            if self._lost >= ATTEMPTS:
                raise UserError(_lost_at_start(self._job, value))
            return None
        if work.search is not None:
            return self._send(work, Outcome(None, value) if kind == "died" else Outcome(value), tick)
        for done, failed in work.ticked:  # they are asked again
            tick(-done, -failed)
        work.ticked = []
        work.died += 1
        if work.died >= ATTEMPTS:
            self._divide(work, value)
        return None

    def _divide(self, work: _Work, cause: str) -> None:
        work.search = self._job.search(work.unit, cause)
        work.trial = None if work.search is None else next(work.search)

    def _send(self, work: _Work, outcome: Outcome, tick: Tick) -> bytes | None:
        assert work.search is not None
        try:
            work.trial = work.search.send(outcome)
        except StopIteration as end:
            rows = list(end.value)
            tick(len(rows), sum(row["outcome"] == "failed" for row in rows))
            return self._job.encode(work.unit, rows)
        return None

    def probe(self) -> Mapping[str, Any]:
        while (worker := self._workers.free({})) is None:
            for _ in self._workers.heard({}):
                pass
        self._hold(worker)
        worker.send(("probe", None))
        worker.deadline = None
        for _, (kind, value) in self._workers.heard({worker: None}):
            if kind == "died":
                return {"probe_failed": value}
            if kind == "error":
                raise_error(value)
            return dict(value)
        return {}

    def close(self) -> None:
        """The workers stay for the next run; those which were still busy with this one are ended."""
        for worker in list(self._busy):
            self._workers.drop(worker, kill=True)
        self._busy = {}


def raise_error(value: tuple[bool, str]) -> None:
    """What a worker could not put down to a case: (whether memory ran out, the line)."""
    memory, line = value
    raise OutOfMemory(line) if memory else UserError(line)


def _lost_at_start(job: Job, cause: str) -> str:
    hint = "its traceback is above"
    if cause.endswith("SIGKILL"):
        hint = "if memory ran out, try fewer workers"
    return f"no worker could {job.opens}: {cause}, twice; {hint}"


def _serve(pipe: Connection, parent: int, waiting: bool) -> None:
    """The life of a child: jobs, units and trials come in, ticks and parts go out. It ends with its parent, and leaves
    Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(parent)
    keep_freed_memory()
    job: Job | None = None
    subject: Any = None
    while True:
        try:
            kind, value = pipe.recv()
            if kind == "ahead":
                with contextlib.redirect_stderr(
                    io.StringIO()
                ):  # who plans opens it as well, and says what is to be said
                    tried(value)
                continue
            if kind == "job":
                subject = None  # before the next one is opened
                job = pickle.loads(value)
                limit_threads(job.threads)
                continue
            assert job is not None
            try:
                subject = job.open() if subject is None else subject
                answer = _answer(job, subject, kind, value, pipe, waiting)
            except UserError as error:
                answer = ("error", (isinstance(error, OutOfMemory), str(error)))
            pipe.send(answer)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


def _answer(job: Job, subject: Any, kind: str, value: Any, pipe: Connection, waiting: bool) -> tuple[str, Any]:
    def begin() -> None:
        nonlocal waiting
        pipe.send(("begin", None))
        if waiting:
            pipe.recv()
            waiting = False

    if kind == "probe":
        return "probe", probe(job, subject)
    if kind == "trial":
        return "rows", job.rows(subject, value, begin)
    return "part", job.make(subject, value, lambda done, failed: pipe.send(("tick", (done, failed))), begin)

"""The local engine: units computed in this process, or in isolated child processes on this machine.

Children are spawned, not forked (threads and GPU contexts do not survive a fork), with the spec's thread count in their
environment before anything is imported. Only the parent writes. A child that dies (a crash in native code, the memory
killer) is replaced and its unit asked once more; if that one dies too, the run stops with a line that names the unit.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from harness.engines import Engine
from harness.environment import limit_threads, limited_threads
from harness.errors import UserError
from harness.isolation import attempt
from harness.units import Job, Tick, Unit, make_unit

ATTEMPTS = 2


def local_engine(job: Job, workers: int) -> Engine:
    """This process for one worker, children for more."""
    if workers < 1:
        raise UserError(f"workers must be at least 1, not {workers}")
    return InProcess(job) if workers == 1 else Children(job, workers)


def probe(job: Job, subject: Any) -> dict[str, Any]:
    """``Task.probe``, or the reason why it failed: a cost that cannot be measured must not lose the samples."""
    limit_threads(job.spec.threads)
    found, reason = attempt(lambda: dict(job.task.probe(subject)))
    return {"probe_failed": reason} if found is None else found


class InProcess:
    """One worker: this process. The subject is opened when the first unit needs it."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._subject: Any = None

    def _opened(self) -> Any:
        if self._subject is None:
            self._subject = self._job.open_subject()
        return self._subject

    def compute(self, units: Sequence[Unit], tick: Tick) -> Iterator[tuple[Unit, bytes]]:
        with limited_threads(self._job.spec.threads):
            for unit in units:
                yield unit, make_unit(self._job, self._opened(), unit, tick)

    def probe(self) -> Mapping[str, Any]:
        with limited_threads(self._job.spec.threads):
            return probe(self._job, self._opened())

    def close(self) -> None:
        self._subject = None


class Children:
    """``workers`` spawned processes, each with its own subject and the spec's threads."""

    def __init__(self, job: Job, workers: int) -> None:
        try:
            self._job = pickle.dumps(job)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise UserError(f"more than one worker needs a task and a subject that pickle: {error}") from error
        self._threads = job.spec.threads
        self._workers = workers
        self._context = multiprocessing.get_context("spawn")
        self._children: list[tuple[BaseProcess, Connection]] = []

    def _start(self) -> tuple[BaseProcess, Connection]:
        ours, theirs = self._context.Pipe()
        child = self._context.Process(target=_serve, args=(theirs, self._job), daemon=True)
        with limited_threads(self._threads):  # a child reads the thread variables when it imports NumPy and torch
            child.start()
        theirs.close()
        self._children.append((child, ours))
        return child, ours

    def _drop(self, child: BaseProcess, pipe: Connection) -> int | None:
        self._children.remove((child, pipe))
        pipe.close()
        child.join(timeout=5)
        return child.exitcode

    def compute(self, units: Sequence[Unit], tick: Tick) -> Iterator[tuple[Unit, bytes]]:
        waiting = [(unit, 1) for unit in reversed(units)]
        while len(self._children) < min(self._workers, len(units)):
            self._start()
        busy: dict[Connection, tuple[BaseProcess, Unit, int]] = {}
        free = list(self._children)
        while waiting or busy:
            while waiting and free:
                child, pipe = free.pop()
                unit, attempts = waiting.pop()
                busy[pipe] = (child, unit, attempts)
                _send(pipe, unit)
            for pipe in [pipe for pipe in wait(list(busy)) if isinstance(pipe, Connection)]:
                child, unit, attempts = busy[pipe]
                try:
                    kind, value = pipe.recv()
                except (EOFError, OSError):
                    del busy[pipe]
                    code = self._drop(child, pipe)
                    if attempts >= ATTEMPTS:
                        raise UserError(_died(unit, code)) from None
                    waiting.append((unit, attempts + 1))
                    free.append(self._start())
                    continue
                if kind == "tick":
                    tick(*value)
                    continue
                del busy[pipe]
                free.append((child, pipe))
                if kind == "error":
                    raise value
                yield unit, value

    def probe(self) -> Mapping[str, Any]:
        child, pipe = self._children[0] if self._children else self._start()
        _send(pipe, "probe")
        try:
            kind, value = pipe.recv()
        except (EOFError, OSError):
            return {"probe_failed": f"the worker died (exit code {self._drop(child, pipe)})"}
        if kind == "error":
            raise value
        return dict(value)

    def close(self) -> None:
        for child, pipe in self._children:
            pipe.close()
            child.terminate()
        for child, _ in self._children:
            child.join()
        self._children = []


def _send(pipe: Connection, message: Any) -> None:
    try:
        pipe.send(message)
    except OSError:
        return  # the child is dead: the next receive says so


def _died(unit: Unit, code: int | None) -> str:
    why = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
    hints = {
        -signal.SIGKILL: "; if memory ran out, try fewer workers or a smaller batch",
        1: "; its traceback is above",
    }
    hint = hints.get(code, "") if code is not None else ""
    return f"a worker died twice ({why}) on unit {unit.name}, cases '{unit.cases[0].id}' to '{unit.cases[-1].id}'{hint}"


def _serve(pipe: Connection, pickled: bytes) -> None:
    """The life of a child: units come in, ticks and parts go out. It ends with its parent, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker: InProcess | None = None
    job: Job | None = None
    while True:
        try:
            message = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            if worker is None or job is None:
                job = pickle.loads(pickled)
                limit_threads(job.spec.threads)
                worker = InProcess(job)
            if message == "probe":
                answer: tuple[str, Any] = ("probe", dict(worker.probe()))
            else:
                [(_, part)] = worker.compute([message], lambda done, failed: pipe.send(("tick", (done, failed))))
                answer = ("part", part)
        except UserError as error:
            answer = ("error", error)
        except BrokenPipeError:
            return
        with contextlib.suppress(BrokenPipeError):
            pipe.send(answer)

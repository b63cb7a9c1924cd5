"""The actors of the Ray engine: each holds one child process of its node, and the child holds the subject.

The child is that of the local engine (``engines.children``), so that threads, bytes, time limits and what is said of a
child that died are the same. The child stores what it made, wherever the run folder is: parts do not pass through the
driver. An actor may itself be lost, with its node or to Ray's memory monitor: then the driver starts
another one, and counts that against the unit as the local engine counts a child's end.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.engines.children import ATTEMPTS, Workers
from harness.errors import UserError
from harness.isolation import reason_of
from harness.progress import Progress

ONE = 1
"""Words of an actor that may be on their way: it goes on when the driver has taken one."""
START, WORD = 600.0, 20.0
"""Seconds in which the first actor must be there; and after which a word says that none is yet."""


@dataclass(frozen=True)
class Needs:
    """What one worker takes of the cluster."""

    cpus: float
    gpus: float

    def __str__(self) -> str:
        return f"{self.cpus:g} CPUs" + (f" and {self.gpus:g} GPUs" if self.gpus else "")

    def room_in(self, resources: Mapping[str, float]) -> int:
        """How many such workers fit into these resources of a node."""
        fits = [resources.get(name, 0.0) // need for name, need in (("CPU", self.cpus), ("GPU", self.gpus)) if need]
        return int(min(fits, default=0))


class Seat:
    """What an actor is: a place on a node, with one child."""

    def __init__(self, threads: int, timeout: float | None, paths: Sequence[str]) -> None:
        # A spawned child imports the program that its parent is: here that would be Ray's worker.
        vars(sys.modules["__main__"]).pop("__file__", None)
        sys.path += [path for path in paths if path not in sys.path]  # as for a local child
        # That the child begins is heard before it does: what ends the actor would take the word with it.
        self._workers = Workers(1, threads, timeout, waiting=True)

    def ready(self) -> bool:
        """Answers once the actor is there."""
        return True

    def answer(self, job: bytes, message: tuple[str, Any]) -> Iterator[tuple[str, Any]]:
        """What the child says to a message, word by word."""
        child = self._workers.free({})
        assert child is not None
        if child.job != job:
            child.send(("job", job))
            child.job = job
        child.deadline = None
        child.send(message)
        begun = False
        while True:
            for _, (kind, value) in self._workers.heard({child: None}):
                child.deadline = None
                if kind == "begin" and self._workers.timeout:
                    child.deadline = time.monotonic() + self._workers.timeout
                yield kind, value  # goes on once the driver has it (ONE)
                if kind == "begin" and not begun:
                    begun = True
                    child.send(("go", None))
                if kind not in ("begin", "tick"):
                    return


class Actor:
    """An actor as the driver sees it (``engines.children.Hand``)."""

    def __init__(self, seat: Any) -> None:
        self.seat = seat
        self.job = b""
        self.deadline: float | None = None
        self.begun = False
        self.stream: Any = None

    def send(self, message: Any) -> None:
        kind, value = message
        if kind == "job":
            self.job = value
        else:
            options = {"num_returns": "streaming", "_generator_backpressure_num_objects": ONE}
            self.stream = self.seat.answer.options(**options).remote(self.job, message)


class Actors:
    """Actors (``engines.children.Hands``): one for each of ``units``, and no more than ``connect`` says, which is asked
    when the first is needed. All are asked for at once and come when there is room; whoever is there works."""

    def __init__(
        self,
        connect: Callable[[], int],
        needs: Needs,
        threads: int,
        timeout: float | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.needs, self.timeout = needs, timeout
        self.units = 1
        self._connect, self._room = connect, 0
        self._threads, self._progress = threads, progress or Progress("quiet")
        self._alive: list[Actor] = []
        self._coming: dict[Any, Actor] = {}
        self._lost = 0
        self._since, self._told = time.monotonic(), False

    def free(self, busy: Mapping[Actor, Any]) -> Actor | None:
        self._room = self._room or self._connect()
        while len(self._alive) + len(self._coming) < max(1, min(self._room, self.units)):
            self._start()
        return next((actor for actor in self._alive if actor not in busy), None)

    def _start(self) -> None:
        import ray

        # No restarts by Ray: the engine counts what was lost, and asks the unit again.
        kind = ray.remote(num_cpus=self.needs.cpus, num_gpus=self.needs.gpus, max_restarts=0, max_task_retries=0)(Seat)
        seat: Any = kind.remote(self._threads, self.timeout, [os.path.abspath(path or ".") for path in sys.path])
        self._coming[seat.ready.remote()] = Actor(seat)

    def heard(self, busy: Mapping[Actor, Any]) -> Iterator[tuple[Actor, tuple[str, Any]]]:
        import ray

        streams = {id(actor.stream): actor for actor in busy}
        waited = [*(actor.stream for actor in busy), *self._coming]
        found, _ = ray.wait(waited, num_returns=1, timeout=None if self._alive else 1.0)
        for item in found:
            if id(item) in streams:
                yield streams[id(item)], self._message(streams[id(item)])
            else:
                self._arrive(item)
        if not self._alive:
            self._wait()

    def _message(self, actor: Actor) -> tuple[str, Any]:
        import ray

        try:
            kind, value = ray.get(next(actor.stream))
        except ray.exceptions.RayTaskError as error:
            return "error", (False, f"a worker failed: {reason_of(error.cause or error)}")
        except ray.exceptions.RayError as error:
            self.drop(actor, kill=True)
            return "died", lost(error)
        return kind, value

    def _arrive(self, ready: Any) -> None:
        """Take in an actor that is there, or note that it is lost. Raises UserError for one after the other that is."""
        import ray

        actor = self._coming.pop(ready)
        try:
            ray.get(ready)
        except ray.exceptions.RayError as error:
            self._lost += 1
            if self._lost >= ATTEMPTS:
                why = _last_line(error) if "creation task" in str(error) else lost(error)
                raise UserError(
                    f"no worker could be started, twice: {why}; every machine of the cluster needs ddtbench and what "
                    "the task and the model import"
                ) from error
            return
        self._lost = 0
        self._alive.append(actor)

    def _wait(self) -> None:
        """No actor is there. Raises UserError after too long."""
        waited = time.monotonic() - self._since
        if waited > START:
            raise UserError(
                f"the cluster had no room for a worker in {waited:.0f} s: one takes {self.needs}, as the model's entry "
                "says; add such a node, or end what holds them"
            )
        if waited > WORD and not self._told:
            self._told = True
            self._progress.note(f"waiting for a node of the cluster that has {self.needs} free")

    def drop(self, worker: Actor, kill: bool = False) -> int:
        self._alive.remove(worker)
        self._since, self._told = time.monotonic(), False
        _end(worker)
        return 0

    def close(self) -> None:
        """End all of them; what they are doing is dropped."""
        for actor in [*self._alive, *self._coming.values()]:
            _end(actor)
        self._alive, self._coming = [], {}


def _end(actor: Actor) -> None:
    import ray

    if ray.is_initialized():  # else its end has come with Ray's
        ray.kill(actor.seat)


def _last_line(error: BaseException) -> str:
    return next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)


def lost(error: BaseException) -> str:
    """The reason of a case whose actor was lost: what Ray says of it, in short."""
    said = " ".join(str(error).split()).lower()
    if "low on memory" in said or type(error).__name__ == "OutOfMemoryError":
        return "the worker died: its node ran low on memory"
    if "node" in said and ("node died" in said or "node is dead" in said or "node was terminated" in said):
        return "the worker died: its node was lost"
    return "the worker died: its actor was lost"

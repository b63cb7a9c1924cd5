"""The light parent of ``ddtbench run``: it computes nothing, and a process that ends or hangs cannot end it.

The child is forked before anything heavy is imported, so that it costs nothing. It says through a pipe what it begins
and, at the end, its exit code; ending without a word, with whatever code, is no success. Then the parent starts another
child, which knows what the last one died of, and resumes.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType

from harness.errors import Exit

GRACE, AGAIN = 20.0, 2.0
"""Seconds between asking the child to stop and making it; and between a first and a second request, which makes it."""
START, OPENING, BETWEEN = "the start", "opening ", "storing or measuring"
ISOLATED = ("unit ", "observing ", "probing ")
"""Places that the next process can leave out or leave to a child of its own."""
RESTARTS = 4
"""How often one place may end the process before nothing more is tried."""


def cause_of(status: int) -> str:
    """What a process died of, from its exit code (negative: the signal): ``SIGKILL``, ``exit code 3``."""
    if status >= 0:
        return f"exit code {status}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"


def no_answer(seconds: float) -> str:
    """The reason of a case that hung."""
    return f"no answer in {seconds:g} s"


def die_with_parent(parent: int) -> None:
    """End this process when its parent does, whatever ends that one (on Linux; elsewhere a later write fails)."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(Exit.INTERRUPTED)


@dataclass
class Watch:
    """The child's end. ``deaths``: place -> what the processes before this one died of there. ``limit``: seconds that a
    batch may take. Without a pipe (a call from Python) nobody listens."""

    pipe: int | None = None
    deaths: Mapping[str, list[str]] = field(default_factory=dict)
    limit: float | None = None

    def begin(self, place: str) -> None:
        """From now on this batch is being done; after ``limit`` seconds without another word the process is ended."""
        self._say({"place": place, "limit": self.limit})

    def enter(self, place: str) -> None:
        """From now on this is being done, however long it takes."""
        self._say({"place": place, "limit": None})

    def rest(self) -> None:
        """Nothing of a subject or an instrument is being done."""
        self.enter(BETWEEN)

    def done(self, code: int) -> None:
        """The last word."""
        self._say({"done": code})

    def _say(self, message: Mapping[str, object]) -> None:
        if self.pipe is None:
            return
        try:
            os.write(self.pipe, json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            os._exit(Exit.INTERRUPTED)  # nobody is there any more who would give the command again


_watch = Watch()


def current() -> Watch:
    """That of this process."""
    return _watch


def watched(work: Callable[[], int], say: Callable[[str], None]) -> int:
    """Do ``work`` in a child, again where the child dies; returns its exit code, in the parent and in the child (which
    must then exit with it). ``say`` shows a line to the user."""
    deaths: dict[str, list[str]] = {}
    while True:
        end = _Life(work, deaths).end()
        if end.code is not None:
            return end.code
        where = end.place
        deaths.setdefault(where, []).append(end.cause)
        if end.interrupted:
            say("interrupted; what is finished is kept, and the same command continues from there")
            return Exit.INTERRUPTED
        if where == START or where.startswith(OPENING):
            say(f"the process died at {where}: {end.cause}")
            return Exit.BAD_INPUT
        if not where.startswith(ISOLATED) or len(deaths[where]) >= RESTARTS:
            say(f"the process died at {where}: {end.cause}; what is finished is kept")
            return Exit.IN_PART
        say(f"the process died at {where}: {end.cause}; another one continues")


@dataclass
class _End:
    """How a child ended: with a code; or without one, at ``place``, of ``cause``."""

    code: int | None
    place: str = ""
    cause: str = ""
    interrupted: bool = False


class _Life:
    """One child from its fork to its end."""

    def __init__(self, work: Callable[[], int], deaths: Mapping[str, list[str]]) -> None:
        self._work, self._deaths = work, deaths
        self._place, self._limit = START, 0.0
        self._deadline: float | None = None
        self._stops: list[float] = []
        self._code: int | None = None
        self._status: int | None = None

    def end(self) -> _End:
        sys.stdout.flush()
        sys.stderr.flush()
        read, write = os.pipe()
        parent = os.getpid()
        self._child = os.fork()
        if self._child == 0:
            os.close(read)
            die_with_parent(parent)
            return _End(self._live(write))
        os.close(write)
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            hung = self._listen(read)
            status = self._gone(wait=True)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(read)
        if self._code is not None:
            return _End(self._code)
        cause = no_answer(self._limit) if hung else cause_of(os.waitstatus_to_exitcode(status or 0))
        return _End(None, self._place, cause, bool(self._stops))

    def _gone(self, wait: bool = False) -> int | None:
        """The child's status once it has ended."""
        if self._status is None:
            child, status = os.waitpid(self._child, 0 if wait else os.WNOHANG)
            self._status = status if child else None
        return self._status

    def _live(self, pipe: int) -> int:
        global _watch
        _watch = Watch(pipe, self._deaths)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
        code = self._work()
        sys.stdout.flush()
        sys.stderr.flush()
        _watch.done(code)
        return code

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Pass it on; a second one, or none of it being heard, ends the child."""
        self._stops.append(time.monotonic())
        # a terminal has told the child already, which takes only the first
        os.kill(self._child, signal.SIGKILL if self._impatient() else signal.SIGTERM)

    def _impatient(self) -> bool:
        waited = time.monotonic() - self._stops[0] if self._stops else 0.0
        return waited > GRACE or (len(self._stops) > 1 and waited > AGAIN)

    def _listen(self, pipe: int) -> bool:
        """Until the child is gone. Whether it was ended because nothing came from it."""
        text, hung = b"", False
        while True:
            wait = 1.0 if self._deadline is None else min(1.0, max(0.0, self._deadline - time.monotonic()))
            if select.select([pipe], [], [], wait)[0]:
                data = os.read(pipe, 1 << 16)
                if not data:
                    return hung
                *lines, text = (text + data).split(b"\n")
                for line in lines:
                    self._hear(json.loads(line))
            elif self._gone() is not None:  # a process of its own may still hold the pipe
                return hung
            elif self._stops and self._impatient():
                os.kill(self._child, signal.SIGKILL)
            elif self._deadline is not None and time.monotonic() > self._deadline:
                hung, self._deadline = True, None
                os.kill(self._child, signal.SIGKILL)

    def _hear(self, message: Mapping[str, object]) -> None:
        if "done" in message:
            self._code = int(str(message["done"]))
            self._deadline = time.monotonic() + GRACE  # for what an exit has to do
            return
        limit = message["limit"]
        self._place = str(message["place"])
        self._limit = float(str(limit)) if limit is not None else 0.0
        self._deadline = None if limit is None else time.monotonic() + self._limit


def _interrupt(number: int, frame: FrameType | None) -> None:
    """As Ctrl-C, once: the way out must not be interrupted."""
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, _deaf)
    raise KeyboardInterrupt


def _deaf(number: int, frame: FrameType | None) -> None:
    """Not SIG_IGN: Python complains of a signal that came just before it was ignored."""

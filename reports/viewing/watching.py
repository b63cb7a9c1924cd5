"""Two threads: one looks at the runs again and again, the other makes reports of what the first has seen."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.isolation import tried
from reports.reading.going import Look, Onlooker
from reports.viewing.building import Outcome
from reports.viewing.pages import Shelf, State
from reports.viewing.wording import told

PAUSE = 1.0
SHARE = 10.0
"""A look is followed by a pause of at least so many times its own length: looking costs a tenth of a core at most."""

KEPT = 10
"""Words of before whose pictures are kept."""


class _Told:
    """Look and state in words."""

    def __init__(self, look: Look, state: State) -> None:
        self.look, self.state = look, state
        self.said, self.pictures = told(look, state)


class Watching:
    """What is known of a root of runs, by the second."""

    def __init__(
        self, runs: str, place: Path, build: Callable[[Path], Outcome], say: Callable[[str], None], pause: float = PAUSE
    ) -> None:
        self.shelf = Shelf(place, build, say)
        self._onlooker = Onlooker(runs)
        self._pause = pause
        self._over = threading.Event()
        self._seen = threading.Condition()
        self._look: Look | None = None
        self._told = deque([_Told(Look(), State())], maxlen=KEPT)
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._watch, self._make)]

    @property
    def state(self) -> State:
        return self.shelf.state

    @property
    def said(self) -> Mapping[str, Any]:
        """What is to be said of it now."""
        return self._newest().said

    def picture(self, address: str) -> bytes | None:
        """One that belongs to it, or to what was said shortly before: a page may still be asking."""
        return next((one.pictures[address] for one in reversed(tuple(self._told)) if address in one.pictures), None)

    def _newest(self) -> _Told:
        newest, look, state = self._told[-1], self._look or Look(), self.shelf.state
        if newest.look is not look or newest.state is not state:
            newest = _Told(look, state)
            self._told.append(newest)
        return newest

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin nothing more. What is being made is not waited for: its process is ended by who began it."""
        self._over.set()
        with self._seen:
            self._seen.notify_all()

    def join(self, seconds: float) -> None:
        for thread in self._threads:
            thread.join(seconds)

    def _watch(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            seen, reason = tried(self._onlooker.look)
            # whatever it is, it is said, and the next look may see more
            look = seen or Look(trouble=f"a defect of ours: {reason}")
            with self._seen:
                self._look = look
                self._seen.notify_all()
            self._over.wait(max(self._pause, SHARE * (time.monotonic() - began)))

    def _make(self) -> None:
        while not self._over.is_set():
            with self._seen:
                self._seen.wait(0.5)
                look = self._look
            if look is not None and not self._over.is_set() and self.shelf.due(look, time.monotonic()):
                self.shelf.make(look)

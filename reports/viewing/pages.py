"""The pages of the newest report: made behind the scenes when stored files changed, and swapped whole.

A report is served under its number (``/v3/index.html``), so that a page and the files that it asks for later are of one
report. The report before is kept for the pages that are open.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.isolation import tried
from reports.reading.going import Look
from reports.viewing.building import Outcome

LEAST = 3.0
"""Seconds between two reports at least; and, where only samples came, the longer pause."""
LONGER = 30.0
KEPT = 2


@dataclass(frozen=True)
class Pages:
    """One report: its files by their addresses. What is not among them is not served, wherever an address leads."""

    number: int
    files: Mapping[str, Path]

    def read(self, name: str) -> bytes | None:
        """None for what is not there, or not any more."""
        place = self.files.get(name)
        if place is None:
            return None
        try:
            handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(handle, "rb") as file:
                return file.read()
        except OSError:
            return None

    @classmethod
    def of(cls, number: int, folder: Path) -> Pages:
        """Every plain file of a folder; links are none."""
        found = {}
        for parent, _, names in os.walk(folder):
            for name in names:
                place = Path(parent, name)
                if place.is_file() and not place.is_symlink() and not name.startswith("."):
                    found[place.relative_to(folder).as_posix()] = place
        return cls(number, found)


@dataclass(frozen=True)
class State:
    """What is to be said of the pages: the newest (None: none yet), why there is no newer one, whether one is made."""

    pages: Pages | None = None
    problem: str = ""
    making: bool = False


class Shelf:
    """Makes reports in ``place`` and hands out the newest. ``say`` is told each line that is new."""

    def __init__(self, place: Path, build: Callable[[Path], Outcome], say: Callable[[str], None]) -> None:
        self._place, self._build, self._say = place, build, say
        self._kept: tuple[Pages, ...] = ()
        self._told: frozenset[str] = frozenset()
        self._number = 0
        self._built: Look | None = None
        self._took, self._ended = 0.0, float("-inf")
        self.state = State()
        self.tried = threading.Event()
        """Set once a first report was made, or could not be."""

    def of(self, number: int) -> Pages | None:
        """The report of this number, if it is still here."""
        return next((pages for pages in self._kept if pages.number == number), None)

    def due(self, look: Look, now: float) -> bool:
        """Whether another report is to be made of what was seen."""
        if look.trouble:
            return self._built is None
        if self._built is None or look.results != self._built.results:
            return now >= self._ended + max(LEAST, self._took)
        return look.parts != self._built.parts and now >= self._ended + max(LONGER, 10 * self._took)

    def make(self, look: Look) -> None:
        """Make a report of what is stored now and put it in place of the one before; where that fails, that one
        stays."""
        self._built = look  # what changes from here on is for the next one
        self._number += 1
        self.state = State(self.state.pages, self.state.problem, making=True)
        folder, began = self._place / str(self._number) / "report", time.monotonic()
        made, problem = tried(lambda: self._attempt(folder))
        outcome = made or Outcome(problem)  # whatever it was, the pages of before are kept and it is said
        self._ended = time.monotonic()
        self._took = self._ended - began
        newest = self._kept[0] if self._kept else None
        self.state = State(newest, outcome.problem)
        self._tell(outcome)
        self.tried.set()
        kept = {str(pages.number) for pages in self._kept}
        for left in self._place.iterdir():
            if left.name not in kept:
                shutil.rmtree(left, ignore_errors=True)

    def _attempt(self, folder: Path) -> Outcome:
        folder.parent.mkdir(parents=True)
        outcome = self._build(folder)
        if not outcome.problem:
            self._kept = (Pages.of(self._number, folder), *self._kept[: KEPT - 1])
        return outcome

    def _tell(self, outcome: Outcome) -> None:
        lines = dict.fromkeys(outcome.notes)
        if outcome.problem:
            lines[f"the report could not be made: {outcome.problem}"] = None
        for line in lines:
            if line not in self._told:
                self._say(line)
        self._told = frozenset(lines)

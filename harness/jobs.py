"""Work as engines know it: units, and the job that they are of. An engine knows neither subjects nor instruments."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from harness.contracts import Case
from harness.store.summary import Stored

Row = dict[str, Any]
Tick = Callable[[int, int], None]
"""Called with how many cases were just finished and how many of them failed."""
Begin = Callable[[], None]
"""Called before each question to the subject, so that who watches can tell when no answer comes."""


def unwatched() -> None:
    """Where nobody watches."""


@dataclass(frozen=True)
class Unit:
    """A slice of the cases, named by its number: ``00000``, ``00001`` ..."""

    name: str
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Trial:
    """One batch to be asked in a process that may end: ``cases``, without those in ``dead`` (id -> reason)."""

    cases: tuple[Case, ...]
    dead: Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """The rows of a trial; None where its worker died of ``cause``."""

    rows: Sequence[Row] | None
    cause: str = ""


Search = Generator[Trial, Outcome, list[Row]]
"""What becomes of a unit that ended its processes: yields trials, is sent their outcomes, and returns its rows."""


class Job(Protocol):
    """A kind of work, as engines know it: asking a subject (``AskingJob``), or observing what is stored
    (``harness.looking``). For other processes it is pickled, and so must its members be."""

    @property
    def threads(self) -> int:
        """With how many it computes, wherever that is."""
        ...

    @property
    def key(self) -> str:
        """Of the run."""
        ...

    @property
    def model(self) -> str:
        """``NAME[@...]`` whose entry says what a worker takes of a cluster; "" where none does."""
        ...

    @property
    def place(self) -> str:
        """The folder or URL where the run lies, as any process names it."""
        ...

    @property
    def opens(self) -> str:
        """What a worker does that opens what is needed, for who reads that none could: ``ask NAME anything``."""
        ...

    @property
    def warm(self) -> int:
        """How many units must be made before the time of one says what the others take."""
        ...

    def doing(self, unit: Unit) -> str:
        """What is said of who makes this unit, so that a process which ends can be put down to it."""
        ...

    def open(self) -> Any:
        """What every unit needs, opened once in each process."""
        ...

    def make(self, opened: Any, unit: Unit, tick: Tick, begin: Begin) -> bytes | Stored:
        """The bytes of the unit's part, the same in every process; or what is known of it once it is ``stored``."""
        ...

    def stored(self, unit: Unit, data: bytes) -> Stored:
        """Store the part where the run lies, from whatever process this is."""
        ...

    def wanted(self, unit: Unit) -> bool:
        """Whether it still is, after what became of others."""
        ...

    def search(self, unit: Unit, cause: str) -> Search | None:
        """How the cases are found that end a process, of a unit that ended two, the last of ``cause``; None where it
        is not to be made at all."""
        ...

    def rows(self, opened: Any, trial: Trial, begin: Begin) -> list[Row]:
        """Of a trial of the search."""
        ...

    def encode(self, unit: Unit, rows: Sequence[Row]) -> bytes:
        """The bytes of the unit's part, from what the search found."""
        ...

    def probe(self, opened: Any) -> Mapping[str, Any]:
        """What one unit costs, where that is measured."""
        ...

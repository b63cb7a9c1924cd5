"""Who holds a run folder, and how far they are: what its lock says to whoever looks. Looking takes no lock.

The holder writes itself into the lock when it takes it, and now and then how far it is (``telling``); what it
said last stays there when it lets go. Whether somebody holds the lock now the kernel says (``/proc/locks``); where it
does not, a holder whose process has not ended is taken for one that still holds it.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from harness.progress import Tally

LOCKS = "/proc/locks"
EVERY = 0.2
"""Seconds between two words of a holder."""
WIDTH = 256
Doing = Literal["", "asking", "observing"]


@dataclass(frozen=True)
class Holder:
    """A process that holds, or held, a run folder. ``doing``: "" where it has not said. Of ``wanted`` pieces ``stored``
    were there when it began, and ``made`` more are done in ``seconds``, ``failed`` of them failed."""

    pid: int
    host: str
    doing: Doing = ""
    wanted: int = 0
    stored: int = 0
    made: int = 0
    failed: int = 0
    seconds: float = 0.0

    @property
    def here(self) -> bool:
        """Whether it is a process of this machine."""
        return self.host == platform.node()

    @property
    def ended(self) -> bool:
        """Whether it was a process of this machine that has ended; of another machine nothing can be known."""
        if not self.here:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):
            return False
        return False


def written_holder(said: Mapping[str, Any] | None = None) -> bytes:
    """This process, and what it says, for the lock: of one width, so that who reads meanwhile finds it whole."""
    who = Holder(os.getpid(), platform.node(), **(said or {}))
    shown = {name: value for name, value in asdict(who).items() if said or name in ("pid", "host")}
    return json.dumps(shown).encode().ljust(WIDTH)


def read_holder(content: bytes) -> Holder | None:
    """What a lock says; None for one that says nothing readable."""
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(content)
        if not isinstance(value, dict) or not isinstance(value.get("host"), str):
            return None
        kinds = {"str": str, "Doing": str, "int": int, "float": int | float}
        known = {field.name: kinds[str(field.type)] for field in fields(Holder)}
        found = {name: item for name, item in value.items() if name in known and _is_a(known[name], item)}
        if "pid" in found and found.get("doing", "") in ("", "asking", "observing"):
            return Holder(**found)
    return None


def _is_a(kind: Any, value: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and (isinstance(value, str) or 0 <= value < 2**63)


def held_locks() -> frozenset[tuple[int, int]] | None:
    """(process, inode) of every file that is locked on this machine now; None where the kernel does not say."""
    try:
        with open(LOCKS, encoding="ascii", errors="replace") as file:
            lines = [line.split() for line in file]
    except OSError:
        return None
    found = set()
    for words in lines:
        # "1: FLOCK ADVISORY WRITE 4711 fe:00:2146306 0 EOF"; one that waits has an arrow behind its number
        with contextlib.suppress(ValueError, IndexError):
            if words[1] == "FLOCK":
                found.add((int(words[4]), int(words[5].rpartition(":")[2])))
    return frozenset(found)


def telling(tell: Callable[[Mapping[str, Any]], None], doing: Doing, stored: int = 0) -> Callable[[Tally], None]:
    """What shows a tally by ``tell``: at once, then now and then. ``stored``: what was there before."""
    last = float("-inf")

    def show(stage: Tally) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < EVERY:
            return
        last = now
        tell(
            {
                "doing": doing,
                "wanted": stored + stage.total,
                "stored": stored,
                "made": stage.done,
                "failed": stage.failed,
                "seconds": round(stage.seconds, 3),
            }
        )

    return show

"""One run folder as who looks at it sees it: the names in it, and what its lock says."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.store.contents import SAMPLES
from harness.store.files import LOCK, Folder
from harness.store.holder import Holder, read_holder
from harness.store.parts import Part
from reports.reading.samples import UNREADABLE

SILENT = 900.0
"""Seconds after which a holder on another machine is taken for gone."""
LONGEST = 1 << 16
"""Bytes of a lock that is read."""
Stamps = Mapping[str, tuple[int, float]]
State = Literal["asking", "observing", "measuring", "left"]


@dataclass(frozen=True)
class Seen:
    """A run folder by the names in it and its lock. ``said``: when its holder said something last."""

    path: str
    stamps: Stamps
    holder: Holder | None
    held: bool
    said: float

    @property
    def measured(self) -> bool:
        return any(name.startswith("measures/") and name.endswith("/estimates.json") for name in self.stamps)

    @property
    def parts(self) -> list[Part]:
        """Of samples, in the order of the units."""
        found = (Part.parse(name.removeprefix(f"{SAMPLES}/")) for name in self.stamps if name.startswith(f"{SAMPLES}/"))
        return sorted((part for part in found if part), key=lambda part: int(part.unit))

    @property
    def process(self) -> tuple[str, int]:
        return (self.holder.host, self.holder.pid) if self.holder else ("", 0)

    @classmethod
    def of(cls, top: Folder, path: str, stamps: Stamps, locks: frozenset[tuple[int, int]] | None) -> Seen:
        lock, said = f"{path}/{LOCK}".strip("/"), stamps.get(LOCK, (0, 0.0))[1]
        if stamps.get(LOCK, (LONGEST + 1,))[0] > LONGEST:
            return cls(path, stamps, None, False, 0.0)
        try:
            holder = read_holder(top.read(lock))
            if not top.local:
                return cls(path, stamps, holder, holder is None or not holder.ended, time.time())
            inode = os.stat(top.local_path(lock)).st_ino
        except UNREADABLE:
            return cls(path, stamps, None, False, said)
        if holder is not None and not holder.here:
            held = time.time() - said < SILENT and bool(holder.doing)
        elif locks is None:
            held = holder is not None and not holder.ended
        else:
            held = any(number == inode and (holder is None or process == holder.pid) for process, number in locks)
        return cls(path, stamps, holder, held, said)


def state_of(seen: Seen, latest: bool, manifest: Mapping[str, Any]) -> State:
    """What is being done; ``latest``: in no folder that its holder held did it say something later."""
    holder, asked = seen.holder, "stored" in manifest
    if seen.held and holder and holder.doing:
        return "observing" if holder.doing == "observing" else "asking"
    if seen.held:
        return "measuring" if asked else "asking"
    alive = holder is not None and holder.here and not holder.ended
    return "measuring" if asked and alive and latest else "left"

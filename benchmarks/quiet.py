"""Is anything else computing? What other processes used of the processor, as the kernel counts it.

Ours are this process and all that it started; everybody else's user and system time counts, but for the kernel's own
threads, which write and swap for whoever asks. A process that ends hands its time to its parent, so that the sum over
processes of own and children's time misses none that came and went.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
KERNEL = "kthreadd"
"""The parent of the kernel's threads."""
WINDOW = 5.0
"""Seconds that are looked at before a benchmark begins."""
MOST = 0.1
"""Cores that others may use."""


@dataclass(frozen=True)
class Used:
    """Seconds of one process: its own, and with those of its children that have ended."""

    name: str
    own: float
    with_ended: float


@dataclass(frozen=True)
class Others:
    """How much of a core others used, and who most."""

    cores: float
    who: str = ""

    @property
    def quiet(self) -> bool:
        return self.cores <= MOST

    def __str__(self) -> str:
        return f"{self.cores:.2f} of a core" + (f", most by {self.who}" if self.who else "")


class Watch:
    """From its making on. Raises OSError where the kernel does not say what processes use."""

    def __init__(self, proc: Path = PROC, own: int | None = None) -> None:
        self._proc, self._own = proc, own or os.getpid()
        self._begun, self._before = time.monotonic(), _used_by_others(proc, self._own)

    def so_far(self, seconds: float | None = None) -> Others:
        """What others used since; ``seconds``: how long that was, where it is known."""
        passed = seconds or max(time.monotonic() - self._begun, 1e-9)
        now, before = _used_by_others(self._proc, self._own), self._before
        gains = {pid: now[pid].own - before[pid].own if pid in before else now[pid].own for pid in now}
        total = sum(used.with_ended for used in now.values()) - sum(used.with_ended for used in before.values())
        most = max(gains, key=lambda pid: gains[pid], default=None)
        # where a parent does not wait for its children their time is lost to the sum: those alive still count
        cores = max(total, sum(gain for gain in gains.values() if gain > 0), 0.0) / passed
        who = f"{now[most].name} (process {most})" if most is not None and gains[most] > MOST * passed / 2 else ""
        return Others(cores, who)


def look_before(seconds: float = WINDOW) -> Others:
    """What others use now, watched for so long."""
    watch = Watch()
    time.sleep(seconds)
    return watch.so_far()


def _used_by_others(proc: Path, own: int) -> Mapping[int, Used]:
    ticks = os.sysconf("SC_CLK_TCK")
    used: dict[int, Used] = {}
    children: dict[int, list[int]] = defaultdict(list)
    for entry in os.scandir(proc):
        if not entry.name.isdigit():
            continue
        try:
            text = Path(entry.path, "stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        # the name stands in parentheses and may hold some itself
        name, _, rest = text.partition("(")[2].rpartition(")")
        words = rest.split()
        user, system, ended_user, ended_system = (int(word) / ticks for word in words[11:15])
        pid = int(entry.name)
        used[pid] = Used(name, user + system, user + system + ended_user + ended_system)
        children[int(words[1])].append(pid)
    if own not in used:
        raise OSError(f"{proc} does not name this process")
    kernel = [pid for pid, process in used.items() if process.name == KERNEL]
    waiting = [own, *kernel]
    while waiting:
        pid = waiting.pop()
        used.pop(pid, None)
        waiting += children[pid]
    return used

"""A part of a script in a process of its own: with another number of threads, or where its memory is to be measured."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.claims import THREADS

CHILD = "--child"


def asked_of_child() -> dict[str, Any] | None:
    """What this process was started for by ``ask_child``; None where it is no child."""
    return json.loads(sys.argv[2]) if len(sys.argv) == 3 and sys.argv[1] == CHILD else None


def answer(found: Any) -> None:
    """The child's last line."""
    print(json.dumps(found), flush=True)


def ask_child(script: str | Path, request: dict[str, Any], threads: int, timeout: float = 600.0) -> Any:
    """The answer of ``script``, with so many threads for every library. Raises SystemExit where it fails."""
    told = {**os.environ, **dict.fromkeys(THREADS, str(threads))}
    words = [sys.executable, str(script), CHILD, json.dumps(request)]
    done = subprocess.run(words, env=told, stdout=subprocess.PIPE, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise SystemExit(f"{Path(script).name} {CHILD} {json.dumps(request)} ended with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def peak() -> float:
    """The most memory that this process has held since it began, in MB. (What ``getrusage`` says begins with the
    memory of the process that started it.)"""
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))):
        return int(found[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6

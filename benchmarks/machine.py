"""What a time was measured on: processor, cores, memory, and the versions that decide speed."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

from harness.environment import package_version

CPUINFO, MEMINFO = Path("/proc/cpuinfo"), Path("/proc/meminfo")
PACKAGES = ("torch", "numpy", "transformers")
"""Named with every machine; a script names its peers' versions in its rows."""


def machine_name(cpuinfo: Path = CPUINFO, meminfo: Path = MEMINFO) -> str:
    """One line, equal for equal machines: ``AMD EPYC (family 25, model 1), 2 cores, 24 GB; Python 3.11.9 ...``."""
    facts = _facts(cpuinfo)
    model = facts.get("model name") or platform.processor() or platform.machine()
    numbers = [f"{key.removeprefix('cpu ')} {facts[key]}" for key in ("cpu family", "model") if key in facts]
    kind = f"{model} ({', '.join(numbers)})" if numbers else model
    size = [f"{gigabytes(meminfo)} GB"] if meminfo.exists() else []
    versions = [f"Python {platform.python_version()}", *(f"{name} {package_version(name)}" for name in PACKAGES)]
    return f"{', '.join([kind, f'{cores()} cores', *size])}; {', '.join(versions)}"


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gigabytes(meminfo: Path = MEMINFO) -> int:
    """Of memory, to nearest."""
    found = re.search(r"MemTotal:\s+(\d+) kB", meminfo.read_text(encoding="ascii"))
    return round(int(found[1]) * 1024 / 1e9) if found else 0


def _facts(cpuinfo: Path) -> Mapping[str, str]:
    """Of the first processor."""
    if not cpuinfo.exists():
        return {}
    first = cpuinfo.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
